//! Words for people: what an operating system's error means for the link to a device.

use std::fmt;
use std::io;
use std::io::ErrorKind;

use crate::model::Text;

/// An error of a stream that this room found itself, in words of its own.
#[derive(Debug)]
struct Own(Text);

impl fmt::Display for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.en)
    }
}

impl std::error::Error for Own {}

/// An error that says `words`.
pub(super) fn own_error(words: Text) -> io::Error {
    io::Error::other(Own(words))
}

/// What went wrong, to be followed by whom it concerns.
pub(super) fn io_error(error: &io::Error) -> Text {
    match error.kind() {
        ErrorKind::ConnectionRefused => Text::new("拒绝连接", "connection refused"),
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
            Text::new("连接中断", "connection broken off")
        }
        ErrorKind::UnexpectedEof => Text::new("连接被对方关闭", "connection closed"),
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => Text::new("网络不可达", "no route"),
        ErrorKind::TimedOut => Text::new("连接超时", "no connection in time"),
        _ => match error.get_ref().and_then(|error| error.downcast_ref()) {
            Some(Own(words)) => words.clone(),
            None => Text::same(error.to_string()),
        },
    }
}

/// Why there is no connection to `address`.
pub(super) fn connecting(error: &io::Error, address: &str) -> Text {
    match error.kind() {
        ErrorKind::ConnectionRefused => {
            Text::new(format!("{address} 拒绝连接"), format!("connection refused by {address}"))
        }
        ErrorKind::TimedOut => {
            Text::new(format!("连接 {address} 超时"), format!("no connection to {address} in time"))
        }
        _ => Text::new(format!("无法连接 {address}"), format!("no connection to {address}"))
            .because(&io_error(error)),
    }
}
