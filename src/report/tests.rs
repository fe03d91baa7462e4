//! What a report promises, over random days: nothing invented, nothing twice, nothing left out in silence.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::anomalies::{Anomalies, Series};
use super::day::DayFold;
use super::document::{LineDay, LineState};
use super::plan::Plan;
use super::{Language, csv, html, span_of};
use crate::model::{
    AlarmState, ClockSync, Event, EventKind, Level, Quality, Reason, Sample, Stamp, Text, Transition, Value,
    Wall,
};
use crate::site::{ClockSpan, ProcessEnvironment, RuleKind, Site, parse};
use crate::store::{Row, RowReading};

mod kept;
mod lines;

const SITE: &str = r#"
version = 1
[site]
enterprise = "acme"
gateway = "gw1"
name = { zh = "测试", en = "test" }
timezone = "ZONE"
[calendar]
shifts = ["08:00", "20:00"]
[[hazard]]
id = "power1"
kind = "power"
name = "power"
[[device]]
id = "meter1"
name = "meter 1"
hazard = "power1"
protocol = "modbus-tcp"
address = "127.0.0.1:15099"
poll = "10s"
[[point]]
device = "meter1"
signal = "power"
name = { zh = "1 号线功率", en = "line 1, power" }
unit = "kW"
register = "holding:0"
max_age = "60s"
limits = { h = 150 }
[[point]]
device = "meter1"
signal = "energy"
name = "energy"
unit = "kWh"
register = "holding:2"
[[derived]]
id = "line1.state"
name = "state"
function = "state"
of = "meter1.power"
idle = 2
running = 20
overload = 120
COUNTER
"#;

const COUNTER: &str = r#"
[[derived]]
id = "line1.energy"
name = "energy today"
function = "energy"
of = "meter1.energy"
modulus = 1000000
period = "day"
"#;

pub(super) fn site(zone: &str, has_counter: bool) -> Site {
    let text = SITE.replace("ZONE", zone).replace("COUNTER", if has_counter { COUNTER } else { "" });
    parse("test", &text, &ProcessEnvironment).unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)))
}

/// A row of one reading.
fn row(at: i64, point: &str, sample: Sample) -> Row {
    let reading = RowReading { point: point.into(), at: Wall(at), sample };
    Row {
        id: 1,
        device: "meter1".into(),
        seq: 1,
        at: Wall(at),
        clock: ClockSync::Synced,
        readings: vec![reading],
    }
}

fn good(value: f64) -> Sample {
    Sample::Good(Value::Float(value))
}

fn state(code: i64) -> Sample {
    Sample::Good(Value::Int(code))
}

fn report(site: &Site, day: Date, now: Option<i64>, rows: &[Row]) -> LineDay {
    let (plan, zone) = (Plan::new(site), &site.identity.zone);
    let span = span_of(day, zone).expect("a day");
    let mut fold = DayFold::new(&plan, day, span);
    for row in rows {
        fold.take(&plan, row);
    }
    let mut lines = fold.report(&plan, Wall(now.unwrap_or(span.to.0)), zone, site.calendar.shifts);
    assert_eq!(lines.len(), 1);
    lines.remove(0)
}

/// What must hold of every report.
fn check(line: &LineDay) -> Result<(), TestCaseError> {
    let mut end = line.from;
    for stretch in &line.timeline {
        prop_assert_eq!(stretch.from.wall, end.wall, "no gap and no overlap");
        prop_assert!(stretch.from < stretch.to);
        end = stretch.to;
    }
    prop_assert_eq!(end.wall, line.until.wall, "the timeline covers the day");
    for pair in line.timeline.windows(2) {
        prop_assert!(pair[0].state != pair[1].state, "one state is one stretch");
    }
    let hours = line.hours.expect("the state is worked out");
    let passed = (line.until.wall.0 - line.from.wall.0) as f64 / 3_600_000.0;
    let all = hours.running + hours.idle + hours.stopped + hours.unknown;
    prop_assert!((all - passed).abs() < 1e-3, "{} of {}", all, passed);
    let by_shift: f64 = line.shifts.iter().filter_map(|shift| shift.hours).map(|it| it.running).sum();
    prop_assert!((by_shift - hours.running).abs() < 1e-3, "{} by shift, {}", by_shift, hours.running);
    if !line.timeline_is_coarse {
        let lasted = |wanted: &[LineState]| {
            let own = line.timeline.iter().filter(|it| wanted.contains(&it.state));
            own.map(|it| it.to.wall.0 - it.from.wall.0).sum::<i64>() as f64 / 3_600_000.0
        };
        prop_assert!((lasted(&[LineState::Running, LineState::Overload]) - hours.running).abs() < 1e-3);
    }
    prop_assert!((0.0..=1.0).contains(&line.coverage));
    if line.coverage == 0.0 {
        prop_assert!(line.mean.is_none() && line.demand.is_none(), "nothing measured, nothing told");
    }
    if let Some(demand) = &line.demand {
        let greatest = line.profile.iter().copied().flatten().fold(f64::MIN, f64::max);
        prop_assert_eq!(demand.max, greatest);
    }
    let text = serde_json::to_string(line).expect("JSON");
    let back: LineDay = serde_json::from_str(&text).expect("reads back");
    prop_assert_eq!(&back, line);
    Ok(())
}

