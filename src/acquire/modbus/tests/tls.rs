//! Modbus over TLS on real sockets: who is trusted, who is not, and that each refusal says why.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};
use tokio_modbus::server::tcp;
use tokio_util::sync::CancellationToken;

use super::server::{expected, plant, site};
use crate::acquire::run;
use crate::acquire::testing::samples;
use crate::model::{LinkState, Text};
use crate::site::{LinkKind, TlsOptions, TlsTarget};
use crate::tls::testing::Authority;

/// Serves the plant with the certificate of `localhost` to those that `authority` vouches for; says where.
async fn serve(authority: &Authority) -> SocketAddr {
    let acceptor = authority.localhost();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let new = |stream: TcpStream, _| {
            let acceptor = acceptor.clone();
            // A client that is not taken ends its own connection, not the server.
            async move { Ok(acceptor.accept(stream).await.ok().map(|stream| (plant(), stream))) }
        };
        tcp::Server::new(listener).serve(&new, |_| ()).await.ok();
    });
    address
}

/// Links to the server with these options; says what the engine hears first.
async fn first_news(address: SocketAddr, tls: TlsOptions) -> (LinkState, Text) {
    let (context, mut ears) = site(LinkKind::ModbusTls(TlsTarget { address: address.to_string(), tls }));
    let stop = CancellationToken::new();
    let task = tokio::spawn(run(0, context, stop.clone()));
    let report = ears.link().await;
    if report.state == LinkState::Up {
        assert_eq!(samples(&ears.batch().await), expected());
    }
    stop.cancel();
    task.await.unwrap();
    (report.state, report.error.unwrap_or_default())
}

fn named(options: TlsOptions) -> TlsOptions {
    TlsOptions { server_name: Some("localhost".into()), ..options }
}

#[tokio::test]
async fn both_ends_that_know_each_other_talk() {
    let authority = Authority::new();
    let address = serve(&authority).await;
    assert_eq!(first_news(address, named(authority.identity("gw"))).await.0, LinkState::Up);
}

#[tokio::test]
async fn p2_a_far_end_that_nobody_vouches_for_is_not_read() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let address = serve(&authority).await;
    let (state, why) = first_news(address, named(stranger.identity("gw"))).await;
    assert_eq!(state, LinkState::Down);
    assert!(why.en.contains("no configured authority vouches for it"), "{why:?}");
    assert!(why.zh.contains("不是由所配置的 CA 签发"), "{why:?}");
}

#[tokio::test]
async fn p2_a_far_end_of_another_name_is_not_read() {
    let authority = Authority::new();
    let address = serve(&authority).await;
    let (state, why) = first_news(address, authority.identity("gw")).await;
    assert_eq!(state, LinkState::Down);
    assert!(why.en.contains("does not hold the host's name"), "{why:?}");
}

#[tokio::test]
async fn a_far_end_that_asks_for_our_certificate_is_heard_to_say_so() {
    let authority = Authority::new();
    let address = serve(&authority).await;
    let (state, why) = first_news(address, named(authority.trust())).await;
    assert_ne!(state, LinkState::Up);
    assert!(why.en.contains("asks for a client certificate"), "{why:?}");
}

#[tokio::test]
async fn a_far_end_that_speaks_no_tls_is_heard_not_to() {
    let authority = Authority::new();
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = plain.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = plain.accept().await {
            tokio::io::AsyncWriteExt::write_all(&mut stream, b"220 hello\r\n").await.ok();
        }
    });
    let (state, why) = first_news(address, named(authority.trust())).await;
    assert_eq!(state, LinkState::Down);
    assert!(why.en.contains("does not speak TLS"), "{why:?}");
}

#[tokio::test]
async fn files_that_went_away_take_the_link_down_with_the_reason() {
    let authority = Authority::new();
    let address = serve(&authority).await;
    let gone = TlsOptions { ca: Some(authority.path("gone.pem")), ..TlsOptions::default() };
    let (state, why) = first_news(address, gone).await;
    assert_eq!(state, LinkState::Down);
    assert!(why.en.contains("there is no such file") && why.zh.contains("证书文件无法使用"), "{why:?}");
}
