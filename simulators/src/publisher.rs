//! A device that publishes on MQTT: a message each period, delivered at least once, and a new session after each lost broker. Like the
//! cheap sensors that it stands for, it keeps nothing for a broker that is away.

use std::sync::Arc;
use std::time::Duration;

use rumqttc::{AsyncClient, ConnectionError, Event, EventLoop, Packet, QoS};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::bench::PublisherSpec;
use crate::connection::{Connection, Pause, login};
use crate::error::BenchError;
use crate::fault::DeviceFault;
use crate::limits;
use crate::payload::Template;
use crate::plant::Plant;
use crate::shared::Shared;
use crate::wall;

/// A publisher that has been checked.
#[derive(Debug)]
pub(crate) struct Publisher {
    connection: Connection,
    topic: String,
    device: String,
    period: Duration,
    template: Template,
}

impl Publisher {
    /// The publisher of a description, the `index`th of its bench.
    pub(crate) fn new(spec: &PublisherSpec, index: usize, plant: &Plant) -> Result<Self, BenchError> {
        let problem = |problem| BenchError::Publisher { device: spec.device.clone(), problem };
        if spec.period < limits::PUBLISH_PERIOD_MIN {
            return Err(problem("the period must be at least 10 ms"));
        }
        if spec.topic.is_empty() || spec.topic.contains(['+', '#', '\0']) {
            return Err(problem("the topic must not be empty or hold wildcards"));
        }
        let login = login(spec.username.as_ref(), spec.password.as_ref());
        let client_id = format!("sim-{}-{index}", spec.device);
        let connection = Connection::new(client_id, &spec.broker, login);
        Ok(Self {
            connection: connection.ok_or_else(|| problem("the broker must be `host:port`"))?,
            topic: spec.topic.clone(),
            device: spec.device.clone(),
            period: spec.period,
            template: Template::new(spec, plant)?,
        })
    }

    /// Sends it to another broker.
    pub(crate) fn redirect(&mut self, host: String, port: u16) {
        self.connection.redirect(host, port);
    }

    /// Publishes for ever, connecting anew whenever the broker is lost.
    pub(crate) async fn run(self, shared: Arc<Shared>) {
        let mut pause = Pause::new();
        loop {
            let (connected, error) = self.session(&shared).await;
            tracing::debug!(device = %self.device, %error, "the broker is lost");
            pause.after(connected).await;
        }
    }

    /// One connection, from its first packet to its end: whether it ever stood, and what ended it.
    async fn session(&self, shared: &Shared) -> (bool, ConnectionError) {
        let (client, events) = self.connection.open(None);
        let (up, is_up) = watch::channel(false);
        let error = tokio::select! {
            error = listen(events, &up) => error,
            never = self.speak(&client, is_up, shared) => match never {},
        };
        (*up.borrow(), error)
    }

    async fn speak(
        &self,
        client: &AsyncClient,
        mut is_up: watch::Receiver<bool>,
        shared: &Shared,
    ) -> std::convert::Infallible {
        let mut ticker = interval(self.period);
        ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if is_up.wait_for(|up| *up).await.is_err() {
                // The listening half is gone, and with it this session.
                std::future::pending::<()>().await;
            }
            ticker.tick().await;
            self.publish(client, shared).await;
        }
    }

    /// One message, unless a fault keeps the device silent. A full queue drops it: the next one is newer.
    async fn publish(&self, client: &AsyncClient, shared: &Shared) {
        match shared.device_fault(&self.device) {
            Some(DeviceFault::Slow(delay)) => sleep(delay).await,
            Some(_) => return,
            None => {}
        }
        let now_ms = wall::now_ms();
        let Some(message) = shared.with_plant(|plant| self.template.write(plant, now_ms)) else { return };
        if let Err(error) = client.try_publish(self.topic.as_str(), QoS::AtLeastOnce, false, message) {
            tracing::debug!(device = %self.device, %error, "a message is dropped");
        }
    }
}

/// Moves packets until the connection ends.
async fn listen(mut events: EventLoop, up: &watch::Sender<bool>) -> ConnectionError {
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                up.send_replace(true);
            }
            Ok(_) => {}
            Err(error) => return error,
        }
    }
}

#[cfg(test)]
mod tests;
