//! What the engine puts out: its order, the conditioned readings, the words, the snapshot.

use super::*;
use crate::model::ForwarderId;
use crate::site::{Broker, Code, Conversion, Extract, Forwarder, ForwarderKind, MqttTarget, Source};

/// A gas point in hazard `tank` with all four limits at once, and a rule of the gateway's own.
fn plant() -> (Plant, PointId) {
    let mut plant = Plant::new();
    let hazard = plant.hazard("tank");
    let device = plant.device("gds", Text::same("gds"), Some(hazard));
    let point = plant.point(device, "lel", Text::new("1号罐可燃气体", "Tank 1 combustible gas"));
    let limits = Limits {
        ll: limit(2.0, Level::Blue),
        l: limit(5.5, Level::Journal),
        h: limit(25.0, Level::Orange),
        hh: limit(50.0, Level::Red),
        deadband: 0.0,
        point,
    };
    plant.rule("gas", RuleKind::Limits(limits), 0.0, 0.0);
    plant.signal("gas.signal", point, 0.0);
    let broker = Broker::open("localhost:1883");
    plant
        .site
        .forwarders
        .push(Forwarder { name: "park".into(), kind: ForwarderKind::Mqtt(MqttTarget::one(broker)) });
    plant.health("park.down", HealthSource::Forwarder(ForwarderId::new(0)));
    (plant, point)
}

fn started() -> (Run, PointId) {
    let (plant, point) = plant();
    let mut run = Run::start(plant.site);
    run.link(DeviceId::new(0), LinkState::Up);
    run.out = Output::default();
    (run, point)
}

fn message(run: &mut Run, alarm: &str) -> (String, String) {
    let mut all = run.transitions();
    all.retain(|t| t.alarm == alarm);
    let Text { zh, en } = all.pop().expect("a transition").message;
    (zh, en)
}

#[test]
fn p7_limit_messages_name_signal_limit_value_and_unit() {
    let (mut run, point) = started();
    for (value, zh, en) in [
        (
            62.34,
            "1号罐可燃气体 高高报：62.3 %LEL，限值 50 %LEL",
            "Tank 1 combustible gas HIGH-HIGH: 62.3 %LEL, limit 50 %LEL",
        ),
        (
            25.0,
            "1号罐可燃气体 高报：25 %LEL，限值 25 %LEL",
            "Tank 1 combustible gas HIGH: 25 %LEL, limit 25 %LEL",
        ),
        (
            10.0,
            "1号罐可燃气体 恢复正常：10 %LEL，限值 25 %LEL",
            "Tank 1 combustible gas back to normal: 10 %LEL, limit 25 %LEL",
        ),
        (
            5.5,
            "1号罐可燃气体 低报：5.5 %LEL，限值 5.5 %LEL",
            "Tank 1 combustible gas LOW: 5.5 %LEL, limit 5.5 %LEL",
        ),
        (
            0.0,
            "1号罐可燃气体 低低报：0 %LEL，限值 2 %LEL",
            "Tank 1 combustible gas LOW-LOW: 0 %LEL, limit 2 %LEL",
        ),
        (
            120.0,
            "1号罐可燃气体 高高报：120 %LEL（存疑：超出量程），限值 50 %LEL",
            "Tank 1 combustible gas HIGH-HIGH: 120 %LEL (uncertain: outside its measuring range), limit 50 %LEL",
        ),
    ] {
        run.wait(1.0);
        run.read(point, good(value));
        assert_eq!(message(&mut run, "gas"), (zh.to_owned(), en.to_owned()));
    }
}

#[test]
fn p7_signal_link_and_health_messages_say_what_is_wrong() {
    let (mut run, point) = started();
    run.read(point, Sample::Bad(Reason::SensorFault));
    let raised = message(&mut run, "gas.signal");
    assert_eq!(raised.0, "1号罐可燃气体信号异常：传感器故障");
    assert_eq!(raised.1, "Tank 1 combustible gas signal fault: sensor fault");
    run.read(point, good(10.0));
    assert_eq!(message(&mut run, "gas.signal").0, "1号罐可燃气体信号恢复正常");
    let park = HealthSource::Forwarder(ForwarderId::new(0));
    run.health(park, Some("connection refused"));
    assert_eq!(message(&mut run, "park.down").1, "Destination park cannot be reached: connection refused");
    run.health(park, None);
    assert_eq!(message(&mut run, "park.down").0, "上传通道 park 恢复正常");
}

#[test]
fn p7_a_rules_own_words_stand() {
    let (mut plant, point) = plant();
    plant.site.rules[0].message = Some(Text::new("除尘风机停运", "Dust fan stopped"));
    let mut run = Run::start(plant.site);
    run.read(point, good(30.0));
    let raised = message(&mut run, "gas");
    assert_eq!(raised.0, "除尘风机停运（高报：30 %LEL，限值 25 %LEL）");
    assert_eq!(raised.1, "Dust fan stopped (HIGH: 30 %LEL, limit 25 %LEL)");
    run.read(point, good(10.0));
    assert_eq!(
        message(&mut run, "gas"),
        ("已恢复正常：除尘风机停运".to_owned(), "Back to normal: Dust fan stopped".to_owned())
    );
}

