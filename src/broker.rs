//! The embedded broker, for the demo, for tests and for small sites. It keeps nothing on disk and lets anyone in, and so
//! belongs on loopback; a site of size points the gateway at a broker of its own.

use std::net::SocketAddr;
use std::time::Duration;

use mqtt5::broker::config::{BrokerConfig, StorageBackend, StorageConfig};
use mqtt5::broker::{BrokerShutdownHandle, MqttBroker};
use tokio::task::JoinHandle;

/// Bytes of the largest packet that it takes.
const PACKET_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Messages that wait for one client before the broker drops the rest.
const QUEUED_MESSAGES_MAX: usize = 100_000;
/// How long starting and stopping may take.
const START_MAX: Duration = Duration::from_secs(5);
const STOP_MAX: Duration = Duration::from_secs(3);

/// The broker could not be started.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// The address is taken, or is not this machine's.
    #[error("the embedded broker cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Anything else.
    #[error("the embedded broker did not start: {0}")]
    Start(String),
}

/// A running broker. It ends when dropped; [`EmbeddedBroker::stop`] ends it in good order.
pub struct EmbeddedBroker {
    address: SocketAddr,
    shutdown: BrokerShutdownHandle,
    task: JoinHandle<()>,
}

impl EmbeddedBroker {
    /// Starts a broker on `listen`; port 0 takes a free port. Returns once it accepts connections.
    pub async fn start(listen: SocketAddr) -> Result<Self, BrokerError> {
        // The library reports a port in use in words only; asking the system first gives the error itself.
        let refused = |source| BrokerError::Listen { address: listen, source };
        drop(tokio::net::TcpListener::bind(listen).await.map_err(refused)?);

        let mut broker =
            MqttBroker::with_config(config(listen)).await.map_err(|e| BrokerError::Start(e.to_string()))?;
        let address =
            broker.local_addr().ok_or_else(|| BrokerError::Start("it listens nowhere".to_owned()))?;
        let (shutdown, mut ready) = (broker.shutdown_handle(), broker.ready_receiver());
        let task = tokio::spawn(async move {
            if let Err(error) = broker.run().await {
                tracing::error!(%error, "the embedded broker ended");
            }
        });
        let running = Self { address, shutdown, task };
        match tokio::time::timeout(START_MAX, ready.wait_for(|ready| *ready)).await {
            Ok(Ok(_)) => Ok(running),
            _ => Err(BrokerError::Start(format!("it was not ready after {START_MAX:?}"))),
        }
    }

    /// Where it listens.
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Ends it: clients are disconnected.
    pub async fn stop(mut self) {
        self.shutdown.shutdown();
        if tokio::time::timeout(STOP_MAX, &mut self.task).await.is_err() {
            tracing::warn!("the embedded broker did not end in time: cut off");
        }
    }
}

impl Drop for EmbeddedBroker {
    fn drop(&mut self) {
        self.shutdown.shutdown();
        self.task.abort();
    }
}

fn config(listen: SocketAddr) -> BrokerConfig {
    let storage = StorageConfig::new()
        .with_backend(StorageBackend::Memory)
        .with_max_queued_messages_per_client(QUEUED_MESSAGES_MAX);
    BrokerConfig::new()
        .with_bind_addresses(vec![listen])
        .with_storage(storage)
        .with_max_packet_size(PACKET_BYTES_MAX)
        .with_sys_topics_enabled(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

    #[tokio::test]
    async fn a_port_in_use_is_a_clear_error_and_a_stopped_brokers_port_is_free() {
        let first = EmbeddedBroker::start(ANY).await.unwrap();
        let address = first.local_addr();
        let refused = EmbeddedBroker::start(address).await.err().unwrap();
        assert!(matches!(refused, BrokerError::Listen { .. }), "{refused}");
        assert!(refused.to_string().contains(&address.to_string()), "{refused}");
        first.stop().await;
        EmbeddedBroker::start(address).await.unwrap().stop().await;
    }
}
