//! Words for people: what an operating system's error means for the link to a device.

use std::io;
use std::io::ErrorKind;

/// What went wrong, to be followed by whom it concerns.
pub(super) fn io_error(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => "connection refused".into(),
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
            "connection broken off".into()
        }
        ErrorKind::UnexpectedEof => "connection closed".into(),
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => "no route".into(),
        ErrorKind::TimedOut => "no connection in time".into(),
        _ => error.to_string(),
    }
}

/// Why there is no connection to `address`.
pub(super) fn connecting(error: &io::Error, address: &str) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => format!("connection refused by {address}"),
        ErrorKind::TimedOut => format!("no connection to {address} in time"),
        _ => format!("no connection to {address}: {}", io_error(error)),
    }
}
