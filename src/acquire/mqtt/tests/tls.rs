//! A broker behind TLS that wants to see a certificate: who is trusted, who is not, and that each refusal says why.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::acquire::run;
use crate::acquire::testing::SiteBuilder;
use crate::model::{LinkState, Text};
use crate::site::{Broker, Conversion, Extract, LinkKind, MqttDevice, Protocol, Source, TlsOptions};
use crate::tls::testing::Authority;

/// A broker for `localhost` that lets in those that `authority` vouches for, takes one subscription, and publishes `1` to `t`.
async fn serve(authority: &Authority) -> SocketAddr {
    let acceptor = authority.localhost();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut packet = [0; 1024];
            // CONNECT: taken. SUBSCRIBE, packet 1: granted. PUBLISH to `t`, QoS 0.
            for answer in [&[0x20, 2, 0, 0][..], &[0x90, 3, 0, 1, 0, 0x30, 4, 0, 1, b't', b'1']] {
                assert_ne!(stream.read(&mut packet).await.unwrap(), 0, "the client left");
                stream.write_all(answer).await.unwrap();
            }
            std::future::pending::<()>().await;
        }
    });
    address
}

/// Listens with these options at `host`; says what the engine hears first.
async fn first_news(host: &str, address: SocketAddr, tls: TlsOptions) -> (LinkState, Text) {
    let broker = Broker { tls: Some(tls), ..Broker::open(format!("{host}:{}", address.port())) };
    let device = MqttDevice::json("t", Duration::from_secs(3600));
    let value = Source::Mqtt(Extract { pointer: String::new(), conversion: Conversion::default() });
    let (context, mut ears) =
        SiteBuilder::new(LinkKind::Mqtt(broker)).device(Protocol::Mqtt(device), vec![value]).build();
    let stop = CancellationToken::new();
    tokio::spawn(run(0, context, stop.clone()));
    let report = ears.link().await;
    stop.cancel();
    (report.state, report.error.unwrap_or_default())
}

#[tokio::test]
async fn a_broker_that_knows_us_and_that_we_know_is_listened_to() {
    let authority = Authority::new();
    let address = serve(&authority).await;
    assert_eq!(first_news("localhost", address, authority.identity("gw")).await.0, LinkState::Up);
}

#[tokio::test]
async fn p2_a_broker_that_nobody_vouches_for_is_not_listened_to() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let address = serve(&authority).await;
    let (state, words) = first_news("localhost", address, stranger.identity("gw")).await;
    assert_eq!(state, LinkState::Down);
    assert!(words.en.contains("no configured authority vouches for it"), "{}", words.en);
    let (state, words) = first_news("127.0.0.1", address, authority.identity("gw")).await;
    assert_eq!(state, LinkState::Down);
    assert!(words.zh.contains("证书中没有该主机名"), "{}", words.zh);
}

#[tokio::test]
async fn certificate_files_that_are_gone_are_the_reason() {
    let authority = Authority::new();
    let address = serve(&authority).await;
    let options = authority.identity("gw");
    std::fs::remove_file(authority.path("gw.key")).unwrap();
    let (state, words) = first_news("localhost", address, options).await;
    assert_eq!(state, LinkState::Down);
    assert!(words.en.contains("certificate files can't be used"), "{}", words.en);
}
