//! Ways to a device: here TCP, and TLS over it, for one that waits to be called. Each gives a fresh connection, or says why there is none;
//! how long that may take is the caller's to say.

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Framing;
use super::dial_in::DialIn;
use super::reception::Reception;
use super::serial::Serial;
use crate::model::Text;
use crate::model::limits::{
    RTU_SILENCE_MIN, TCP_KEEPALIVE_AFTER, TCP_KEEPALIVE_INTERVAL, TCP_UNACKNOWLEDGED_MAX,
};
use crate::site::{LinkKind, TlsTarget};
use crate::tls::{self, TlsError};
use crate::words;

/// How to get a fresh connection.
pub(super) trait Dial {
    /// What comes of it.
    type Stream: AsyncRead + AsyncWrite + fmt::Debug + Send + Unpin + 'static;

    /// A fresh connection.
    fn dial(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// Returns when the far end gives a reason to dial at once; never, where only trying tells.
    fn called(&self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }

    /// To whom, for people.
    fn address(&self) -> &str;

    /// What the line asks of whoever speaks on it.
    fn pace(&self) -> Pace {
        Pace::default()
    }
}

/// What a line asks of whoever speaks RTU frames on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Silence before a question.
    pub(super) silence: Duration,
    /// How long one character is on the way; nothing where a network carries it.
    pub(super) character: Duration,
    /// Whether each dialling gives the same connection as long as that lasts, so that what was said on it before is still
    /// heard.
    pub(super) lasting: bool,
}

impl Default for Pace {
    fn default() -> Self {
        Self { silence: RTU_SILENCE_MIN, character: Duration::ZERO, lasting: false }
    }
}

/// Any stream.
pub(super) trait Stream: AsyncRead + AsyncWrite + fmt::Debug + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + fmt::Debug + Send + Unpin> Stream for S {}

/// The way to the far end of a link, whichever it is.
#[derive(Debug)]
pub(super) enum Way {
    Tcp(Tcp),
    Tls(Tls),
    Serial(Serial),
    DialIn(DialIn),
}

impl Way {
    /// The way that a link goes, and how frames go on it; none if the link is not a Modbus link.
    pub(super) fn of(link: &LinkKind, receptions: &[Reception]) -> Option<(Self, Framing)> {
        Some(match link {
            LinkKind::ModbusTcp(address) => (Self::Tcp(Tcp(address.clone())), Framing::Tcp),
            LinkKind::ModbusRtuOverTcp(address) => (Self::Tcp(Tcp(address.clone())), Framing::Rtu),
            LinkKind::ModbusTls(target) => (Self::Tls(Tls(target.clone())), Framing::Tcp),
            LinkKind::ModbusSerial(port) => (Self::Serial(Serial::new(port.clone())), Framing::Rtu),
            LinkKind::ModbusDialIn(dial_in) => {
                (Self::DialIn(DialIn::new(dial_in, receptions)?), dial_in.framing)
            }
            LinkKind::Mqtt(_) => return None,
        })
    }
}

impl Dial for Way {
    type Stream = Box<dyn Stream>;

    async fn dial(&self) -> io::Result<Self::Stream> {
        Ok(match self {
            Self::Tcp(way) => Box::new(way.dial().await?),
            Self::Tls(way) => Box::new(way.dial().await?),
            Self::Serial(way) => Box::new(way.dial().await?),
            Self::DialIn(way) => Box::new(way.dial().await?),
        })
    }

    async fn called(&self) {
        match self {
            Self::Tcp(way) => way.called().await,
            Self::Tls(way) => way.called().await,
            Self::Serial(way) => way.called().await,
            Self::DialIn(way) => way.called().await,
        }
    }

    fn address(&self) -> &str {
        match self {
            Self::Tcp(way) => way.address(),
            Self::Tls(way) => way.address(),
            Self::Serial(way) => way.address(),
            Self::DialIn(way) => way.address(),
        }
    }

    fn pace(&self) -> Pace {
        match self {
            Self::Tcp(way) => way.pace(),
            Self::Tls(way) => way.pace(),
            Self::Serial(way) => way.pace(),
            Self::DialIn(way) => way.pace(),
        }
    }
}

/// TCP to `host:port`.
#[derive(Debug)]
pub(super) struct Tcp(pub(super) String);

impl Dial for Tcp {
    type Stream = TcpStream;

    async fn dial(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(&self.0).await?;
        tune(&stream)?;
        Ok(stream)
    }

    fn address(&self) -> &str {
        &self.0
    }
}

/// Sets up a connection for questions and answers.
pub(super) fn tune(stream: &TcpStream) -> io::Result<()> {
    // A question is one small packet: it must not wait for another.
    stream.set_nodelay(true)?;
    // Between two slow polls a router may forget the connection, or the far end may go without a word.
    let alive = TcpKeepalive::new().with_time(TCP_KEEPALIVE_AFTER).with_interval(TCP_KEEPALIVE_INTERVAL);
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(&alive)?;
    // A question that nobody acknowledges keeps the probes above from being sent.
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(TCP_UNACKNOWLEDGED_MAX))?;
    Ok(())
}

/// TLS over TCP. The files are read for each connection, so that a renewed certificate is used from the next one on.
#[derive(Debug)]
pub(super) struct Tls(pub(super) TlsTarget);

impl Dial for Tls {
    type Stream = TlsStream<TcpStream>;

    async fn dial(&self) -> io::Result<Self::Stream> {
        let target = self.0.clone();
        let (config, name) = spawn_blocking(move || prepare(&target)).await??;
        let stream = TcpStream::connect(&self.0.address).await?;
        tune(&stream)?;
        TlsConnector::from(config).connect(name, stream).await
    }

    fn address(&self) -> &str {
        &self.0.address
    }
}

fn prepare(target: &TlsTarget) -> io::Result<(Arc<ClientConfig>, ServerName<'static>)> {
    let host = target.address.rsplit_once(':').map_or(target.address.as_str(), |(host, _)| host);
    let prepare = || Ok((tls::client(&target.tls)?, tls::server_name(&target.tls, host)?));
    prepare().map_err(|error: TlsError| {
        let why = Text::same(error.to_string());
        words::own_error(Text::new("证书文件无法使用", "the certificate files can't be used").because(&why))
    })
}
