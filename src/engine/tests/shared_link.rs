//! Several devices behind one link: whether it is they that are lost or the link before them.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::site::{Broker, LinkKind, MqttDevice, Protocol};

const METERS: usize = 4;

/// Meters of one hazard behind one link, each with a point; lost after 5 s.
fn bus(kind: LinkKind, meters: usize) -> Run {
    let mut plant = Plant::new();
    let hazard = plant.hazard("dust1");
    let devices: Vec<DeviceId> = (0..meters)
        .map(|n| {
            let device = plant.device(
                &format!("m{n}"),
                Text::new(format!("{n}号表"), format!("meter {n}")),
                Some(hazard),
            );
            plant.point(device, "power", Text::same("power"));
            plant.lost(&format!("m{n}.lost"), device, 5.0);
            device
        })
        .collect();
    plant.link("bus.lost", kind, &devices, 5.0);
    Run::start(plant.site)
}

fn wired() -> LinkKind {
    LinkKind::ModbusTcp("10.0.0.5:502".into())
}

fn broker() -> LinkKind {
    LinkKind::Mqtt(Broker::open("10.0.0.6:1883"))
}

/// Nothing came when it was asked.
fn miss(run: &mut Run, n: usize) {
    run.read(PointId::new(n), Sample::Bad(Reason::Comm));
}

fn meter(n: usize) -> DeviceId {
    DeviceId::new(n)
}

fn speak(run: &mut Run, n: usize) {
    run.read(PointId::new(n), good(1.0));
}

/// Everybody answers.
fn up(run: &mut Run) {
    for n in 0..run.site.devices.len() {
        run.link(meter(n), LinkState::Up);
        speak(run, n);
    }
    assert_eq!(run.kinds(), []);
}

fn names(run: &mut Run) -> Vec<(EventKind, String)> {
    run.events().into_iter().map(|(event, alarm, _)| (event, alarm)).collect()
}

#[test]
fn p3_a_bus_that_dies_is_one_alarm_and_not_forty_and_comes_no_later() {
    let mut run = bus(wired(), 40);
    up(&mut run);
    // One after the other misses a poll, and is found down at the next.
    (0..40).for_each(|n| miss(&mut run, n));
    for n in 0..40 {
        run.link(meter(n), LinkState::Down);
        run.wait(0.5);
    }
    let raised = run.transitions();
    assert_eq!(raised.len(), 1);
    assert_eq!((raised[0].alarm.as_str(), raised[0].at.wall), ("bus.lost", Wall(EPOCH + 5000)));
    assert_eq!(raised[0].hazard.as_deref(), Some("dust1"));
    assert_eq!(
        raised[0].message,
        Text::new(
            "链路 10.0.0.5:502 通信中断，40 台设备均无应答（0号表、1号表、2号表、3号表、4号表等）：连接超时",
            "Link 10.0.0.5:502: none of 40 devices answers (meter 0, meter 1, meter 2, meter 3, meter 4, …): connection timed out"
        )
    );
    run.wait(1000.0);
    assert_eq!(run.kinds(), []);
    for n in 0..40 {
        run.link(meter(n), LinkState::Up);
        run.wait(0.1);
    }
    run.wait(60.0);
    assert_eq!(names(&mut run), [(EventKind::Cleared, "bus.lost".into())]);
}

#[test]
fn p3_a_meter_that_dies_among_others_is_itself_the_alarm() {
    for kind in [wired(), broker()] {
        let mut run = bus(kind, METERS);
        up(&mut run);
        run.link(meter(2), LinkState::Down);
        // Its neighbours are polled rarely, or speak rarely, and nobody has missed anything of them.
        run.wait(5.0);
        assert_eq!(names(&mut run), [(EventKind::Raised, "m2.lost".into())]);
        run.wait(1000.0);
        assert_eq!(run.kinds(), []);
    }
}

#[test]
fn p2_devices_that_stay_down_when_the_bus_is_back_are_alarms_of_their_own() {
    let mut run = bus(wired(), METERS);
    run.wait(5.0);
    assert_eq!(names(&mut run), [(EventKind::Raised, "bus.lost".into())], "nobody was ever heard");
    run.link(meter(0), LinkState::Up);
    assert_eq!(names(&mut run), [(EventKind::Cleared, "bus.lost".into())]);
    run.link(meter(3), LinkState::Up);
    run.wait(3.0);
    assert_eq!(run.kinds(), [], "they have a moment to come back one after the other");
    run.wait(2.0);
    let lost = ["m1.lost", "m2.lost"].map(|alarm| (EventKind::Raised, alarm.to_owned()));
    assert_eq!(names(&mut run), lost);
}

#[test]
fn p2_a_neighbour_that_comes_and_goes_hides_no_dead_device() {
    let mut run = bus(wired(), METERS);
    up(&mut run);
    run.link(meter(0), LinkState::Down);
    (2..METERS).for_each(|n| miss(&mut run, n));
    for _ in 0..10 {
        run.wait(1.0);
        miss(&mut run, 1);
        run.wait(1.0);
        speak(&mut run, 1);
    }
    assert_eq!(names(&mut run), [(EventKind::Raised, "m0.lost".into())]);
}

#[test]
fn p2_a_missed_poll_is_no_sign_of_life() {
    let mut run = bus(wired(), METERS);
    up(&mut run);
    (0..METERS).for_each(|n| miss(&mut run, n));
    run.link(meter(0), LinkState::Down);
    run.wait(5.0);
    assert_eq!(names(&mut run), [(EventKind::Raised, "bus.lost".into())]);
    for n in 1..METERS {
        run.link(meter(n), LinkState::Degraded);
        miss(&mut run, n);
        run.wait(10.0);
        assert_eq!(run.kinds(), []);
    }
    speak(&mut run, 1);
    assert_eq!(names(&mut run), [(EventKind::Cleared, "bus.lost".into())]);
}

