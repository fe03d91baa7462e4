//! A proxy that stands between any Modbus client and any Modbus server and does to their talk what real lines, converters
//! and gateways do: it delays, loses, breaks, repeats, mixes up. It knows frames, so that each fault is exactly one
//! thing; the same seed spoils the same bytes.
//!
//! - `frame` cuts streams into frames, `twist` makes of an answer what a fault makes of it: both pure;
//! - `wire` is one connection, `state` is what the connections share.

mod fault;
mod frame;
mod state;
#[cfg(test)]
mod tests;
mod twist;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::bench::Framing;
use crate::limits::{CONNECT_MAX, PROXY_CONNECTIONS_MAX, PROXY_LISTEN_RETRY};
use state::State;
use wire::Wire;

pub use fault::ProxyFault;

/// A proxy in operation. Dropping it ends it and every connection through it. Where it stands on a line and not on
/// sockets there is no connection to end: `Refuse`, `Reset` and `Hangup` take the line away for good.
#[derive(Debug)]
pub struct FaultProxy {
    state: Arc<State>,
    address: Option<SocketAddr>,
}

/// What has passed through a proxy so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProxyCounts {
    /// Connections accepted.
    pub connections: u64,
    /// Questions heard.
    pub questions: u64,
    /// Answers of the server.
    pub answers: u64,
    /// Of these, met by a fault.
    pub twisted: u64,
}

impl FaultProxy {
    /// Listens at `address` (port 0 for any) and connects each client to the server at `upstream`. On
    /// [`Framing::RtuOverTcp`] it is also a transparent converter: an answer that comes late is heard on whatever
    /// connection is open by then.
    ///
    /// # Errors
    ///
    /// The address can't be listened at.
    pub async fn listen(
        address: SocketAddr,
        upstream: SocketAddr,
        framing: Framing,
        seed: u64,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State::new(framing, seed));
        let door = Door { address, upstream, state: Arc::clone(&state) };
        let stop = state.stop.clone();
        tokio::spawn(async move { stop.run_until_cancelled(door.keep(listener)).await });
        Ok(Self { state, address: Some(address) })
    }

    /// Stands on a line between two streams, such as the far end of a pseudo-terminal and a connection to a server.
    pub fn between<C, S>(client: C, server: S, framing: Framing, seed: u64) -> Self
    where
        C: AsyncRead + AsyncWrite + Send + Unpin + 'static,
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let state = Arc::new(State::new(framing, seed));
        tokio::spawn(Wire::new(client, server, |_| (), Arc::clone(&state)).run());
        Self { state, address: None }
    }

    /// Where it listens; none on a line.
    pub const fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Lets a fault of every unit begin in place of the one before, or ends it.
    pub fn set(&self, fault: Option<ProxyFault>) {
        self.state.faults.send_modify(|faults| faults.all = fault);
    }

    /// Lets a fault of one unit begin, whatever the others do, or ends it. Faults of whole connections need
    /// [`FaultProxy::set`]; a unit's answers are dropped by them.
    pub fn set_unit(&self, unit: u8, fault: Option<ProxyFault>) {
        self.state.faults.send_modify(|faults| match fault {
            Some(fault) => drop(faults.units.insert(unit, fault)),
            None => drop(faults.units.remove(&unit)),
        });
    }

    /// What has passed so far.
    pub fn counts(&self) -> ProxyCounts {
        self.state.counts()
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.state.stop.cancel();
    }
}

/// The listening side.
struct Door {
    address: SocketAddr,
    upstream: SocketAddr,
    state: Arc<State>,
}

impl Door {
    /// Listens, but for when connections are refused: then the port is held, so that nobody else gets it.
    async fn keep(self, mut listener: TcpListener) {
        let mut faults = self.state.faults.subscribe();
        loop {
            tokio::select! {
                () = self.serve(&listener) => {}
                closed = faults.wait_for(|faults| faults.all == Some(ProxyFault::Refuse)) => drop(closed),
            }
            drop(listener);
            let held = self.hold().await;
            drop(faults.wait_for(|faults| faults.all != Some(ProxyFault::Refuse)).await);
            listener = match held.listen(1024) {
                Ok(listener) => listener,
                Err(error) => {
                    tracing::warn!(address = %self.address, %error, "the proxy can listen no more");
                    return;
                }
            };
        }
    }

    async fn serve(&self, listener: &TcpListener) {
        let places = Arc::new(Semaphore::new(PROXY_CONNECTIONS_MAX));
        loop {
            let accepted = listener.accept().await;
            let Ok((client, _)) = accepted else {
                sleep(PROXY_LISTEN_RETRY).await;
                continue;
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
            let (state, upstream) = (Arc::clone(&self.state), self.upstream);
            tokio::spawn(async move {
                let stop = state.stop.clone();
                stop.run_until_cancelled(connect(client, upstream, state)).await;
                drop(place);
            });
        }
    }

    /// The port, bound and not listened at.
    async fn hold(&self) -> TcpSocket {
        loop {
            match bind(self.address) {
                Ok(socket) => return socket,
                Err(error) => tracing::debug!(%error, "the proxy's port is still in use"),
            }
            sleep(PROXY_LISTEN_RETRY).await;
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

async fn connect(client: TcpStream, upstream: SocketAddr, state: Arc<State>) {
    let server = timeout(CONNECT_MAX, TcpStream::connect(upstream)).await;
    let Ok(Ok(server)) = server else {
        tracing::debug!(%upstream, "the proxy's server takes no connection");
        return;
    };
    for stream in [&client, &server] {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its Nagle delay");
        }
    }
    Wire::new(client, server, cut, state).run().await;
}

fn cut(stream: &TcpStream) {
    if let Err(error) = stream.set_zero_linger() {
        tracing::debug!(%error, "a connection ends in order and not by a reset");
    }
}
