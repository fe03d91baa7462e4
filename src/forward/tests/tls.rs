//! A centre's broker behind TLS that wants to see a certificate: who is trusted, who is not, and that each refusal says why.

use std::net::SocketAddr;

use super::fake_broker::{Behaviour, FakeBroker};
use super::plant::Plant;
use crate::model::Text;
use crate::site::{Broker, ForwarderKind, MqttTarget, MqttVersion, TlsOptions};
use crate::store::fixtures::{alarms, commit, raised};
use crate::tls::testing::Authority;

/// The broker of `localhost`, for those that `authority` vouches for.
async fn serve(authority: &Authority) -> FakeBroker {
    let acceptor = authority.localhost();
    let accept = move |stream| {
        let acceptor = acceptor.clone();
        async move { acceptor.accept(stream).await.ok() }
    };
    FakeBroker::behind(MqttVersion::V5, vec![Behaviour::default()], accept).await
}

/// A plant with an alarm for the broker at this port of `host`.
async fn plant(host: &str, address: SocketAddr, tls: Option<TlsOptions>) -> Plant {
    let broker = Broker { tls, ..Broker::open(format!("{host}:{}", address.port())) };
    let mut plant = Plant::new(vec![(
        "hq",
        ForwarderKind::Mqtt(MqttTarget { version: MqttVersion::V5, ..MqttTarget::one(broker) }),
    )]);
    commit(&plant.store, alarms(vec![raised("dust1.fan")])).await;
    plant.start();
    plant
}

/// What is wrong with a broker that is not trusted, or does not trust us; nothing has been published to it then.
async fn refused(server: &FakeBroker, host: &str, tls: Option<TlsOptions>) -> Text {
    let mut plant = plant(host, server.address, tls).await;
    let words = plant.complaint().await;
    assert!(server.seen.lock().unwrap().publishes.is_empty(), "told to somebody that is not trusted");
    plant.crash().await;
    words
}

#[tokio::test]
async fn p1_an_alarm_reaches_a_broker_that_knows_us_and_that_we_know() {
    let authority = Authority::new();
    let mut server = serve(&authority).await;
    let mut plant = plant("localhost", server.address, Some(authority.identity("gw"))).await;
    plant.works().await;
    server
        .until("the alarm comes", |seen| {
            seen.publishes.iter().any(|publish| publish.topic.ends_with("alarm/event"))
        })
        .await;
    plant.stop().await;
}

#[tokio::test]
async fn p2_a_broker_that_nobody_vouches_for_is_told_nothing() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let server = serve(&authority).await;
    let words = refused(&server, "localhost", Some(stranger.identity("gw"))).await;
    assert!(words.en.contains("no configured authority vouches for it"), "{}", words.en);
    let words = refused(&server, "127.0.0.1", Some(authority.identity("gw"))).await;
    assert!(words.zh.contains("证书中没有该主机名"), "{}", words.zh);
}

#[tokio::test]
async fn p2_a_broker_that_does_not_know_us_and_files_that_are_gone_are_complained_of() {
    let authority = Authority::new();
    let server = serve(&authority).await;
    refused(&server, "localhost", Some(authority.trust())).await;
    refused(&server, "localhost", None).await;
    let options = authority.identity("gw");
    std::fs::remove_file(authority.path("gw.key")).unwrap();
    let words = refused(&server, "localhost", Some(options)).await;
    assert!(words.en.contains("certificate files can't be used"), "{}", words.en);
}
