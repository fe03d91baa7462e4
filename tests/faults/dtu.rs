//! A DTU before the proxy: dials the gateway for the devices behind it, and again whenever one of its two connections ends.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

/// What it says first.
pub(crate) const REGISTRATION: &str = "DTU-0001";
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(50);

/// Starts one for the devices at `behind`. Says where it will dial.
pub(crate) async fn start(behind: SocketAddr) -> SocketAddr {
    // The gateway will listen there: a port that was free a moment ago.
    let free = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let gateway = free.local_addr().expect("an address");
    tokio::spawn(async move {
        loop {
            // That a connection fails or ends is what it is there for.
            drop(pass(gateway, behind).await);
            sleep(PAUSE).await;
        }
    });
    gateway
}

async fn pass(gateway: SocketAddr, behind: SocketAddr) -> std::io::Result<()> {
    let mut devices = TcpStream::connect(behind).await?;
    let mut gateway = TcpStream::connect(gateway).await?;
    for stream in [&devices, &gateway] {
        stream.set_nodelay(true)?;
    }
    gateway.write_all(REGISTRATION.as_bytes()).await?;
    let ((mut said, mut ask), (mut asked, mut say)) = (devices.split(), gateway.split());
    tokio::select! {
        over = copy(&mut said, &mut say) => over,
        over = copy(&mut asked, &mut ask) => over,
    }?;
    Ok(())
}
