//! A Sparkplug B edge node: one session for itself and the devices behind it, which begins with their births, is told of its end by
//! the broker, and says everything again when it is asked to.

mod wire;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use rumqttc::{AsyncClient, ConnectionError, Event, EventLoop, LastWill, Packet, QoS};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::bench::{EdgeDevice, EdgeSpec};
use crate::connection::{Connection, Pause, login};
use crate::error::BenchError;
use crate::fault::DeviceFault;
use crate::limits;
use crate::payload::Values;
use crate::plant::Plant;
use crate::shared::Shared;
use crate::wall;

/// An edge node that has been checked.
#[derive(Debug)]
pub(crate) struct EdgeNode {
    connection: Connection,
    group: String,
    node: String,
    period: Duration,
    devices: Vec<Voice>,
}

/// What the node says for one device.
#[derive(Debug)]
struct Voice {
    device: String,
    /// Its level in the topic; none for the node itself.
    name: Option<String>,
    metrics: Values,
}

/// How often the births have been asked for in a session: by its beginning, and by whoever writes to the node.
type Asked = u64;

impl EdgeNode {
    /// The node of a description, the `index`th of its bench.
    pub(crate) fn new(spec: &EdgeSpec, index: usize, plant: &Plant) -> Result<Self, BenchError> {
        let problem = |problem| BenchError::Publisher { device: spec.node.clone(), problem };
        if spec.period < limits::PUBLISH_PERIOD_MIN {
            return Err(problem("the period must be at least 10 ms"));
        }
        let login = login(spec.username.as_ref(), spec.password.as_ref());
        let connection = Connection::new(format!("sim-edge-{index}"), &spec.broker, login);
        let devices =
            spec.devices.iter().map(|device| Voice::new(device, plant)).collect::<Result<_, _>>()?;
        Ok(Self {
            connection: connection.ok_or_else(|| problem("the broker must be `host:port`"))?,
            group: spec.group.clone(),
            node: spec.node.clone(),
            period: spec.period,
            devices,
        })
    }

    /// Sends it to another broker.
    pub(crate) fn redirect(&mut self, host: String, port: u16) {
        self.connection.redirect(host, port);
    }

    /// Publishes for ever, connecting anew whenever the broker is lost.
    pub(crate) async fn run(self, shared: Arc<Shared>) {
        let mut pause = Pause::new();
        for number in 0.. {
            let (connected, error) = self.session(number, &shared).await;
            tracing::debug!(node = %self.node, %error, "the broker is lost");
            pause.after(connected).await;
        }
    }

    /// One connection, from its first packet to its end: whether it ever stood, and what ended it.
    async fn session(&self, number: u64, shared: &Shared) -> (bool, ConnectionError) {
        let death = wire::payload(now(), &[wire::session(now(), number)], None);
        let will = LastWill::new(self.topic("NDEATH", None), death, QoS::AtLeastOnce, false);
        let (client, events) = self.connection.open(Some(will));
        let (asked, hears) = watch::channel(0);
        let error = tokio::select! {
            error = self.listen(&client, events, &asked) => error,
            never = self.speak(&client, hears, number, shared) => match never {},
        };
        (*asked.borrow() > 0, error)
    }

    fn topic(&self, word: &str, device: Option<&str>) -> String {
        let node = format!("spBv1.0/{}/{word}/{}", self.group, self.node);
        device.map_or(node.clone(), |device| format!("{node}/{device}"))
    }

    /// Moves packets until the connection ends. A node knows one command only: to say everything again.
    async fn listen(
        &self,
        client: &AsyncClient,
        mut events: EventLoop,
        asked: &watch::Sender<Asked>,
    ) -> ConnectionError {
        loop {
            match events.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    if let Err(error) = client.try_subscribe(self.topic("NCMD", None), QoS::AtLeastOnce) {
                        tracing::debug!(node = %self.node, %error, "commands are not heard");
                    }
                    asked.send_modify(|asked| *asked += 1);
                }
                Ok(Event::Incoming(Packet::Publish(_))) => asked.send_modify(|asked| *asked += 1),
                Ok(_) => {}
                Err(error) => return error,
            }
        }
    }

    async fn speak(
        &self,
        client: &AsyncClient,
        mut asked: watch::Receiver<Asked>,
        number: u64,
        shared: &Shared,
    ) -> Infallible {
        let mut ticker = interval(self.period);
        ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut mouth = Mouth { client, seq: 0 };
        let mut born = 0;
        loop {
            tokio::select! {
                _ = ticker.tick() => if born > 0 {
                    self.data(&mut mouth, shared).await;
                },
                changed = asked.changed() => if changed.is_err() {
                    // The listening half is gone, and with it this session.
                    std::future::pending::<()>().await;
                },
            }
            let wanted = *asked.borrow_and_update();
            if born < wanted {
                self.births(&mut mouth, number, shared).await;
                born = wanted;
            }
        }
    }

    /// Says what there is: first of the node, then of each device that is well.
    async fn births(&self, mouth: &mut Mouth<'_>, number: u64, shared: &Shared) {
        let at = now();
        let mut own =
            vec![wire::session(at, number), wire::metric("Node Control/Rebirth", at, &false.into())];
        for voice in self.devices.iter().filter(|voice| voice.name.is_none()) {
            own.extend(voice.metrics(shared, at));
        }
        mouth.seq = 0;
        mouth.say(self.topic("NBIRTH", None), at, &own).await;
        for voice in self.devices.iter().filter(|voice| voice.name.is_some()) {
            if shared.device_fault(&voice.device).is_none() {
                let topic = self.topic("DBIRTH", voice.name.as_deref());
                mouth.say(topic, at, &voice.metrics(shared, at)).await;
            }
        }
    }

    /// What each device says now, unless a fault keeps it silent.
    async fn data(&self, mouth: &mut Mouth<'_>, shared: &Shared) {
        for voice in &self.devices {
            match shared.device_fault(&voice.device) {
                Some(DeviceFault::Slow(delay)) => sleep(delay).await,
                Some(_) => continue,
                None => {}
            }
            let word = if voice.name.is_some() { "DDATA" } else { "NDATA" };
            let at = now();
            mouth.say(self.topic(word, voice.name.as_deref()), at, &voice.metrics(shared, at)).await;
        }
    }
}

impl Voice {
    fn new(spec: &EdgeDevice, plant: &Plant) -> Result<Self, BenchError> {
        let metrics = Values::new(&spec.fields, plant)?;
        Ok(Self { device: spec.device.clone(), name: spec.name.clone(), metrics })
    }

    fn metrics(&self, shared: &Shared, at_ms: u64) -> Vec<Vec<u8>> {
        let values = shared.with_plant(|plant| self.metrics.show(plant));
        values.iter().map(|(name, value)| wire::metric(name, at_ms, value)).collect()
    }
}

/// What a session says, message by message.
struct Mouth<'a> {
    client: &'a AsyncClient,
    /// Of the next message.
    seq: u8,
}

impl Mouth<'_> {
    async fn say(&mut self, topic: String, at_ms: u64, metrics: &[Vec<u8>]) {
        let payload = wire::payload(at_ms, metrics, Some(self.seq));
        self.seq = self.seq.wrapping_add(1);
        if let Err(error) = self.client.publish(topic, QoS::AtMostOnce, false, payload).await {
            tracing::debug!(%error, "a message is dropped");
        }
    }
}

fn now() -> u64 {
    wall::now_ms().unsigned_abs()
}
