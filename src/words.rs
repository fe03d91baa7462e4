//! Words for people, what an operating system's error means for the way to a device or to a destination; and words from people,
//! how much of what they wrote is taken.

use std::fmt;
use std::io;
use std::io::ErrorKind;

use crate::model::Text;

/// Why a text from outside is not taken, to be preceded by the name of the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LineError {
    /// Longer than this many characters.
    #[error("has more than {0} characters")]
    Long(usize),
    /// A line break, a tab or the like.
    #[error("holds a control character")]
    Control,
}

/// What a person or a centre wrote in one line of at most `chars_max` characters, without the blanks around it; none if
/// nothing is left.
pub(crate) fn line(text: &str, chars_max: usize) -> Result<Option<&str>, LineError> {
    let text = text.trim();
    if text.chars().count() > chars_max {
        return Err(LineError::Long(chars_max));
    }
    if text.chars().any(char::is_control) {
        return Err(LineError::Control);
    }
    Ok((!text.is_empty()).then_some(text))
}

/// An error that the gateway itself found on a stream, in words of its own.
#[derive(Debug)]
struct Own(Text);

impl fmt::Display for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.en)
    }
}

impl std::error::Error for Own {}

/// An error that says `words`.
pub(crate) fn own_error(words: Text) -> io::Error {
    io::Error::other(Own(words))
}

/// What went wrong, to be followed by whom it concerns.
pub(crate) fn io_error(error: &io::Error) -> Text {
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
pub(crate) fn connecting(error: &io::Error, address: &str) -> Text {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_connection_names_who_refused_it_in_both_languages() {
        let refused = ErrorKind::ConnectionRefused.into();
        let words = Text::new("127.0.0.1:502 拒绝连接", "connection refused by 127.0.0.1:502");
        assert_eq!(connecting(&refused, "127.0.0.1:502"), words);
        let routeless = ErrorKind::HostUnreachable.into();
        let words = Text::new("无法连接 plc:502：网络不可达", "no connection to plc:502: no route");
        assert_eq!(connecting(&routeless, "plc:502"), words);
    }

    #[test]
    fn what_is_not_known_here_stands_as_the_system_says_it() {
        let words = io_error(&io::Error::other("no such thing"));
        assert_eq!(words, Text::same("no such thing"));
        let own = Text::new("甲", "A");
        assert_eq!(io_error(&own_error(own.clone())), own);
    }
}