/// Days on which the clocks do all that clocks do.
fn days() -> impl Strategy<Value = (&'static str, Date)> {
    prop_oneof![
        Just(("Asia/Shanghai", date(2026, 11, 21))),
        Just(("Europe/Berlin", date(2026, 3, 29))),
        Just(("Europe/Berlin", date(2026, 10, 25))),
        Just(("America/Sao_Paulo", date(2018, 11, 4))),
        Just(("Asia/Kolkata", date(2026, 1, 1))),
    ]
}

/// Polls, some of them bad, with gaps of seconds to hours between them, from an hour before the day.
fn polls() -> impl Strategy<Value = Vec<(i64, Option<f64>, i64)>> {
    let gap = prop_oneof![12 => 1_000_i64..55_000, 2 => 55_000_i64..400_000, 1 => 400_000_i64..20_000_000];
    let load = prop_oneof![8 => (0.0_f64..200.0).prop_map(Some), 1 => Just(None)];
    prop::collection::vec((gap, load, 0_i64..4), 1..400)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn p2_a_day_is_told_whole_whatever_was_measured_of_it(
        (zone, day) in days(),
        polls in polls(),
        share in 0.0_f64..1.2,
        order in any::<u64>(),
    ) {
        let site = site(zone, false);
        let span = span_of(day, &site.identity.zone).expect("a day");
        let (mut at, mut rows, mut known, mut energy) = (span.from.0 - 3_600_000, Vec::new(), 0_i64, 0.0);
        let until = span.from.0 + (span.length_ms() as f64 * share) as i64;
        let end = until.clamp(span.from.0, span.to.0);
        let moments: Vec<i64> = polls.iter().map(|(gap, ..)| { at += gap; at }).collect();
        for (place, ((_, load, code), at)) in polls.iter().zip(&moments).enumerate() {
            // Nobody has read yet what will be said.
            if *at > until && until < span.to.0 {
                break;
            }
            let sample = load.map_or(Sample::Bad(Reason::Comm), good);
            rows.push(row(*at, "meter1.power", sample));
            rows.push(row(*at, "line1.state", load.map_or(Sample::Bad(Reason::Comm), |_| state(*code))));
            // A value counts until the next, or until it would be stale.
            let next = moments.get(place + 1).copied().unwrap_or(i64::MAX);
            let to = next.min(at + 62_000).min(end);
            let inside = (to - (*at).max(span.from.0)).max(0);
            if let Some(load) = load {
                known += inside;
                energy += load * inside as f64 / 3_600_000.0;
            }
        }
        // A late reading changes nothing.
        if rows.len() > 4 {
            let late = rows[order as usize % (rows.len() - 3)].clone();
            rows.push(late);
        }
        let line = report(&site, day, Some(until), &rows);
        check(&line)?;
        let passed = end - span.from.0;
        prop_assert!((line.coverage - known as f64 / passed.max(1) as f64).abs() < 2e-4);
        if known > 0 {
            let told = line.energy.as_ref().expect("something is known");
            prop_assert!((told.value - energy).abs() < 1e-2 + energy.abs() * 1e-9, "{} {}", told.value, energy);
            prop_assert_eq!(&told.unit, "kWh");
        } else {
            prop_assert_eq!(&line.energy, &None);
        }
        let tables = csv::Table::ALL.map(|(_, table)| {
            csv::write([&line].into_iter(), table, &site.identity.zone, Language::Zh)
        });
        prop_assert!(tables.iter().all(|table| table.starts_with("day,line,title,")));
    }

    #[test]
    fn days_that_follow_each_other_lose_nothing_and_count_nothing_twice(
        polls in polls(),
        start in 0_i64..86_400_000,
    ) {
        let site = site("Europe/Berlin", true);
        let (plan, zone) = (Plan::new(&site), &site.identity.zone);
        let first = date(2026, 10, 24);
        let days: Vec<Date> = (0..6).scan(first, |day, _| { let now = *day; *day = day.tomorrow().ok()?; Some(now) }).collect();
        let spans: Vec<ClockSpan> = days.iter().map(|day| span_of(*day, zone).expect("a day")).collect();
        let (mut folds, mut at, mut counted) = (Vec::new(), spans[0].from.0 + start, 0.0);
        for (day, span) in days.iter().zip(&spans) {
            folds.push(DayFold::new(&plan, *day, *span));
        }
        let begun = at;
        let mut last = at;
        for (gap, load, _) in &polls {
            if at + gap >= spans[5].to.0 { break; }
            at += gap;
            counted += f64::from(*gap as i32) / 1000.0;
            let rows = [
                row(at, "meter1.power", load.map_or(Sample::Bad(Reason::Comm), good)),
                row(at, "meter1.energy", good(counted % 1e6)),
            ];
            for row in &rows {
                for fold in &mut folds {
                    fold.take(&plan, row);
                }
            }
            last = at;
        }
        prop_assume!(last > begun);
        let lines: Vec<LineDay> = folds.iter().map(|fold| fold.report(&plan, Wall(last), zone, None).remove(0)).collect();
        let told: f64 = lines.iter().filter_map(|line| line.energy.as_ref()).filter(|it| it.of == "meter1.energy").map(|it| it.value).sum();
        let first_gap = polls.first().map_or(0.0, |(gap, ..)| *gap as f64 / 1000.0);
        prop_assert!((told - (counted - first_gap)).abs() < 0.01, "{} of {}", told, counted - first_gap);
    }
}

