//! Devices that dial in, over real connections: who is taken for whom, what they say unasked, and what becomes of a
//! connection that is followed by another.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::bus::{Asked, device, holding, register};
use crate::acquire::testing::{Ears, SiteBuilder, samples};
use crate::acquire::{Context, Reception, run};
use crate::clock::Clock;
use crate::model::limits::DIAL_IN_PACKET_BYTES_MAX;
use crate::model::{LinkState, Sample, Text};
use crate::site::{DialIn, Framing, LinkKind, ModbusDevice, Packet, Protocol, Source, Table};

const REGISTRATION: &[u8] = b"DTU-0001";
const HEARTBEAT: &[u8] = b"ping";

fn dial_in(listen: SocketAddr, framing: Framing) -> DialIn {
    let heartbeat = Some(Packet(HEARTBEAT.to_vec()));
    DialIn { listen, registration: Packet(REGISTRATION.to_vec()), heartbeat, framing }
}

/// A gateway with two units behind one DTU.
struct Rig {
    address: SocketAddr,
    ears: Ears,
    stop: CancellationToken,
}

impl Rig {
    async fn start(framing: Framing) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (context, ears) = site(address, framing);
        let (reception, stop) = (context.receptions[0].clone(), CancellationToken::new());
        tokio::spawn(
            stop.clone().run_until_cancelled_owned(async move { reception.receive(listener).await }),
        );
        tokio::spawn(run(0, context, stop.clone()));
        Self { address, ears, stop }
    }

    async fn dial(&self, says: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(says).await.unwrap();
        stream
    }

    /// Hears until a whole poll of each unit has come; no other value may come meanwhile.
    async fn hears_both(&mut self) {
        let mut heard = [false; 2];
        while heard != [true, true] {
            let batch = self.ears.batch().await;
            let (device, unit) = (batch.device.index(), batch.device.index() as u8 + 1);
            let truth = [holding(unit, 10), holding(unit, 200)];
            let got = samples(&batch);
            for (sample, truth) in got.iter().zip(&truth) {
                assert!(matches!(sample, Sample::Bad(_)) || sample == truth, "unit {unit}: {sample:?}");
            }
            heard[device] |= got == truth;
        }
    }

    async fn hears_up(&mut self) {
        while self.ears.link().await.state != LinkState::Up {}
    }

    async fn hears_down(&mut self) -> Text {
        loop {
            let report = self.ears.link().await;
            if report.state == LinkState::Down {
                return report.error.unwrap();
            }
        }
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn site(listen: SocketAddr, framing: Framing) -> (Context, Ears) {
    let sources = [10, 200].map(|address| Source::Modbus(register(Table::Holding, address).into()));
    let quick = |unit| {
        let poll = Duration::from_millis(50);
        Protocol::Modbus(ModbusDevice { poll, ..device(unit) })
    };
    let site = SiteBuilder::new(LinkKind::ModbusDialIn(dial_in(listen, framing)));
    site.device(quick(1), sources.to_vec()).device(quick(2), sources.to_vec()).build()
}

/// Answers what is asked on `stream`, and says `before` first each time.
fn serve(mut stream: TcpStream, framing: Framing, before: &'static [u8]) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut frame = vec![0; if framing == Framing::Tcp { 12 } else { 8 }];
        while stream.read_exact(&mut frame).await.is_ok() {
            let answer = Asked::read(framing, &frame).answer();
            for part in [before, &answer, HEARTBEAT] {
                stream.write_all(part).await.unwrap();
            }
        }
    })
}

/// Whether the far end hangs up, whatever it says before.
async fn is_hung_up(mut stream: TcpStream) -> bool {
    let mut some = [0; 64];
    loop {
        match stream.read(&mut some).await {
            Ok(0) | Err(_) => return true,
            Ok(_) => {}
        }
    }
}

