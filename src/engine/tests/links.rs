//! Lost devices, signals that cannot be trusted, data that grows old, and the gateway's own parts.

use super::*;

/// Two points `a` and `b` on one device. The loss of the device is an alarm after 5 s, a signal's after 2 s; data is stale
/// after 10 s.
struct Meter {
    device: DeviceId,
    a: PointId,
    b: PointId,
    run: Run,
}

impl Meter {
    fn new() -> Self {
        let mut plant = Plant::new();
        let device = plant.device("meter", Text::new("电能表（铸造）", "Meter (casting)"), None);
        let a = plant.point(device, "a", Text::new("甲", "A"));
        let b = plant.point(device, "b", Text::new("乙", "B"));
        plant.lost("meter.lost", device, 5.0);
        plant.signal("meter.a.signal", a, 2.0);
        plant.signal("meter.b.signal", b, 2.0);
        Self { device, a, b, run: Run::start(plant.site) }
    }

    /// The device answers, and everything is good.
    fn up() -> Self {
        let mut meter = Self::new();
        meter.run.link(meter.device, LinkState::Up);
        meter.read_good();
        meter.run.out = Output::default();
        meter
    }

    fn read_good(&mut self) {
        self.run.read_all(&[(self.a, good(1.0)), (self.b, good(2.0))]);
    }

    /// The samples of all batches put out since the last call.
    fn samples(&mut self) -> Vec<(PointId, Sample)> {
        let batches = std::mem::take(&mut self.run.out.batches);
        batches.into_iter().flat_map(|batch| batch.readings).map(|r| (r.point, r.sample)).collect()
    }

    fn names(&mut self) -> Vec<(EventKind, String)> {
        self.run.events().into_iter().map(|(event, alarm, _)| (event, alarm)).collect()
    }
}

#[test]
fn p2_a_device_that_never_answers_is_an_alarm_and_nothing_else_is() {
    let mut meter = Meter::new();
    meter.run.wait(4.999);
    assert_eq!(meter.names(), []);
    meter.run.wait(1000.0);
    assert_eq!(meter.names(), [(EventKind::Raised, "meter.lost".into())]);
}

#[test]
fn p2_losing_a_device_makes_its_points_bad_and_raises_one_alarm() {
    let mut meter = Meter::up();
    meter.run.link(meter.device, LinkState::Down);
    let bad = Sample::Bad(Reason::Comm);
    assert_eq!(meter.samples(), [(meter.a, bad), (meter.b, bad)]);
    meter.run.link(meter.device, LinkState::Down);
    assert_eq!(meter.samples(), [], "said once");
    meter.run.wait(1000.0);
    let lost = meter.run.transitions();
    assert_eq!(lost.len(), 1);
    assert_eq!(lost[0].alarm, "meter.lost");
    assert_eq!(lost[0].message.zh, "电能表（铸造）通信中断：连接超时");
    assert_eq!(lost[0].message.en, "Meter (casting) does not answer: connection timed out");
    assert_eq!((lost[0].device.as_deref(), lost[0].point.as_deref()), (Some("meter"), None));
}

#[test]
fn p2_a_device_that_was_never_heard_of_makes_its_points_bad_when_it_is_reported_down() {
    let mut meter = Meter::new();
    meter.run.link(meter.device, LinkState::Down);
    let bad = Sample::Bad(Reason::Comm);
    assert_eq!(meter.samples(), [(meter.a, bad), (meter.b, bad)]);
}

#[test]
fn a_device_that_is_back_in_time_was_never_lost() {
    let mut meter = Meter::up();
    meter.run.link(meter.device, LinkState::Down);
    meter.run.wait(4.9);
    meter.run.link(meter.device, LinkState::Degraded);
    meter.read_good();
    meter.run.wait(9.0);
    assert_eq!(meter.names(), []);
}

#[test]
fn p3_a_device_that_comes_back_clears_its_alarm_and_starts_no_flood() {
    let mut meter = Meter::up();
    meter.run.link(meter.device, LinkState::Down);
    meter.run.wait(3600.0);
    meter.run.link(meter.device, LinkState::Up);
    meter.run.wait(9.9);
    meter.read_good();
    meter.run.wait(5.0);
    assert_eq!(
        meter.names(),
        [(EventKind::Raised, "meter.lost".into()), (EventKind::Cleared, "meter.lost".into())]
    );
}

