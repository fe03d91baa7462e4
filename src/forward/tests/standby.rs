//! Brokers that stand by for the first, heard by a subscriber at each.
#![cfg(feature = "broker")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value as Json;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::plant::{ANY, Centre, Plant, brokers_of, pass};
use crate::broker::EmbeddedBroker;
use crate::model::limits::MQTT_RETURN_MIN;
use crate::site::MqttVersion;
use crate::store::fixtures::{alarms, commit, raised};

/// The line to a broker, which can be cut: all that the broker has taken by then it passes on, as one that keeps what it acknowledges does.
struct Line {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Line {
    async fn to(broker: SocketAddr, listen: SocketAddr) -> Self {
        let listener = TcpListener::bind(listen).await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let mut calls = JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                calls.spawn(async move {
                    let mut far = TcpStream::connect(broker).await?;
                    tokio::io::copy_bidirectional(&mut near, &mut far).await
                });
            }
        });
        Self { address, task }
    }

    async fn cut(self) -> SocketAddr {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
        self.address
    }
}

/// What a centre that listens at several brokers has got: ids by number.
#[derive(Default)]
struct Got(BTreeMap<u64, Json>);

impl Got {
    /// Listens until the event of this number has come, whatever else does.
    async fn until(&mut self, centre: &mut Centre, seq: u64) {
        while !self.0.contains_key(&seq) {
            self.take(&centre.json("alarm/event").await);
        }
    }

    fn take(&mut self, event: &Json) {
        let first = self.0.entry(event["seq"].as_u64().unwrap()).or_insert_with(|| event["id"].clone());
        assert_eq!(*first, event["id"], "one number, two ids");
    }
}

async fn raise(plant: &Plant, from: u64, to: u64) {
    commit(&plant.store, alarms((from..=to).map(|i| raised(&format!("a{i}"))).collect())).await;
}

#[tokio::test]
async fn p1_nothing_is_lost_when_the_first_broker_dies_in_the_flow_and_comes_back() {
    for version in [MqttVersion::V3_1_1, MqttVersion::V5] {
        let (first, second) =
            (EmbeddedBroker::start(ANY).await.unwrap(), EmbeddedBroker::start(ANY).await.unwrap());
        let line = Line::to(first.local_addr(), ANY).await;
        let addresses = [line.address, second.local_addr()];
        let mut at_first = Centre::listen(first.local_addr(), "centre").await;
        let mut at_second = Centre::listen(addresses[1], "centre").await;
        let mut plant = Plant::new(vec![("hq", brokers_of(version, &addresses))]);
        plant.start();
        plant.works().await;
        let mut got = Got::default();
        raise(&plant, 1, 30).await;
        got.until(&mut at_first, 3).await;
        raise(&plant, 31, 60).await;
        let address = line.cut().await;
        raise(&plant, 61, 90).await;
        got.until(&mut at_second, 90).await;
        let standing_in = loop {
            let complaint = plant.complaint().await.en;
            if complaint.contains("delivery goes on through") {
                break complaint;
            }
        };
        assert!(standing_in.contains(&addresses[1].to_string()), "{standing_in}");

        let returned = EmbeddedBroker::start(ANY).await.unwrap();
        let mut late = Centre::listen(returned.local_addr(), "late").await;
        let line = Line::to(returned.local_addr(), address).await;
        pass(MQTT_RETURN_MIN + Duration::from_secs(1)).await;
        plant.works().await;
        assert_eq!(late.json("status").await["online"], true, "what is retained is said anew");
        assert_eq!(late.json("alarm/current/a90").await["state"], "unacknowledged");
        while at_second.json("status").await["online"] != false {}
        raise(&plant, 91, 91).await;
        got.until(&mut late, 91).await;
        plant.stop().await;
        assert_eq!(plant.progress("hq").await.event, 91);
        while got.0.len() < 91 {
            got.take(&at_first.json("alarm/event").await);
        }
        assert_eq!(got.0.keys().copied().collect::<Vec<_>>(), (1..=91).collect::<Vec<_>>());
        let ids: std::collections::BTreeSet<_> = got.0.values().map(ToString::to_string).collect();
        assert_eq!(ids.len(), 91, "no id twice");
        line.cut().await;
        for broker in [first, second, returned] {
            broker.stop().await;
        }
    }
}

#[tokio::test]
async fn a_first_broker_that_is_not_there_at_the_start_is_waited_for_at_the_second() {
    let second = EmbeddedBroker::start(ANY).await.unwrap();
    let nobody = std::net::TcpListener::bind(ANY).unwrap().local_addr().unwrap();
    let mut centre = Centre::listen(second.local_addr(), "centre").await;
    let mut plant = Plant::new(vec![("hq", brokers_of(MqttVersion::V5, &[nobody, second.local_addr()]))]);
    raise(&plant, 1, 1).await;
    plant.start();
    let complaint = plant.complaint().await.zh;
    assert!(complaint.contains(&nobody.to_string()), "{complaint}");
    assert_eq!(centre.json("alarm/event").await["seq"], 1);
    centre.command(r#"{"v":1,"id":"c1","cmd":"ack","alarm":"a1","by":"x"}"#).await;
    assert_eq!(centre.json("cmd/reply").await["ok"], true);
    plant.stop().await;
    second.stop().await;
}