#[tokio::test]
async fn p2_units_behind_a_dtu_are_read_whatever_it_says_unasked() {
    for framing in [Framing::Tcp, Framing::Rtu] {
        for before in [&b""[..], b"ping", b"pingDTU-0001ping"] {
            let mut rig = Rig::start(framing).await;
            let mut stream = rig.dial(&REGISTRATION[..3]).await;
            stream.write_all(&REGISTRATION[3..]).await.unwrap();
            stream.write_all(&HEARTBEAT[..2]).await.unwrap();
            stream.write_all(&HEARTBEAT[2..]).await.unwrap();
            serve(stream, framing, before);
            for _ in 0..3 {
                rig.hears_both().await;
            }
        }
    }
}

#[tokio::test]
async fn a_device_that_has_not_dialled_in_is_down_with_that_reason_and_up_when_it_has() {
    let mut rig = Rig::start(Framing::Rtu).await;
    let address = rig.address;
    let words = Text::new(
        format!("无法连接 DTU-0001：未拨入 {address}"),
        format!("no connection to DTU-0001: it has not dialled in at {address}"),
    );
    assert_eq!(rig.hears_down().await, words);
    let served = serve(rig.dial(REGISTRATION).await, Framing::Rtu, b"");
    rig.hears_up().await;
    rig.hears_both().await;
    served.abort();
    assert_eq!(rig.hears_down().await, words);
    serve(rig.dial(REGISTRATION).await, Framing::Rtu, b"");
    rig.hears_up().await;
}

#[tokio::test]
async fn who_is_nobody_or_says_too_little_is_hung_up_on_and_disturbs_no_one() {
    let mut rig = Rig::start(Framing::Rtu).await;
    serve(rig.dial(REGISTRATION).await, Framing::Rtu, b"");
    rig.hears_both().await;
    let long = [b'D'; DIAL_IN_PACKET_BYTES_MAX * 2];
    for stranger in [&b"DTU-0002"[..], b"GET / HTTP/1.1\r\n\r\n", &long, &[0]] {
        assert!(is_hung_up(rig.dial(stranger).await).await);
    }
    rig.hears_both().await;
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_does_not_say_who_it_is_is_hung_up_on_in_time() {
    let rig = Rig::start(Framing::Rtu).await;
    assert!(is_hung_up(rig.dial(b"DTU-").await).await);
    assert!(is_hung_up(rig.dial(b"").await).await);
}

#[tokio::test]
async fn who_dials_again_is_believed_that_its_earlier_connection_is_gone() {
    let mut rig = Rig::start(Framing::Rtu).await;
    // It takes questions, and will never answer.
    let earlier = rig.dial(REGISTRATION).await;
    earlier.readable().await.unwrap();
    serve(rig.dial(REGISTRATION).await, Framing::Rtu, b"");
    assert!(is_hung_up(earlier).await);
    rig.hears_both().await;
}

#[tokio::test]
async fn an_address_that_cannot_be_had_is_the_reason_and_is_tried_again() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let (context, mut ears) = site(address, Framing::Rtu);
    let stop = CancellationToken::new();
    tokio::spawn(context.receptions[0].clone().run(stop.clone()));
    tokio::spawn(run(0, context, stop.clone()));
    loop {
        let error = ears.link().await.error.unwrap();
        if error.en.contains("can't listen") {
            assert!(error.zh.contains(&format!("无法监听 {address}")), "{}", error.zh);
            break;
        }
    }
    drop(taken);
    let stream = loop {
        match TcpStream::connect(address).await {
            Ok(stream) => break stream,
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    let mut stream = stream;
    stream.write_all(REGISTRATION).await.unwrap();
    serve(stream, Framing::Rtu, b"");
    while ears.link().await.state != LinkState::Up {}
    stop.cancel();
}

#[tokio::test]
async fn links_at_one_address_have_one_reception() {
    let listen = "127.0.0.1:9000".parse().unwrap();
    let (context, _ears) = site(listen, Framing::Rtu);
    let mut site = (*context.site).clone();
    let mut other = site.links[0].clone();
    let LinkKind::ModbusDialIn(dial_in) = &mut other.kind else { unreachable!() };
    dial_in.registration = Packet(b"DTU-0002".to_vec());
    site.links.push(other);
    let receptions = Reception::all(&site, Clock::start());
    assert_eq!(receptions.iter().map(Reception::listen).collect::<Vec<_>>(), [listen]);
}