#[test]
fn a_day_of_which_nothing_was_measured_says_so_and_nothing_else() {
    let site = site("Asia/Shanghai", true);
    let line = report(&site, date(2026, 11, 21), None, &[]);
    check(&line).expect("whole");
    assert_eq!((line.coverage, line.mean, &line.energy, &line.demand), (0.0, None, &None, &None));
    assert_eq!(line.timeline.len(), 1);
    assert_eq!(line.timeline[0].state, LineState::Unknown);
    assert!(line.profile.iter().all(Option::is_none));
}

#[test]
fn a_restart_is_a_gap_of_the_load_and_none_of_the_counter() {
    let site = site("Asia/Shanghai", true);
    let span = span_of(date(2026, 11, 21), &site.identity.zone).expect("a day");
    let mut rows = Vec::new();
    // A counter that goes up by 100 kWh in each hour; nobody reads from 10:00 to 12:00, and nothing says so.
    for minute in 0..=(24 * 60 + 5) {
        let at = span.from.0 + minute * 60_000 - 30_000;
        if (600..720).contains(&minute) {
            continue;
        }
        rows.push(row(at, "meter1.power", good(100.0)));
        rows.push(row(at, "line1.state", state(2)));
        rows.push(row(at, "meter1.energy", good(5000.0 + minute as f64 * 100.0 / 60.0)));
    }
    let line = report(&site, date(2026, 11, 21), None, &rows);
    check(&line).expect("whole");
    let energy = line.energy.as_ref().expect("a counter");
    assert!((energy.value - 2400.0).abs() < 0.1 && energy.coverage == 1.0, "{energy:?}");
    let hours = line.hours.expect("a state");
    assert!((hours.unknown - 2.0).abs() < 0.05 && (hours.running - 22.0).abs() < 0.05, "{hours:?}");
    assert!((line.coverage - 22.0 / 24.0).abs() < 0.003, "{}", line.coverage);
    let demand = line.demand.as_ref().expect("a demand");
    assert_eq!((demand.max, demand.quarters), (100.0, 96));
    assert!((87..=89).contains(&demand.known), "{demand:?}");
}