#[test]
fn p2_a_device_that_comes_back_without_its_points_has_stale_signals() {
    let mut meter = Meter::up();
    meter.run.link(meter.device, LinkState::Down);
    meter.run.link(meter.device, LinkState::Up);
    meter.samples();
    meter.run.read(meter.a, good(1.0));
    meter.samples();
    meter.run.wait(5.0);
    meter.run.read(meter.a, good(1.0));
    meter.samples();
    meter.run.wait(6.9);
    assert_eq!(meter.samples(), [(meter.b, Sample::Bad(Reason::Stale))]);
    assert_eq!(meter.names(), []);
    meter.run.wait(0.1);
    assert_eq!(meter.names(), [(EventKind::Raised, "meter.b.signal".into())]);
}

#[test]
fn p2_a_device_that_answers_but_never_gives_a_value_has_stale_signals() {
    for down_before in [false, true] {
        let mut meter = Meter::up();
        if down_before {
            meter.run.link(meter.device, LinkState::Down);
            meter.run.wait(60.0);
            meter.run.link(meter.device, LinkState::Up);
        } else {
            meter = Meter::new();
            meter.run.link(meter.device, LinkState::Up);
        }
        meter.run.out = Output::default();
        meter.run.wait(9.999);
        assert_eq!(meter.samples(), []);
        meter.run.wait(0.001);
        assert_eq!(meter.samples().len(), 2);
        meter.run.wait(2.0);
        let raised = |alarm: &str| (EventKind::Raised, alarm.to_owned());
        assert_eq!(meter.names(), [raised("meter.a.signal"), raised("meter.b.signal")]);
    }
}

#[test]
fn p2_a_point_that_no_rule_watches_grows_stale_as_often_as_it_falls_silent() {
    let mut plant = Plant::new();
    let device = plant.device("meter", Text::same("meter"), None);
    let point = plant.point(device, "a", Text::same("a"));
    let mut run = Run::start(plant.site);
    run.link(device, LinkState::Up);
    for _ in 0..3 {
        run.read(point, good(1.0));
        run.read(point, good(1.0));
        run.out = Output::default();
        run.wait(11.0);
        assert_eq!(run.out.batches.len(), 1);
    }
}

#[test]
fn p3_a_standing_signal_alarm_neither_clears_nor_repeats_while_its_device_is_down() {
    let mut meter = Meter::up();
    meter.run.read(meter.a, BAD);
    meter.run.wait(2.0);
    assert_eq!(meter.names(), [(EventKind::Raised, "meter.a.signal".into())]);
    meter.run.read(meter.b, BAD);
    meter.run.link(meter.device, LinkState::Down);
    meter.run.read(meter.a, good(1.0));
    meter.run.read(meter.b, BAD);
    meter.run.wait(4.0);
    assert_eq!(meter.names(), []);
    meter.run.link(meter.device, LinkState::Up);
    assert_eq!(meter.names(), [(EventKind::Cleared, "meter.a.signal".into())], "what it said counts again");
    meter.run.wait(1.0);
    assert_eq!(meter.names(), [], "the delay that ran before the loss is forgotten");
}

#[test]
fn p2_a_point_that_falls_silent_is_stale_once_and_raises() {
    let mut meter = Meter::up();
    meter.run.wait(5.0);
    meter.run.read(meter.b, good(2.0));
    meter.samples();
    meter.run.wait(4.999);
    assert_eq!(meter.samples(), []);
    meter.run.wait(0.001);
    assert_eq!(meter.samples(), [(meter.a, Sample::Bad(Reason::Stale))]);
    meter.run.wait(2.0);
    let raised = meter.run.transitions().remove(0);
    assert_eq!((raised.event, raised.alarm.as_str()), (EventKind::Raised, "meter.a.signal"));
    assert_eq!(raised.quality, Some(Quality::Bad(Reason::Stale)));
    assert_eq!(raised.value, None);
    meter.run.wait(2.0);
    assert_eq!(meter.samples(), []);
}

#[test]
fn p2_age_is_counted_from_arrival_and_not_from_the_readings_own_stamp() {
    let mut meter = Meter::up();
    let future = Wall(EPOCH + 1_000_000_000);
    let reading = Reading { point: meter.a, at: future, sample: good(1.0) };
    meter.run.apply(Input::Readings(Batch { device: meter.device, at: future, readings: vec![reading] }));
    meter.samples();
    meter.run.wait(10.0);
    assert!(meter.samples().contains(&(meter.a, Sample::Bad(Reason::Stale))));
}

