//! The proxy on sockets, between a plain client and a plain server.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::frame::Frame;
use super::{FaultProxy, ProxyFault};
use crate::bench::Framing;

/// Longest wait for what must come; a test that needs it has failed.
const PATIENCE: Duration = Duration::from_secs(20);
/// Long enough for what must not come to have come.
const SILENCE: Duration = Duration::from_millis(150);

/// A server that answers each read of two registers with what it was asked for.
async fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut question = [0; 12];
                while stream.read_exact(&mut question).await.is_ok() {
                    stream.write_all(&answer(question)).await.unwrap();
                }
            });
        }
    });
    address
}

fn question(transaction: u8, address: u8) -> [u8; 12] {
    [0, transaction, 0, 0, 0, 6, 1, 3, 0, address, 0, 2]
}

fn answer(question: [u8; 12]) -> Vec<u8> {
    vec![question[0], question[1], 0, 0, 0, 7, 1, 3, 4, 0, question[9], 0, 0]
}

async fn proxy() -> FaultProxy {
    let any = "127.0.0.1:0".parse().unwrap();
    FaultProxy::listen(any, server().await, Framing::Tcp, 7).await.unwrap()
}

async fn dial(proxy: &FaultProxy) -> std::io::Result<TcpStream> {
    timeout(PATIENCE, TcpStream::connect(proxy.address().unwrap())).await.unwrap()
}

async fn hear(stream: &mut TcpStream, length: usize) -> std::io::Result<Vec<u8>> {
    let mut heard = vec![0; length];
    timeout(PATIENCE, stream.read_exact(&mut heard)).await.unwrap()?;
    Ok(heard)
}

async fn talk(stream: &mut TcpStream, transaction: u8) -> std::io::Result<bool> {
    let asked = question(transaction, transaction);
    stream.write_all(&asked).await?;
    Ok(hear(stream, 13).await? == answer(asked))
}

async fn is_silent(stream: &mut TcpStream) -> bool {
    timeout(SILENCE, stream.read(&mut [0; 16])).await.is_err()
}

#[tokio::test]
async fn it_passes_what_it_is_not_told_to_spoil() {
    let proxy = proxy().await;
    let mut client = dial(&proxy).await.unwrap();
    for n in 1..5 {
        assert!(talk(&mut client, n).await.unwrap());
    }
    let counts = proxy.counts();
    assert_eq!((counts.connections, counts.questions, counts.answers, counts.twisted), (1, 4, 4, 0));
}

#[tokio::test]
async fn faults_begin_and_end_on_an_open_connection() {
    let proxy = proxy().await;
    let mut client = dial(&proxy).await.unwrap();
    assert!(talk(&mut client, 1).await.unwrap());
    proxy.set(Some(ProxyFault::WrongTransaction));
    assert!(!talk(&mut client, 2).await.unwrap());
    proxy.set(Some(ProxyFault::Trickle));
    assert!(talk(&mut client, 3).await.unwrap());
    proxy.set(Some(ProxyFault::Delay(Duration::from_millis(30))));
    assert!(talk(&mut client, 4).await.unwrap());
    proxy.set(None);
    assert!(talk(&mut client, 5).await.unwrap());
    assert_eq!(proxy.counts().twisted, 3);
}

#[tokio::test]
async fn one_units_fault_is_no_other_units() {
    let proxy = proxy().await;
    let mut client = dial(&proxy).await.unwrap();
    proxy.set_unit(2, Some(ProxyFault::Drop));
    assert!(talk(&mut client, 1).await.unwrap());
    proxy.set_unit(1, Some(ProxyFault::Drop));
    client.write_all(&question(2, 2)).await.unwrap();
    assert!(is_silent(&mut client).await);
    proxy.set_unit(1, None);
    assert!(talk(&mut client, 3).await.unwrap());
}

