//! Asking by hand, over real sockets.

use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::super::probe::{Contents, Presence, Probe, TroubleKind};
use super::server::{expected, serve, site, sources};
use crate::clock::Clock;
use crate::model::{DeviceId, Sample};
use crate::site::{LinkKind, Table};

const PATIENCE: Duration = Duration::from_secs(10);

/// The plant of `server`, and a hand on it.
async fn hand(kind: fn(String) -> LinkKind) -> (Probe, LinkKind, CancellationToken) {
    let down = CancellationToken::new();
    let address = serve("127.0.0.1:0".parse().unwrap(), &kind(String::new()), down.clone()).await;
    let link = kind(address.to_string());
    let probe = Probe::new(&link, PATIENCE, Clock::start()).unwrap();
    (probe, link, down)
}

#[tokio::test]
async fn what_the_device_refuses_is_narrowed_down_to_the_addresses_that_it_does_not_have() {
    for kind in [LinkKind::ModbusTcp, LinkKind::ModbusRtuOverTcp] {
        let (mut probe, _, _down) = hand(kind).await;
        let Contents { values, refusal, questions, .. } = probe.read(1, Table::Holding, 4..20).await.unwrap();
        let float = 12.5_f32.to_bits();
        let mut there = vec![Some(float as u16), Some((float >> 16) as u16), Some(0b100)];
        there.resize(16, None);
        assert_eq!(values, there);
        assert_eq!(refusal.unwrap().en, "exception 2: illegal data address");
        assert!((5..=31).contains(&questions), "{questions}");
    }
}

#[tokio::test]
async fn a_small_block_limit_makes_more_questions_and_the_same_answer() {
    let (probe, _, _down) = hand(LinkKind::ModbusTcp).await;
    let mut probe = probe.with_block_max(2);
    let contents = probe.read(1, Table::Input, 0..7).await.unwrap();
    assert_eq!(contents.questions, 4);
    assert!(contents.values.iter().all(Option::is_some) && contents.refusal.is_none());
    let bits = probe.read(1, Table::Coil, 7..9).await.unwrap();
    assert_eq!((bits.values, bits.questions), (vec![Some(1), Some(1)], 1));
}

#[tokio::test]
async fn a_unit_that_refuses_is_there_and_says_nothing_of_itself() {
    let (mut probe, _, _down) = hand(LinkKind::ModbusTcp).await;
    assert_eq!(probe.presence(1, Table::Holding, 0).await.unwrap(), Presence::Here(None));
    assert_eq!(probe.presence(1, Table::Holding, 999).await.unwrap(), Presence::Here(Some(2)));
    assert_eq!(probe.identity(1).await, None);
}

#[tokio::test]
async fn a_device_of_a_site_is_read_as_the_gateway_reads_it() {
    let (mut probe, link, _down) = hand(LinkKind::ModbusTcp).await;
    let (context, _ears) = site(link);
    let mut reads = probe.device(&context.site, DeviceId::new(0), |_| true).await.unwrap();
    reads.sort_by_key(|read| read.point);
    let samples: Vec<Sample> = reads.iter().map(|read| read.sample).collect();
    assert_eq!(samples, expected());
    assert_eq!(reads.len(), sources().len());
    assert_eq!(reads[0].words, [2301]);
    assert_eq!(reads[2].words.len(), 2);
    let one = probe.device(&context.site, DeviceId::new(0), |point| point.index() == 1).await.unwrap();
    assert_eq!(one.len(), 1);
}

#[tokio::test]
async fn a_dead_address_and_a_silent_unit_are_told_apart() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    let link = LinkKind::ModbusTcp(address.to_string());
    let mut probe = Probe::new(&link, Duration::from_millis(50), Clock::start()).unwrap();
    let silent = probe.read(9, Table::Holding, 0..1).await.unwrap_err();
    assert_eq!(silent.kind, TroubleKind::Silent);
    assert_eq!(probe.presence(9, Table::Holding, 0).await.unwrap(), Presence::Absent);
    drop((free, probe));
    let mut probe = Probe::new(&link, Duration::from_millis(50), Clock::start()).unwrap();
    let dead = probe.read(9, Table::Holding, 0..1).await.unwrap_err();
    assert_eq!(dead.kind, TroubleKind::Unreachable);
    assert!(dead.words.en.contains(&address.to_string()), "{dead:?}");
    assert!(probe.presence(9, Table::Holding, 0).await.is_err());
}
