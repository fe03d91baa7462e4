//! The listener without a broker, in virtual time: when silences are noticed.

use std::time::Duration;

use rumqttc::{AsyncClient, MqttOptions, Publish, QoS};
use tokio::sync::mpsc;
use tokio::time::advance;

use super::super::listener::Listener;
use super::super::pump::Signal;
use crate::acquire::testing::{Ears, SiteBuilder};
use crate::clock::Clock;
use crate::model::limits::MQTT_HANDOVER_LEN_MAX;
use crate::model::{LinkReport, LinkState, Mono};
use crate::site::{Broker, Extract, LinkKind, MqttDevice, Protocol, Source};

const SILENCE: Duration = Duration::from_secs(30);

/// A listener to publishers of the topics `t0`, `t1`, …, and what it hears.
struct Rig {
    ears: Ears,
    clock: Clock,
    hand: mpsc::Sender<Signal>,
}

impl Rig {
    async fn new(publishers: usize) -> Self {
        let broker = Broker::open("127.0.0.1:1883");
        let site = (0..publishers).fold(SiteBuilder::new(LinkKind::Mqtt(broker)), |site, n| {
            let device = MqttDevice::json(format!("t{n}"), SILENCE);
            let value = Extract { pointer: String::new(), conversion: crate::site::Conversion::default() };
            site.device(Protocol::Mqtt(device), vec![Source::Mqtt(value)])
        });
        let (context, ears) = site.build();
        let clock = context.clock;
        let (hand, signals) = mpsc::channel(MQTT_HANDOVER_LEN_MAX);
        let (client, _) = AsyncClient::new(MqttOptions::new("nobody", "127.0.0.1", 1883), 1);
        tokio::spawn(async move { Listener::new(0, context).listen(&client, signals).await });
        hand.send(Signal::Connected).await.unwrap();
        Self { ears, clock, hand }
    }

    async fn say(&self, topic: &str) {
        let publish = Publish::new(topic, QoS::AtLeastOnce, "1");
        let message = Signal::Message { now: self.clock.now(), publish, too_long: false };
        self.hand.send(message).await.unwrap();
    }

    /// The next news, and when they came.
    async fn news(&mut self) -> (LinkReport, Mono) {
        let report = self.ears.link().await;
        (report, self.clock.now().mono)
    }
}

#[tokio::test(start_paused = true)]
async fn p2_a_lone_publisher_is_found_silent_every_time() {
    let mut rig = Rig::new(1).await;
    for round in 0..3 {
        rig.say("t0").await;
        let (report, heard) = rig.news().await;
        assert_eq!(report.state, LinkState::Up, "round {round}");
        let (report, found) = rig.news().await;
        assert_eq!(report.state, LinkState::Down, "round {round}");
        let waited = found - heard;
        assert!((SILENCE..SILENCE + Duration::from_secs(1)).contains(&waited), "round {round}: {waited:?}");
        advance(Duration::from_secs(3600)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn p2_one_that_is_long_silent_hides_no_other_silence() {
    let mut rig = Rig::new(2).await;
    for device in [0, 1] {
        let (report, _) = rig.news().await;
        assert_eq!((report.device.index(), report.state), (device, LinkState::Down));
    }
    rig.say("t1").await;
    assert_eq!(rig.news().await.0.state, LinkState::Up);
    let (report, found) = rig.news().await;
    assert_eq!((report.device.index(), report.state), (1, LinkState::Down));
    assert!(found - Mono::ZERO < 3 * SILENCE, "{found:?}");
}
