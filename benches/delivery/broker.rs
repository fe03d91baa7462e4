//! A Mosquitto of the benchmark's own, on a free port of loopback, that queues whatever a subscriber has not taken yet.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rumqttc::{AsyncClient, EventLoop, MqttOptions, NetworkOptions};
use tokio::net::{TcpListener, TcpStream};

/// A running broker; it ends with this value.
pub(crate) struct Mosquitto {
    pub(crate) address: SocketAddr,
    child: Child,
}

impl Mosquitto {
    pub(crate) async fn start(directory: &Path) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        drop(listener);
        let file = directory.join("mosquitto.conf");
        let port = address.port();
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\nuser root\nmax_queued_messages 0\nmax_inflight_messages 0\n\
             set_tcp_nodelay true\nlog_type error\n"
        );
        std::fs::write(&file, text).expect("a configuration");
        let child = Command::new("mosquitto")
            .arg("-c")
            .arg(file)
            .stderr(Stdio::inherit())
            .spawn()
            .expect("Debian's package mosquitto is installed");
        while TcpStream::connect(address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Self { address, child }
    }

    /// A client of it.
    pub(crate) fn client(&self, id: &str) -> (AsyncClient, EventLoop) {
        let mut options = MqttOptions::new(id, self.address.ip().to_string(), self.address.port());
        options.set_max_packet_size(1 << 20, 1 << 20);
        let (client, mut events) = AsyncClient::new(options, 16);
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        events.set_network_options(network);
        (client, events)
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
