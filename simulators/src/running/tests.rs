//! Starting, moving, stopping.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio_modbus::client::{Reader, tcp};

use super::*;
use crate::bench::{Framing, LinkSpec};
use crate::fault::Target;
use crate::scenario::{Action, Step};
use crate::simulation::tests::demo_bench;

/// Longest wait for what must come; a test that needs it has failed.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_port_in_use_is_named_and_nothing_is_left_running() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (taken_at, free_at) =
        (taken.local_addr().unwrap().to_string(), free.local_addr().unwrap().to_string());
    drop(free);
    let mut bench = demo_bench();
    bench.links[0].listen = free_at.clone();
    bench.links.push(LinkSpec {
        listen: taken_at.clone(),
        line: None,
        framing: Framing::Tcp,
        units: Vec::new(),
    });
    let error = bench.start(StartOptions::default()).await.unwrap_err();
    assert!(matches!(&error, BenchError::Bind { address, .. } if *address == taken_at), "{error}");
    assert!(error.to_string().contains(&taken_at));
    TcpListener::bind(&free_at).await.expect("the first link's port is free again");
}

#[tokio::test]
async fn what_is_no_address_is_named() {
    for address in ["nowhere", "127.0.0.1", "127.0.0.1:99999"] {
        let mut bench = demo_bench();
        bench.links[0].listen = address.to_owned();
        let error = bench.start(StartOptions::default()).await.unwrap_err().to_string();
        assert!(error.contains(address), "{error}");
    }
}

#[tokio::test]
async fn speeds_that_make_no_sense_are_refused() {
    for speed in [0.0, -1.0, f64::NAN, f64::INFINITY, 1001.0] {
        let options = StartOptions { speed, ..StartOptions::default() };
        let error = demo_bench().start(options).await.unwrap_err();
        assert!(matches!(error, BenchError::Speed(_)), "{error}");
    }
}

#[tokio::test]
async fn two_units_of_one_id_are_refused() {
    let mut bench = demo_bench();
    let twin = bench.links[0].units[0].clone();
    bench.links[0].units.push(twin);
    let error = bench.start(StartOptions::default()).await.unwrap_err();
    assert!(matches!(error, BenchError::UnitTwice { unit: 1, .. }), "{error}");
}

#[tokio::test]
async fn a_misfit_scenario_starts_nothing() {
    let mut bench = demo_bench();
    bench.hazards.pop();
    bench.links[0].units.retain(|unit| !unit.device.starts_with("meter"));
    let options = StartOptions { scenario: Some(Scenario::demo()), ..StartOptions::default() };
    let error = bench.start(options).await.unwrap_err();
    assert!(matches!(&error, BenchError::Scenario(misfits) if misfits.len() == 2), "{error}");
}

#[tokio::test]
async fn the_story_is_told_and_can_be_read_in_registers() {
    // The demo's first step, and a mark long after it; nothing ends the leak, so that no read can come too late.
    let mut scenario = Scenario::demo();
    scenario.steps.truncate(1);
    let mark =
        Step { at: Duration::from_secs(40), action: Action::Tell, say: Some(scenario.name.clone()), line: 1 };
    scenario.steps.push(mark);
    scenario.repeat = None;
    let options = StartOptions { scenario: Some(scenario), speed: 50.0, ..StartOptions::default() };
    let running = demo_bench().start(options).await.unwrap();
    let mut journal = running.journal();
    let address = running.addresses()["127.0.0.1:0"];
    assert_eq!(Some(address), running.link_address(0));
    assert_eq!(running.link_address(1), None);
    let mut master = tcp::attach_slave(TcpStream::connect(address).await.unwrap(), 1.into());
    let leak = timeout(PATIENCE, journal.recv()).await.unwrap().unwrap();
    assert_eq!(leak.at_s, 3.0);
    assert!(leak.text.zh.contains("泄漏"), "{leak:?}");
    assert_eq!(timeout(PATIENCE, journal.recv()).await.unwrap().unwrap().at_s, 40.0);
    let words = master.read_holding_registers(0, 4).await.unwrap().unwrap();
    let gas = f64::from_bits(words.iter().fold(0, |bits, word| bits << 16 | u64::from(*word)));
    assert!((50.0..110.0).contains(&gas), "{gas} %LEL");
    running.stop().await;
}

#[tokio::test]
async fn stopping_closes_every_socket() {
    let running = demo_bench().start(StartOptions::default()).await.unwrap();
    let address = running.link_address(0).unwrap();
    let mut master = tcp::attach_slave(TcpStream::connect(address).await.unwrap(), 1.into());
    assert!(master.read_holding_registers(0, 4).await.unwrap().is_ok());
    running.stop().await;
    assert!(timeout(PATIENCE, master.read_holding_registers(0, 4)).await.unwrap().is_err());
    TcpListener::bind(address).await.expect("the port is free again");
}

#[tokio::test]
async fn a_fault_from_outside_shows_at_once_and_is_told() {
    let running = demo_bench().start(StartOptions::default()).await.unwrap();
    let mut journal = running.journal();
    let target = Target::Point("gas1.gas_1".to_owned());
    let dead = FaultCommand::Inject { target, fault: "dead".to_owned(), delay: None };
    assert!(running.value("gas1.gas_1").is_some());
    running.inject(&dead).unwrap();
    assert_eq!(running.value("gas1.gas_1"), None);
    assert!(journal.try_recv().unwrap().text.en.contains("gas1.gas_1"));
    let unknown = FaultCommand::Clear { target: Target::Hazard("x".to_owned()), fault: "leak".to_owned() };
    assert!(running.inject(&unknown).is_err());
    assert!(journal.try_recv().is_err());
    assert_eq!(running.value("no.such"), None);
    running.stop().await;
}
