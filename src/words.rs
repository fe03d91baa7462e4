//! Words for people, what an operating system's error means for the way to a device or to a destination; and words from people,
//! how much of what they wrote is taken.

use std::error::Error;
use std::fmt;
use std::io;
use std::io::ErrorKind;

use rustls::{AlertDescription, CertificateError};

use crate::model::limits::{OPERATOR_NAME_CHARS_MAX, OPERATOR_REASON_CHARS_MAX};
use crate::model::{Finding, Text};

/// Why a text from outside is not taken, to be preceded by the name of the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LineError {
    /// Longer than this many characters.
    #[error("has more than {0} characters")]
    Long(usize),
    /// A line break, a tab or the like.
    #[error("holds a control character")]
    Control,
    /// Nothing, where something must be said.
    #[error("is blank")]
    Blank,
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

/// The same, where something must be said.
pub(crate) fn needed(text: &str, chars_max: usize) -> Result<String, LineError> {
    line(text, chars_max)?.map(str::to_owned).ok_or(LineError::Blank)
}

/// What is put on record of an alarm, each part in words that fit into a line; or the part that does not, and why.
pub(crate) fn finding(finding: &Finding) -> Result<Finding, (&'static str, LineError)> {
    let Finding { nature, cause, measure, handler, ledger } = finding;
    let at = |field: &'static str| move |error| (field, error);
    let ledger = line(ledger.as_deref().unwrap_or_default(), OPERATOR_NAME_CHARS_MAX);
    Ok(Finding {
        nature: *nature,
        cause: needed(cause, OPERATOR_REASON_CHARS_MAX).map_err(at("finding.cause"))?,
        measure: needed(measure, OPERATOR_REASON_CHARS_MAX).map_err(at("finding.measure"))?,
        handler: needed(handler, OPERATOR_NAME_CHARS_MAX).map_err(at("finding.handler"))?,
        ledger: ledger.map_err(at("finding.ledger"))?.map(str::to_owned),
    })
}

/// An error that the gateway itself found on a stream, in words of its own.
#[derive(Debug)]
struct Own(Text);

impl fmt::Display for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.en)
    }
}

impl Error for Own {}

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
        _ => match error.get_ref() {
            Some(inner) => inner_error(inner).unwrap_or_else(|| Text::same(error.to_string())),
            None => Text::same(error.to_string()),
        },
    }
}

fn inner_error(error: &(dyn Error + Send + Sync + 'static)) -> Option<Text> {
    let own = error.downcast_ref().map(|Own(words)| words.clone());
    own.or_else(|| error.downcast_ref().map(tls_error))
}

/// Whether `error` is of the encryption of a connection, not of what came through it.
pub(crate) fn is_of_tls(error: &io::Error) -> bool {
    error.get_ref().and_then(<dyn Error + Send + Sync>::downcast_ref::<rustls::Error>).is_some()
}

/// Why an encrypted connection did not come about, or ended.
pub(crate) fn tls_error(error: &rustls::Error) -> Text {
    match error {
        rustls::Error::InvalidCertificate(error) => certificate_error(error),
        rustls::Error::AlertReceived(alert) => alerted(*alert),
        rustls::Error::InvalidMessage(_) => Text::new("对方使用的不是 TLS", "the far end does not speak TLS"),
        error => Text::new("TLS 出错", "TLS failed").because(&Text::same(error.to_string())),
    }
}

/// Why the far end's certificate is not taken.
fn certificate_error(error: &CertificateError) -> Text {
    use CertificateError as E;
    let what = Text::new("对方证书不可信", "the far end's certificate is not trusted");
    what.because(&match error {
        // A signature that does not fit is of an authority of the same name, such as a renewed one.
        E::UnknownIssuer | E::BadSignature => {
            Text::new("不是由所配置的 CA 签发", "no configured authority vouches for it")
        }
        E::Expired | E::ExpiredContext { .. } => {
            Text::new("已过期，或本机时钟有误", "it has expired, or our clock is wrong")
        }
        E::NotValidYet | E::NotValidYetContext { .. } => {
            Text::new("尚未生效，或本机时钟有误", "it is not valid yet, or our clock is wrong")
        }
        E::NotValidForName | E::NotValidForNameContext { .. } => {
            Text::new("证书中没有该主机名", "it does not hold the host's name")
        }
        error => Text::same(error.to_string()),
    })
}

/// What the far end said when it ended the connection.
fn alerted(alert: AlertDescription) -> Text {
    use AlertDescription as A;
    match alert {
        A::CertificateRequired => {
            Text::new("对方要求客户端证书", "the far end asks for a client certificate")
        }
        A::UnknownCA | A::BadCertificate | A::CertificateUnknown | A::AccessDenied | A::DecryptError => {
            Text::new("对方不接受本机证书", "the far end does not take our certificate")
        }
        A::CertificateExpired => {
            Text::new("对方认为本机证书已过期", "the far end says that our certificate has expired")
        }
        alert => Text::new("对方终止了 TLS 连接", "the far end ended the TLS connection")
            .because(&Text::same(format!("{alert:?}"))),
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
