//! Publishers against a broker of a few lines, which says yes to everything and hands on what it is told.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::bench::{Bench, Field, Form, HazardKind, HazardSpec, PublisherSpec, SignalRef};
use crate::error::BenchError;
use crate::fault::{FaultCommand, Target};
use crate::running::StartOptions;

/// Longest wait for what must come; a test that needs it has failed.
const PATIENCE: Duration = Duration::from_secs(20);

fn bench(broker: &str) -> Bench {
    let field = |pointer: &str, role: &str| Field {
        pointer: pointer.to_owned(),
        scale: 1.0,
        offset: 0.0,
        codes: Vec::new(),
        signal: SignalRef {
            hazard: Some("dust1".to_owned()),
            device: "sensor1".to_owned(),
            role: Some(role.to_owned()),
            range: None,
            point: format!("sensor1.{role}"),
        },
    };
    let publisher = PublisherSpec {
        broker: broker.to_owned(),
        topic: "plant/sensor1".to_owned(),
        device: "sensor1".to_owned(),
        period: Duration::from_millis(20),
        username: Some("sensor".to_owned()),
        password: Some("secret".to_owned()),
        form: Form::Json,
        fields: vec![field("/dust/dp", "diff_pressure"), field("/run", "fan_running")],
    };
    let hazard = HazardSpec { id: "dust1".to_owned(), kind: HazardKind::Dust };
    Bench { hazards: vec![hazard], links: Vec::new(), publishers: vec![publisher], edges: Vec::new() }
}

/// One MQTT 3.1.1 packet: its first byte and its body.
async fn read_packet(stream: &mut TcpStream) -> io::Result<(u8, Vec<u8>)> {
    let first = stream.read_u8().await?;
    let mut length = 0usize;
    for shift in [0, 7, 14, 21] {
        let byte = stream.read_u8().await?;
        length |= usize::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok((first, body))
}

fn string(body: &[u8]) -> (String, &[u8]) {
    let length = usize::from(u16::from_be_bytes([body[0], body[1]]));
    (String::from_utf8(body[2..2 + length].to_vec()).unwrap(), &body[2 + length..])
}

/// Accepts one client and its CONNECT packet.
async fn accept(broker: &TcpListener) -> (TcpStream, Vec<u8>) {
    let (mut stream, _) = timeout(PATIENCE, broker.accept()).await.unwrap().unwrap();
    let (first, connect) = timeout(PATIENCE, read_packet(&mut stream)).await.unwrap().unwrap();
    assert_eq!(first, 0x10);
    stream.write_all(&[0x20, 2, 0, 0]).await.unwrap();
    (stream, connect)
}

/// Reads and acknowledges one publish: topic and payload.
async fn receive(stream: &mut TcpStream) -> (String, Value) {
    let (first, body) = timeout(PATIENCE, read_packet(stream)).await.unwrap().unwrap();
    assert_eq!(first, 0x32, "a publish, delivered at least once, not retained");
    let (topic, rest) = string(&body);
    stream.write_all(&[0x40, 2, rest[0], rest[1]]).await.unwrap();
    (topic, serde_json::from_slice(&rest[2..]).unwrap())
}

async fn broker() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[tokio::test]
async fn messages_reach_the_broker_and_a_lost_one_is_found_again() {
    let (listener, address) = broker().await;
    // The bench names a broker that is not there; the caller sends it to the one that is.
    let mut running = bench("127.0.0.1:1").start(StartOptions::default()).await.unwrap();
    running.start_publishers(Some(address));
    running.start_publishers(Some(address));
    for _ in 0..2 {
        let (mut stream, connect) = accept(&listener).await;
        let text = String::from_utf8_lossy(&connect).into_owned();
        assert!(
            text.contains("sim-sensor1-0") && text.contains("sensor") && text.contains("secret"),
            "{text}"
        );
        for _ in 0..3 {
            let (topic, message) = receive(&mut stream).await;
            assert_eq!(topic, "plant/sensor1");
            let dp = message["dust"]["dp"].as_f64().unwrap();
            assert!((700.0..1100.0).contains(&dp), "{message}");
            assert_eq!(message["run"], true);
        }
    }
    running.stop().await;
}

#[tokio::test]
async fn a_dead_publisher_is_silent_until_it_is_cleared() {
    let (listener, address) = broker().await;
    let mut running = bench(&address.to_string()).start(StartOptions::default()).await.unwrap();
    let target = || Target::Device("sensor1".to_owned());
    let dead = FaultCommand::Inject { target: target(), fault: "dead".to_owned(), delay: None };
    running.inject(&dead).unwrap();
    running.start_publishers(None);
    let (mut stream, _) = accept(&listener).await;
    // Ten periods of nothing.
    let silence = timeout(Duration::from_millis(200), stream.read_u8()).await;
    assert!(silence.is_err(), "{silence:?}");
    running.inject(&FaultCommand::Clear { target: target(), fault: "dead".to_owned() }).unwrap();
    assert_eq!(receive(&mut stream).await.0, "plant/sensor1");
    running.stop().await;
}

#[tokio::test]
async fn publishers_that_cannot_publish_are_refused() {
    let spoil = |change: fn(&mut PublisherSpec)| {
        let mut bench = bench("127.0.0.1:1883");
        change(&mut bench.publishers[0]);
        bench
    };
    for (bench, word) in [
        (spoil(|spec| spec.period = Duration::ZERO), "period"),
        (spoil(|spec| spec.topic = "plant/+".to_owned()), "wildcards"),
        (spoil(|spec| spec.topic = String::new()), "topic"),
        (spoil(|spec| spec.broker = "127.0.0.1".to_owned()), "host:port"),
        (spoil(|spec| spec.broker = ":1883".to_owned()), "host:port"),
        (spoil(|spec| spec.broker = "host:0".to_owned()), "host:port"),
    ] {
        let error = bench.start(StartOptions::default()).await.unwrap_err();
        assert!(matches!(error, BenchError::Publisher { .. }), "{error}");
        assert!(error.to_string().contains(word), "{error}");
    }
}