#[test]
fn p7_a_code_is_told_by_its_name_and_its_number() {
    let (mut plant, point) = plant();
    let code = |code, zh, en| Code { code, label: Text::new(zh, en) };
    let codes = vec![code(0, "停止", "stopped"), code(30, "故障", "fault")];
    let conversion = Conversion { codes, ..Conversion::default() };
    plant.site.points[point.index()].source = Source::Mqtt(Extract { pointer: String::new(), conversion });
    let mut own = plant.site.clone();
    own.rules[0].message = Some(Text::new("泵故障", "Pump trips"));
    for (site, zh, en) in [
        (
            plant.site,
            "1号罐可燃气体 高报：故障（30），限值 25 %LEL",
            "Tank 1 combustible gas HIGH: fault (30), limit 25 %LEL",
        ),
        (own, "泵故障（高报：故障（30），限值 25 %LEL）", "Pump trips (HIGH: fault (30), limit 25 %LEL)"),
    ] {
        let mut run = Run::start(site);
        run.read(point, Sample::Good(Value::Int(30)));
        let raised = run.transitions().remove(0);
        assert_eq!((raised.message.zh.as_str(), raised.message.en.as_str()), (zh, en));
        assert_eq!(raised.value, Some(Value::Int(30)), "machines get the number");
    }
}

#[test]
fn p7_own_words_about_a_switch_stand_alone() {
    let (mut plant, point) = plant();
    plant.site.rules[0].message = Some(Text::new("除尘风机停运", "Dust fan stopped"));
    let mut run = Run::start(plant.site);
    run.read(point, Sample::Good(Value::Bool(false)));
    assert_eq!(message(&mut run, "gas").0, "除尘风机停运");
}

#[test]
fn p7_a_transition_says_what_its_rule_stands_on() {
    let (mut run, point) = started();
    run.read(point, good(30.0));
    let raised = run.transitions().remove(0);
    assert_eq!(raised.alarm, "gas");
    assert_eq!(raised.point.as_deref(), Some("gds.lel"));
    assert_eq!(raised.device.as_deref(), Some("gds"));
    assert_eq!(raised.hazard.as_deref(), Some("tank"));
    assert_eq!(raised.unit.as_deref(), Some("%LEL"));
    assert_eq!(raised.basis.as_deref(), Some("GB/T 50493"));
    assert_eq!(raised.at.to_string(), "2026-11-21T20:00:00.000+08:00");
}

#[test]
fn batches_carry_the_readings_as_conditioned() {
    let (mut run, point) = started();
    for (said, passed_on) in [
        (good(10.0), good(10.0)),
        (good(100.1), Sample::Uncertain(Value::Float(100.1), Reason::Range)),
        (good(f64::NAN), Sample::Bad(Reason::SensorFault)),
    ] {
        run.read(point, said);
        let batch = run.out.batches.remove(0);
        assert_eq!(batch.readings[0].sample, passed_on);
        assert_eq!(run.engine.snapshot(run.now()).points[0].map(|p| p.sample), Some(passed_on));
    }
}

#[test]
fn p5_a_reading_that_changes_nothing_moves_its_batch_and_arms_no_timer() {
    let (mut run, point) = started();
    run.read(point, good(10.0));
    run.out = Output::default();
    let deadline = run.engine.next_deadline();
    let reading = Reading { point, at: run.now().wall, sample: good(11.0) };
    let batch = Batch { device: DeviceId::new(0), at: run.now().wall, readings: vec![reading] };
    let address = batch.readings.as_ptr();
    run.ms += 1000;
    run.apply(Input::Readings(batch));
    assert_eq!(run.out.batches[0].readings.as_ptr(), address);
    assert_eq!(run.engine.next_deadline(), deadline);
    assert_eq!((run.out.transitions.len(), run.out.devices.len(), run.out.risk.is_none()), (0, 0, true));
}

#[test]
fn transitions_of_one_moment_come_by_alarm() {
    let mut plant = Plant::new();
    let device = plant.device("d", Text::same("d"), None);
    let points: Vec<PointId> =
        ["a", "b", "c"].into_iter().map(|signal| plant.point(device, signal, Text::same(signal))).collect();
    for (name, point) in [("z", points[2]), ("y", points[1]), ("x", points[0])] {
        let limits = Limits { h: limit(25.0, Level::Red), ..no_limits(point, 0.0) };
        plant.rule(name, RuleKind::Limits(limits), if name == "y" { 0.0 } else { 1.0 }, 0.0);
    }
    let mut run = Run::start(plant.site);
    let all: Vec<_> = points.iter().map(|point| (*point, good(30.0))).collect();
    run.read_all(&all);
    run.ms += 5000;
    run.read_all(&all.iter().map(|(point, _)| (*point, good(0.0))).collect::<Vec<_>>());
    let seen: Vec<_> = run.events().into_iter().map(|(event, alarm, _)| (event, alarm)).collect();
    let raised = |name: &str| (EventKind::Raised, name.to_owned());
    let cleared = |name: &str| (EventKind::Cleared, name.to_owned());
    assert_eq!(
        seen,
        [raised("y"), raised("z"), raised("x"), cleared("z"), cleared("y"), cleared("x")],
        "what fell due comes before what the late input says"
    );
}