#[tokio::test]
async fn refusing_ends_connections_and_lets_none_in_until_it_ends() {
    let proxy = proxy().await;
    for n in 1..4 {
        let mut client = dial(&proxy).await.unwrap();
        assert!(talk(&mut client, n).await.unwrap());
        proxy.set(Some(ProxyFault::Refuse));
        assert_eq!(timeout(PATIENCE, client.read(&mut [0; 4])).await.unwrap().unwrap_or(0), 0);
        let refused = timeout(PATIENCE, async {
            loop {
                match dial(&proxy).await {
                    Err(error) => return error.kind(),
                    Ok(_) => tokio::task::yield_now().await,
                }
            }
        });
        assert_eq!(refused.await.unwrap(), ErrorKind::ConnectionRefused);
        proxy.set(None);
        timeout(PATIENCE, async { while dial(&proxy).await.is_err() {} }).await.unwrap();
    }
}

#[tokio::test]
async fn a_reset_is_a_reset_and_a_hang_up_is_none() {
    let proxy = proxy().await;
    let mut client = dial(&proxy).await.unwrap();
    proxy.set(Some(ProxyFault::Reset));
    assert_eq!(talk(&mut client, 1).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    let mut client = dial(&proxy).await.unwrap();
    proxy.set(Some(ProxyFault::Hangup));
    client.write_all(&question(2, 2)).await.unwrap();
    assert_eq!(hear(&mut client, 6).await.unwrap(), answer(question(2, 2))[..6]);
    assert_eq!(timeout(PATIENCE, client.read(&mut [0; 4])).await.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn a_half_open_connection_never_comes_back_and_a_new_one_works() {
    let proxy = proxy().await;
    let mut old = dial(&proxy).await.unwrap();
    proxy.set(Some(ProxyFault::HalfOpen));
    old.write_all(&question(1, 1)).await.unwrap();
    assert!(is_silent(&mut old).await);
    proxy.set(None);
    old.write_all(&question(2, 2)).await.unwrap();
    assert!(is_silent(&mut old).await);
    assert!(talk(&mut dial(&proxy).await.unwrap(), 3).await.unwrap());
}

const RTU_QUESTION: [u8; 8] = [1, 3, 0, 7, 0, 1, 0x35, 0xCB];

fn rtu_answer() -> Vec<u8> {
    Frame { framing: Framing::RtuOverTcp, transaction: 0, unit: 1, pdu: vec![3, 2, 0, 7] }.bytes()
}

/// A bus of which unit 1 answers everything alike.
async fn bus() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                while stream.read_exact(&mut [0; 8]).await.is_ok() {
                    stream.write_all(&rtu_answer()).await.unwrap();
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn on_a_bus_a_late_answer_is_heard_by_whoever_listens_then() {
    let any = "127.0.0.1:0".parse().unwrap();
    let proxy = FaultProxy::listen(any, bus().await, Framing::RtuOverTcp, 7).await.unwrap();
    proxy.set(Some(ProxyFault::Delay(SILENCE)));
    let mut first = dial(&proxy).await.unwrap();
    first.write_all(&RTU_QUESTION).await.unwrap();
    timeout(PATIENCE, async {
        while proxy.counts().answers == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    drop(first);
    let mut second = dial(&proxy).await.unwrap();
    assert_eq!(hear(&mut second, 7).await.unwrap(), rtu_answer());
}

#[tokio::test]
async fn it_stands_on_a_line_as_well() {
    let (mut near, far) = tokio::io::duplex(256);
    let (near_server, mut server) = tokio::io::duplex(256);
    let proxy = FaultProxy::between(far, near_server, Framing::RtuOverTcp, 1);
    proxy.set(Some(ProxyFault::Duplicate));
    near.write_all(&RTU_QUESTION).await.unwrap();
    let mut asked = [0; 8];
    timeout(PATIENCE, server.read_exact(&mut asked)).await.unwrap().unwrap();
    assert_eq!(asked, RTU_QUESTION);
    server.write_all(&rtu_answer()).await.unwrap();
    let mut heard = [0; 14];
    timeout(PATIENCE, near.read_exact(&mut heard)).await.unwrap().unwrap();
    assert_eq!(heard[..], [rtu_answer(), rtu_answer()].concat());
}
