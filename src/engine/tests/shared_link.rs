//! Several devices behind one link: whether it is they that are lost or the link before them.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::site::{Broker, LinkKind};

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
    for n in 0..40 {
        // A dead unit is found dead when its turn comes.
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
        run.wait(1.0);
        speak(&mut run, 3);
        run.wait(4.0);
        let at_once = run.transitions().len();
        run.wait(1.0);
        assert!(at_once + run.transitions().len() == 1, "5 s after the other was heard at the latest");
        assert!(run.engine.alarms[2].state().is_active());
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
    run.wait(5.0);
    let lost = ["m1.lost", "m2.lost"].map(|alarm| (EventKind::Raised, alarm.to_owned()));
    assert_eq!(names(&mut run), lost);
}

#[test]
fn p2_a_neighbour_that_comes_and_goes_hides_no_dead_device() {
    let mut run = bus(wired(), METERS);
    up(&mut run);
    run.link(meter(0), LinkState::Down);
    for _ in 0..10 {
        run.wait(1.0);
        run.link(meter(1), LinkState::Down);
        run.wait(1.0);
        run.link(meter(1), LinkState::Up);
    }
    assert_eq!(names(&mut run), [(EventKind::Raised, "m0.lost".into())]);
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

/// One thing that happens on a bus: who, and whether it answers; with none it merely speaks.
fn happening() -> impl Strategy<Value = (u64, usize, Option<bool>)> {
    (0_u64..8000, 0..METERS, prop_oneof![Just(None), Just(Some(true)), Just(Some(false))])
}

proptest! {
    /// Whatever happened before: who is down when all is quiet has an alarm, its own or its link's, and who answers has none.
    #[test]
    fn p2_every_device_that_is_down_is_told_of(
        is_wired in any::<bool>(), happenings in prop::collection::vec(happening(), 0..60),
    ) {
        let mut run = bus(if is_wired { wired() } else { broker() }, METERS);
        let mut down: BTreeSet<usize> = (0..METERS).collect();
        for (wait, n, answers) in happenings {
            run.wait(wait as f64 / 1000.0);
            match answers {
                Some(true) => { down.remove(&n); run.link(meter(n), LinkState::Up); }
                Some(false) => { down.insert(n); run.link(meter(n), LinkState::Down); }
                None if !down.contains(&n) => speak(&mut run, n),
                None => {}
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