#[test]
fn a_late_wake_stamps_what_it_finds_with_the_moment_it_fell_due() {
    let (mut plant, point) = plant();
    plant.site.rules[0].on_delay = Duration::from_secs(5);
    let mut run = Run::start(plant.site);
    run.read(point, good(30.0));
    run.transitions();
    run.ms += 7000;
    run.apply(Input::Wake);
    assert_eq!(run.transitions()[0].at.wall, Wall(EPOCH + 5000));
}

#[test]
fn the_risk_is_put_out_at_the_start_and_when_it_changes() {
    let (plant, point) = plant();
    let mut run = Run::start(plant.site);
    let start = run.out.risk.take().expect("at the start");
    assert_eq!((start.site.level.0, start.hazards["tank"].level.0), (None, None));
    run.read(point, good(30.0));
    let high = run.out.risk.take().expect("changed");
    assert_eq!((high.site.level.0, high.hazards["tank"].level.0), (Some(Level::Orange), Some(Level::Orange)));
    run.read(point, good(31.0));
    assert_eq!(run.acknowledge("gas", None), Ok(()));
    assert_eq!(run.out.risk, None, "an acknowledged alarm is as much of a risk");
    run.health(HealthSource::Forwarder(ForwarderId::new(0)), Some("down"));
    let both = run.out.risk.take().expect("changed");
    assert_eq!(both.site.alarms, ["gas", "park.down"]);
    assert_eq!(both.hazards["tank"].alarms, ["gas"], "the gateway's own health is of no hazard");
}

#[test]
fn a_journal_alarm_is_no_risk() {
    let (plant, point) = plant();
    let mut run = Run::start(plant.site);
    run.out = Output::default();
    run.read(point, good(5.0));
    assert_eq!(run.events(), [(EventKind::Raised, "gas".into(), Level::Journal)]);
    assert_eq!(run.out.risk, None);
}

#[test]
fn p1_a_note_takes_nobody_s_acknowledgement_away() {
    let (plant, point) = plant();
    let mut run = Run::start(plant.site);
    run.read(point, good(5.0));
    assert_eq!(run.transitions()[0].state, AlarmState::Acknowledged);
    run.read(point, good(30.0));
    run.read(point, good(10.0));
    let gone = run.transitions().pop().expect("cleared");
    assert_eq!(gone.state, AlarmState::ReturnedUnacknowledged);
    run.read(point, good(5.0));
    assert_eq!(run.transitions()[0].state, AlarmState::Unacknowledged);
}

#[test]
fn the_graver_alarm_leads_the_risk_whatever_its_name() {
    let (plant, point) = plant();
    let mut run = Run::start(plant.site);
    run.health(HealthSource::Forwarder(ForwarderId::new(0)), Some("down"));
    run.read(point, good(1.0));
    let risk = run.out.risk.take().expect("changed");
    assert_eq!(risk.site.alarms, ["park.down", "gas"]);
}

#[test]
fn the_snapshot_shows_points_and_destinations() {
    let (mut run, point) = started();
    let before = run.engine.snapshot(run.now());
    assert_eq!(before.points, [None]);
    assert!(!before.uplinks[0].connected);
    run.read(point, good(10.0));
    run.wait(1.0);
    run.health(HealthSource::Forwarder(ForwarderId::new(0)), None);
    run.wait(1.0);
    run.health(HealthSource::Forwarder(ForwarderId::new(0)), None);
    let after = run.engine.snapshot(run.now());
    assert_eq!(after.points[0].map(|point| point.sample), Some(good(10.0)));
    assert_eq!((after.uplinks[0].connected, after.uplinks[0].since.wall), (true, Wall(EPOCH + 1000)));
    assert_eq!(after.at.wall, Wall(EPOCH + 2000));
}

#[test]
fn commands_are_answered_in_the_order_they_came() {
    let (mut run, point) = started();
    run.read(point, good(30.0));
    for alarm in ["gas", "nobody"] {
        let action = Action::Acknowledge { alarm: alarm.into(), raised_at: None };
        run.apply(Input::Command(Command { action, by: "li".into(), reason: None }));
    }
    let answers: Vec<bool> = run.out.results.iter().map(Result::is_ok).collect();
    assert_eq!(answers, [true, false]);
}
