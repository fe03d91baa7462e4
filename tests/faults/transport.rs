//! The ways to the devices behind the fault proxy: what stands at the far end of each, and what the site file says of it.

use std::net::SocketAddr;
use std::path::Path;

use simulators::{FaultProxy, Framing};
use tokio_serial::{SerialPort as _, SerialStream};

use super::device::{self, Ledger};
use super::tls;

/// How the devices behind the proxy are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    /// TLS ends before the proxy.
    Tls,
    RtuOverTcp,
    /// A pair of pseudo terminals: the gateway opens one end, and the proxy stands at the other.
    Serial,
}

/// Chance's seed at every proxy.
const SEED: u64 = 11;
/// Bytes that the proxy may have on the way to the devices of a serial line.
const LINE_BYTES: usize = 1024;

/// Devices and the proxy before them.
pub(crate) struct Plant {
    pub(crate) proxy: FaultProxy,
    /// What the site file says of the way to the proxy.
    pub(crate) reach: String,
    /// The gateway's end of a serial line, kept so that the line does not hang up while nobody has opened it.
    _line: Option<SerialStream>,
}

impl Plant {
    /// Devices that enter what they are asked into `ledger`.
    pub(crate) async fn new(transport: Transport, ledger: Ledger, folder: &Path) -> Self {
        match transport {
            Transport::Serial => Self::serial(ledger),
            Transport::Tcp => {
                let (proxy, address) = listen(Framing::Tcp, ledger).await;
                Self::on_sockets(proxy, format!("protocol = \"modbus-tcp\"\naddress = \"{address}\""))
            }
            Transport::RtuOverTcp => {
                let (proxy, address) = listen(Framing::RtuOverTcp, ledger).await;
                let reach = format!("protocol = \"modbus-rtu-over-tcp\"\naddress = \"{address}\"");
                Self::on_sockets(proxy, reach)
            }
            Transport::Tls => {
                let (proxy, address) = listen(Framing::Tcp, ledger).await;
                let (address, certificate) = tls::end(address, folder).await;
                let (name, ca) = (tls::NAME, certificate.display());
                let reach = format!(
                    "protocol = \"modbus-tls\"\naddress = \"{address}\"\n\
                     tls = {{ ca = \"{ca}\", server_name = \"{name}\" }}"
                );
                Self::on_sockets(proxy, reach)
            }
        }
    }

    fn on_sockets(proxy: FaultProxy, reach: String) -> Self {
        Self { proxy, reach, _line: None }
    }

    fn serial(ledger: Ledger) -> Self {
        let (far, near) = SerialStream::pair().expect("a pair of pseudo terminals");
        let (devices, behind) = tokio::io::duplex(LINE_BYTES);
        tokio::spawn(device::answer_on(devices, Framing::RtuOverTcp, ledger));
        let proxy = FaultProxy::between(far, behind, Framing::RtuOverTcp, SEED);
        let port = near.name().expect("a pseudo terminal has a name");
        let reach = format!("protocol = \"modbus-rtu\"\nport = \"{port}\"\nbaud = 115200");
        Self { proxy, reach, _line: Some(near) }
    }
}

/// Devices on sockets, and a proxy that listens before them.
async fn listen(framing: Framing, ledger: Ledger) -> (FaultProxy, SocketAddr) {
    let server = device::serve(framing, ledger).await;
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let proxy = FaultProxy::listen(any, server, framing, SEED).await.expect("a port");
    let address = proxy.address().expect("it listens");
    (proxy, address)
}
