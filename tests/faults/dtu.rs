//! A DTU before the proxy: dials the gateway for the devices behind it, and again whenever one of its two connections ends.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use tokio::io::{AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

/// What it says first.
pub(crate) const REGISTRATION: &str = "DTU-0001";
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(50);

/// Where the gateway is dialled: below the ports that the system gives to whoever asks for any. There, neither another cell nor the
/// near end of the DTU's own connection has one by chance before the gateway listens.
static NEXT_PORT: AtomicU16 = AtomicU16::new(21_000);

/// A port that is free, and stays so.
async fn free_port() -> SocketAddr {
    loop {
        let port = NEXT_PORT.fetch_add(1, Ordering::Relaxed);
        assert!(port < 31_000, "no port is free");
        if let Ok(free) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            return free.local_addr().expect("an address");
        }
    }
}

/// Starts one for the devices at `behind`. Says where it will dial.
pub(crate) async fn start(behind: SocketAddr) -> SocketAddr {
    let gateway = free_port().await;
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