#[test]
fn a_counter_that_is_read_for_less_of_the_day_than_the_load_does_not_stand_for_the_day() {
    let site = site("Asia/Shanghai", true);
    let span = span_of(date(2026, 11, 21), &site.identity.zone).expect("a day");
    let minutes = |from: i64, to: i64, point: &'static str, of: fn(i64) -> f64| {
        (from..to).map(move |n| row(span.from.0 + n * 60_000, point, good(of(n))))
    };
    let load = || minutes(0, 1440, "meter1.power", |_| 60.0);
    let count = |n: i64| 5000.0 + n as f64;
    let late: Vec<Row> = load().chain(minutes(1380, 1440, "meter1.energy", count)).collect();
    let energy = report(&site, date(2026, 11, 21), None, &late).energy.expect("known");
    assert_eq!((energy.of.as_str(), energy.value), ("meter1.power", 1440.0));
    let nearly_all: Vec<Row> = load().chain(minutes(10, 1440, "meter1.energy", count)).collect();
    let energy = report(&site, date(2026, 11, 21), None, &nearly_all).energy.expect("known");
    assert_eq!((energy.of.as_str(), energy.value), ("meter1.energy", 1429.0));
}

#[test]
fn the_greatest_demand_is_told_with_its_quarter_and_shifts_as_they_lie_in_the_day() {
    use LineState::{Overload, Running, Stopped};
    let site = site("Asia/Shanghai", false);
    let span = span_of(date(2026, 11, 21), &site.identity.zone).expect("a day");
    let (mut rows, minute) = (Vec::new(), 60_000);
    for n in 0..1440 {
        let is_peak = (615..630).contains(&n);
        let (load, code) = if is_peak {
            (180.0, 3)
        } else if (480..1080).contains(&n) {
            (90.0, 2)
        } else {
            (0.5, 0)
        };
        rows.push(row(span.from.0 + n * minute, "meter1.power", good(load)));
        rows.push(row(span.from.0 + n * minute, "line1.state", state(code)));
    }
    let line = report(&site, date(2026, 11, 21), None, &rows);
    check(&line).expect("whole");
    let demand = line.demand.expect("a demand");
    assert_eq!(demand.max, 180.0);
    assert_eq!(demand.from.to_string(), "2026-11-21T10:15:00.000+08:00");
    let shifts: Vec<(String, f64)> =
        line.shifts.iter().map(|it| (it.shift.clone(), it.hours.expect("a state").running)).collect();
    assert_eq!(shifts, [("20:00".to_owned(), 0.0), ("08:00".to_owned(), 10.0), ("20:00".to_owned(), 0.0)]);
    let states: Vec<LineState> = line.timeline.iter().map(|it| it.state).collect();
    assert_eq!(states, [Stopped, Running, Overload, Running, Stopped]);
}

#[test]
fn a_state_that_never_rests_is_told_in_parts_and_counted_exactly() {
    let site = site("Asia/Shanghai", false);
    let span = span_of(date(2026, 11, 21), &site.identity.zone).expect("a day");
    let rows: Vec<Row> = (0..8640)
        .map(|n| row(span.from.0 + n * 10_000, "line1.state", state(if n % 3 == 0 { 0 } else { 2 })))
        .collect();
    let line = report(&site, date(2026, 11, 21), None, &rows);
    check(&line).expect("whole");
    assert!(line.timeline_is_coarse && line.timeline.len() <= 289, "{}", line.timeline.len());
    assert!((line.hours.expect("a state").running - 16.0).abs() < 0.01);
}

fn event(alarm: &str, kind: EventKind, at: i64, raised: i64, state: AlarmState, zone: &TimeZone) -> Event {
    let transition = Transition {
        point: Some("meter1.power".to_owned()),
        state,
        level: Level::Orange,
        value: Some(Value::Float(160.0)),
        limit: Some(150.0),
        unit: Some("kW".to_owned()),
        quality: Some(Quality::Good),
        raised_at: Wall(raised).stamp(zone),
        ..Transition::new(Wall(at).stamp(zone), kind, alarm, Text::new("高", "high"))
    };
    Event { id: uuid::Uuid::nil(), seq: 1, clock: ClockSync::Synced, transition }
}

/// The alarm of the limits on the load.
pub(super) fn alarm_of_the_load(site: &Site) -> String {
    let is_it = |rule: &&crate::site::Rule| matches!(&rule.kind, RuleKind::Limits(limits) if site.point(limits.point).name == "meter1.power");
    site.rules.iter().find(is_it).expect("the load has limits").name.clone()
}