#[test]
fn points_that_fall_silent_together_are_one_batch() {
    let mut meter = Meter::up();
    meter.run.wait(10.0);
    assert_eq!(meter.run.out.batches.len(), 1);
    assert_eq!(meter.run.out.batches[0].readings.len(), 2);
    assert_eq!(meter.run.out.batches[0].at, Wall(EPOCH + 10_000));
}

#[test]
fn p2_every_silent_point_of_a_large_device_is_found() {
    let mut plant = Plant::new();
    let device = plant.device("plc", Text::same("plc"), None);
    let points: Vec<PointId> =
        (0..200).map(|n| plant.point(device, &n.to_string(), Text::same("p"))).collect();
    let mut run = Run::start(plant.site);
    run.link(device, LinkState::Up);
    let (silent, speaking): (Vec<PointId>, Vec<PointId>) = points.iter().partition(|p| p.index() % 7 == 0);
    let all = |points: &[PointId]| points.iter().map(|point| (*point, good(1.0))).collect::<Vec<_>>();
    run.read_all(&all(&points));
    for _ in 0..4 {
        run.wait(4.0);
        run.read_all(&all(&speaking));
    }
    let readings = run.out.batches.iter().flat_map(|batch| &batch.readings);
    let stale: Vec<PointId> =
        readings.filter(|r| r.sample == Sample::Bad(Reason::Stale)).map(|r| r.point).collect();
    assert_eq!(stale, silent);
}

#[test]
fn a_stale_point_that_speaks_again_is_watched_again() {
    let mut meter = Meter::up();
    meter.run.wait(12.0);
    meter.read_good();
    meter.run.out = Output::default();
    meter.run.wait(12.0);
    assert_eq!(
        meter.names(),
        [(EventKind::Raised, "meter.a.signal".into()), (EventKind::Raised, "meter.b.signal".into())]
    );
}

#[test]
fn a_signal_alarm_clears_when_the_point_is_good_again() {
    for bad in [BAD, uncertain(5.0)] {
        let mut meter = Meter::up();
        meter.run.read(meter.a, bad);
        meter.run.wait(2.0);
        meter.run.read(meter.a, good(1.0));
        assert_eq!(
            meter.names(),
            [(EventKind::Raised, "meter.a.signal".into()), (EventKind::Cleared, "meter.a.signal".into())]
        );
    }
}

/// A meter whose degradation is an event after 3 s and over after 10 s.
fn faltering() -> (Run, DeviceId) {
    let mut plant = Plant::new();
    let hazard = plant.hazard("power1");
    let device = plant.device("meter", Text::new("电能表", "Meter"), Some(hazard));
    plant.lost("meter.lost", device, 5.0);
    plant.degraded("meter.degraded", device, 3.0, 10.0);
    let mut run = Run::start(plant.site);
    run.link(device, LinkState::Up);
    run.out = Output::default();
    (run, device)
}

#[test]
fn a_degraded_device_is_an_event_with_its_reason_and_asks_for_nobody() {
    let (mut run, device) = faltering();
    run.link(device, LinkState::Degraded);
    run.wait(2.999);
    assert_eq!(run.kinds(), []);
    run.wait(0.001);
    let raised = run.transitions().remove(0);
    assert_eq!((raised.event, raised.alarm.as_str()), (EventKind::Raised, "meter.degraded"));
    assert_eq!((raised.level, raised.state), (Level::Journal, AlarmState::Acknowledged));
    assert_eq!((raised.device.as_deref(), raised.hazard.as_deref()), (Some("meter"), Some("power1")));
    assert_eq!(raised.message.zh, "电能表通信不稳定：连接超时");
    assert_eq!(raised.message.en, "Meter answers only in part: connection timed out");
    assert_eq!(raised.acknowledged_by, None, "nobody did");
    run.link(device, LinkState::Up);
    run.wait(9.999);
    assert_eq!(run.kinds(), []);
    run.wait(0.001);
    let cleared = run.transitions().remove(0);
    assert_eq!((cleared.event, cleared.state), (EventKind::Cleared, AlarmState::Normal));
    assert_eq!(
        (cleared.message.zh.as_str(), cleared.message.en.as_str()),
        ("电能表通信完全恢复", "Meter answers in full again")
    );
    assert_eq!(run.out.risk, None, "and is no risk");
}

