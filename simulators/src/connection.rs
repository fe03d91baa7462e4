//! A simulated device's way to its broker: who it says it is, and how long it waits before it tries again.

use std::time::Duration;

use rumqttc::{AsyncClient, EventLoop, LastWill, MqttOptions, NetworkOptions};
use tokio::time::sleep;

use crate::limits;

/// Where a broker is, and as whom it is spoken to.
#[derive(Debug)]
pub(crate) struct Connection {
    client_id: String,
    host: String,
    port: u16,
    login: Option<(String, String)>,
}

impl Connection {
    /// To the broker at `host:port`; none if that is no address.
    pub(crate) fn new(client_id: String, broker: &str, login: Option<(String, String)>) -> Option<Self> {
        let (host, port) = split_address(broker)?;
        Some(Self { client_id, host, port, login })
    }

    /// Sends it to another broker.
    pub(crate) fn redirect(&mut self, host: String, port: u16) {
        (self.host, self.port) = (host, port);
    }

    /// A session that is about to be connected, with this last will.
    pub(crate) fn open(&self, will: Option<LastWill>) -> (AsyncClient, EventLoop) {
        let mut options = MqttOptions::new(self.client_id.clone(), self.host.clone(), self.port);
        options.set_keep_alive(Duration::from_secs(10)).set_clean_session(true);
        if let Some((name, password)) = &self.login {
            options.set_credentials(name.clone(), password.clone());
        }
        if let Some(will) = will {
            options.set_last_will(will);
        }
        let (client, mut events) = AsyncClient::new(options, limits::PUBLISH_QUEUE_LEN_MAX);
        let mut network = NetworkOptions::new();
        network.set_connection_timeout(limits::CONNECT_MAX.as_secs()).set_tcp_nodelay(true);
        events.set_network_options(network);
        (client, events)
    }
}

/// Who logs in, if anybody.
pub(crate) fn login(username: Option<&String>, password: Option<&String>) -> Option<(String, String)> {
    username.map(|name| (name.clone(), password.cloned().unwrap_or_default()))
}

/// The wait between two sessions, longer each time that none came about.
#[derive(Debug)]
pub(crate) struct Pause(Duration);

impl Pause {
    /// Before the first.
    pub(crate) const fn new() -> Self {
        Self(limits::BACKOFF_MIN)
    }

    /// Waits after a session, which was `connected` or was not.
    pub(crate) async fn after(&mut self, connected: bool) {
        if connected {
            self.0 = limits::BACKOFF_MIN;
        }
        sleep(self.0).await;
        self.0 = (self.0 * 2).min(limits::BACKOFF_MAX);
    }
}

fn split_address(address: &str) -> Option<(String, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    (!host.is_empty()).then_some(())?;
    Some((host.to_owned(), port.parse().ok().filter(|port| *port != 0)?))
}