#[test]
fn an_anomaly_is_told_with_its_evidence_on_each_day_on_which_it_stood() {
    let site = site("Asia/Shanghai", false);
    let (plan, zone, day) = (Plan::new(&site), site.identity.zone.clone(), date(2026, 11, 21));
    let span = span_of(day, &zone).expect("a day");
    let (ours, raised, before) = (alarm_of_the_load(&site), span.from.0 + 3_600_000, span.from.0 - 7_200_000);
    let mut anomalies = Anomalies::new(&plan, span);
    let of = |kind, at, raised, state| event(&ours, kind, at, raised, state, &zone);
    anomalies.take(&of(EventKind::Acknowledged, span.from.0 + 5, before - 1, AlarmState::Normal));
    anomalies.take(&of(EventKind::Raised, raised, raised, AlarmState::Unacknowledged));
    anomalies.take(&of(EventKind::Acknowledged, raised + 60_000, raised, AlarmState::Acknowledged));
    anomalies.take(&of(EventKind::Cleared, raised + 120_000, raised, AlarmState::Normal));
    anomalies.take(&event(
        "somebody.elses",
        EventKind::Raised,
        raised,
        raised,
        AlarmState::Unacknowledged,
        &zone,
    ));
    anomalies.take_standing(&of(EventKind::Raised, before, before, AlarmState::Unacknowledged));
    let mut series: Vec<Series> = anomalies.wanted();
    assert_eq!(series.len(), 2);
    let mut lines = vec![report(&site, day, None, &[])];
    for n in 0..7200 {
        let sample = if n == 3000 { Sample::Bad(Reason::Comm) } else { good(f64::from(n % 7)) };
        let row = row(raised - 3_600_000 + i64::from(n) * 1000, "meter1.power", sample);
        for series in &mut series {
            series.take(&row);
        }
    }
    anomalies.tell(&mut lines, &series, &zone);
    let told = &lines[0].anomalies;
    assert_eq!(told.len(), 2, "one of yesterday that stands, one of today; what was over before is neither");
    assert_eq!((told[0].raised_at.wall.0, told[0].cleared_at), (before, None));
    assert_eq!(told[1].cleared_at.map(|at| at.wall.0), Some(raised + 120_000));
    let evidence = told[1].evidence.as_ref().expect("a series");
    assert!(evidence.samples.len() <= 3 * 30 && evidence.samples.iter().any(|(_, value)| value.is_none()));
    assert!(evidence.samples.windows(2).all(|pair| pair[0].0 <= pair[1].0), "in order");
    let values = || evidence.samples.iter().filter_map(|(_, value)| *value);
    assert_eq!(values().fold(f64::MIN, f64::max), 6.0);
    let bodies = BTreeMap::from([("zh", Language::Zh), ("en", Language::En)]);
    for language in bodies.into_values() {
        let page = html::day(&day_report(&site, lines.clone()), &zone, language);
        assert!(page.contains("<svg") && page.contains("160") && !page.contains("<script"), "{page}");
    }
}

pub(super) fn day_report(site: &Site, lines: Vec<LineDay>) -> super::DayReport {
    super::DayReport {
        v: 1,
        enterprise: site.identity.enterprise.clone(),
        gateway: site.identity.gateway.clone(),
        site: site.identity.name.clone(),
        day: lines.first().map(|line| line.day.clone()).unwrap_or_default(),
        lines,
    }
}

/// The largest report that there can be is no larger than a message may be.
#[test]
fn p5_no_report_is_larger_than_its_bound() {
    let site = Arc::new(site("Asia/Shanghai", false));
    let (plan, zone, day) = (Plan::new(&site), site.identity.zone.clone(), date(2026, 11, 21));
    let span = span_of(day, &zone).expect("a day");
    let ours = alarm_of_the_load(&site);
    let mut anomalies = Anomalies::new(&plan, span);
    for n in 0..10_000 {
        let at = span.from.0 + n * 1000;
        anomalies.take(&event(&ours, EventKind::Raised, at, at, AlarmState::Unacknowledged, &zone));
    }
    let mut series = anomalies.wanted();
    let rows: Vec<Row> = (0..8640)
        .flat_map(|n| {
            let at = span.from.0 + n * 10_000;
            [row(at, "meter1.power", good(n as f64 / 7.0)), row(at, "line1.state", state(n % 4))]
        })
        .collect();
    let mut lines = vec![report(&site, day, None, &rows)];
    for row in &rows {
        for series in &mut series {
            series.take(row);
        }
    }
    anomalies.tell(&mut lines, &series, &zone);
    let told = lines[0].anomalies.len() as u64 + lines[0].anomalies_left_out;
    assert_eq!(told, 10_000, "each is counted");
    let bytes = serde_json::to_string(&lines[0]).expect("JSON").len();
    assert!(bytes < crate::model::limits::REPORT_BYTES_MAX / 2, "{bytes} bytes");
}

/// Keeps a stamp's moment.
pub(super) fn ms(stamp: Stamp) -> i64 {
    stamp.wall.0
}