#[test]
fn a_device_that_falters_now_and_then_is_one_event() {
    let (mut run, device) = faltering();
    for _ in 0..5 {
        run.link(device, LinkState::Degraded);
        run.wait(4.0);
        run.link(device, LinkState::Up);
        run.wait(9.0);
    }
    assert_eq!(run.kinds(), [EventKind::Raised]);
}

#[test]
fn p3_a_degradation_neither_comes_nor_goes_while_its_device_is_down() {
    let (mut run, device) = faltering();
    let names =
        |run: &mut Run| run.events().into_iter().map(|(event, alarm, _)| (event, alarm)).collect::<Vec<_>>();
    run.link(device, LinkState::Degraded);
    run.wait(2.0);
    run.link(device, LinkState::Down);
    run.wait(60.0);
    assert_eq!(names(&mut run), [(EventKind::Raised, "meter.lost".into())], "the loss is the one event");
    run.link(device, LinkState::Degraded);
    run.wait(3.0);
    let back = [(EventKind::Cleared, "meter.lost".into()), (EventKind::Raised, "meter.degraded".into())];
    assert_eq!(names(&mut run), back);
    run.link(device, LinkState::Up);
    run.wait(5.0);
    run.link(device, LinkState::Down);
    run.wait(60.0);
    assert_eq!(names(&mut run), [(EventKind::Raised, "meter.lost".into())], "it stands");
    run.link(device, LinkState::Up);
    run.wait(10.0);
    let over = [(EventKind::Cleared, "meter.lost".into()), (EventKind::Cleared, "meter.degraded".into())];
    assert_eq!(names(&mut run), over);
}

#[test]
fn device_states_are_told_when_they_or_their_reasons_change() {
    let mut meter = Meter::new();
    let start: Vec<_> = meter.run.out.devices.drain(..).collect();
    assert_eq!(start.len(), 1);
    assert_eq!((start[0].state, &start[0].error), (LinkState::Down, &None));
    meter.run.wait(1.0);
    for (state, told) in [
        (LinkState::Down, Some((0, "connection timed out"))),
        (LinkState::Down, None),
        (LinkState::Up, Some((1, ""))),
        (LinkState::Up, None),
        (LinkState::Degraded, Some((1, "connection timed out"))),
    ] {
        meter.run.link(meter.device, state);
        let seen: Vec<_> = meter.run.out.devices.drain(..).collect();
        let seen = seen.first().map(|s| {
            assert_eq!(s.state, state);
            (s.since.wall.0 - EPOCH, s.error.as_ref().map_or(String::new(), |error| error.en.clone()))
        });
        assert_eq!(seen, told.map(|(since, error)| (since * 1000, error.to_owned())));
    }
}

#[test]
fn what_is_counted_of_a_device_is_told_and_changes_nothing_else() {
    let mut meter = Meter::up();
    let since = meter.run.now().wall.0;
    meter.run.wait(3.0);
    let counters = LinkCounters { polls: 9, silent: 2, ..LinkCounters::default() };
    let report = LinkReport { device: meter.device, state: LinkState::Up, error: None, counters };
    for _ in 0..2 {
        meter.run.apply(Input::Link(report.clone()));
    }
    let told = std::mem::take(&mut meter.run.out.devices);
    assert_eq!(told.len(), 1, "once");
    assert_eq!((told[0].counters, told[0].state, told[0].since.wall.0), (counters, LinkState::Up, since));
    assert_eq!((meter.samples(), meter.names()), (vec![], vec![]));
}

#[test]
fn p2_the_gateways_own_parts_raise_and_clear() {
    let mut plant = Plant::new();
    plant.health("gateway.store", HealthSource::Store);
    let mut run = Run::start(plant.site);
    run.health(HealthSource::Task, Some("nobody has a rule for this"));
    run.health(HealthSource::Store, Some("disk full"));
    run.health(HealthSource::Store, Some("disk still full"));
    run.health(HealthSource::Store, None);
    let seen = run.transitions();
    assert_eq!(seen.iter().map(|t| t.event).collect::<Vec<_>>(), [EventKind::Raised, EventKind::Cleared]);
    assert_eq!(seen[0].message.en, "The local database fails: disk full");
    assert_eq!((seen[0].hazard.as_deref(), seen[0].device.as_deref()), (None, None));
}