#[test]
fn p2_where_a_neighbour_is_asked_rarely_the_first_that_is_found_dead_is_told_alone_and_then_the_link() {
    let mut run = bus(wired(), 2);
    up(&mut run);
    run.link(meter(0), LinkState::Down);
    run.wait(6.0);
    assert_eq!(names(&mut run), [(EventKind::Raised, "m0.lost".into())]);
    miss(&mut run, 1);
    run.wait(5.0);
    assert_eq!(names(&mut run), [(EventKind::Raised, "bus.lost".into())]);
    run.link(meter(1), LinkState::Down);
    run.wait(100.0);
    assert_eq!(run.kinds(), []);
}

/// The same behind a broker, each allowed to be silent for half a minute.
fn publishers() -> Run {
    let mut site = bus(broker(), METERS).site.as_ref().clone();
    for (n, device) in site.devices.iter_mut().enumerate() {
        device.protocol = Protocol::Mqtt(MqttDevice::json(format!("m{n}"), Duration::from_secs(30)));
    }
    Run::start(site)
}

#[test]
fn p2_publishers_have_the_silence_that_they_are_allowed_after_a_start_and_no_more() {
    let mut run = publishers();
    run.wait(34.9);
    assert_eq!(run.kinds(), []);
    run.wait(0.1);
    assert_eq!(names(&mut run), [(EventKind::Raised, "bus.lost".into())]);
}

#[test]
fn a_broker_that_blinks_loses_no_publisher() {
    let mut run = publishers();
    up(&mut run);
    run.wait(10.0);
    for n in 0..METERS {
        run.link(meter(n), LinkState::Down);
    }
    run.wait(15.0);
    up(&mut run);
    run.wait(10.0);
    assert_eq!(run.kinds(), []);
    run.link(meter(1), LinkState::Down);
    run.wait(25.0);
    assert_eq!(names(&mut run), [(EventKind::Raised, "m1.lost".into())], "35 s after its last word");
}

#[test]
fn p3_publishers_that_speak_rarely_do_not_make_one_silent_neighbour_the_brokers_loss() {
    let mut run = bus(broker(), METERS);
    up(&mut run);
    run.link(meter(0), LinkState::Down);
    run.wait(60.0);
    assert_eq!(names(&mut run), [(EventKind::Raised, "m0.lost".into())]);
    for n in 1..METERS {
        run.link(meter(n), LinkState::Down);
    }
    run.wait(60.0);
    assert_eq!(names(&mut run), [(EventKind::Raised, "bus.lost".into())]);
}

#[test]
fn p1_a_bus_that_is_lost_over_a_restart_says_nothing_new() {
    let mut run = bus(wired(), METERS);
    run.wait(5.0);
    let standing = run.transitions();
    let mut run = Run::resume(run.site.as_ref().clone(), standing, 3_600_000);
    run.wait(60.0);
    assert_eq!(run.kinds(), []);
    up_quietly(&mut run);
    assert_eq!(names(&mut run), [(EventKind::Cleared, "bus.lost".into())]);
}

fn up_quietly(run: &mut Run) {
    (0..METERS).for_each(|n| run.link(meter(n), LinkState::Up));
}

/// One thing that happens to a meter on a bus.
#[derive(Debug, Clone, Copy)]
enum Happening {
    Reported(LinkState),
    Spoke,
    Missed,
}

fn happening() -> impl Strategy<Value = (u64, usize, Happening)> {
    let what = prop_oneof![
        Just(Happening::Reported(LinkState::Up)),
        Just(Happening::Reported(LinkState::Degraded)),
        Just(Happening::Reported(LinkState::Down)),
        Just(Happening::Spoke),
        Just(Happening::Missed),
    ];
    (0_u64..8000, 0..METERS, what)
}

proptest! {
    /// Whatever happened before: who is down when all is quiet has an alarm, its own or its link's, and who answers has none.
    #[test]
    fn p2_every_device_that_is_down_is_told_of(
        is_wired in any::<bool>(), happenings in prop::collection::vec(happening(), 0..60),
    ) {
        let mut run = bus(if is_wired { wired() } else { broker() }, METERS);
        let mut down: BTreeSet<usize> = (0..METERS).collect();
        for (wait, n, happening) in happenings {
            run.wait(wait as f64 / 1000.0);
            match happening {
                Happening::Reported(state) => {
                    if state == LinkState::Down { down.insert(n); } else { down.remove(&n); }
                    run.link(meter(n), state);
                }
                Happening::Spoke if !down.contains(&n) => speak(&mut run, n),
                Happening::Missed if !down.contains(&n) => miss(&mut run, n),
                Happening::Spoke | Happening::Missed => {}
            }
        }
        for _second in 0..60 {
            // Who answers is polled.
            (0..METERS).filter(|n| !down.contains(n)).for_each(|n| speak(&mut run, n));
            run.wait(1.0);
        }
        let active = |alarm: usize| run.engine.alarms[alarm].state().is_active();
        for n in 0..METERS {
            prop_assert_eq!(active(n) || active(METERS), down.contains(&n), "meter {}", n);
        }
        prop_assert!(!active(METERS) || down.len() == METERS, "the link's, only where nobody answers");
    }
}
