//! The reports that a gateway keeps: made once, of the day that is over, over restarts; read beside the gateway that goes on.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::date;
use tokio_util::sync::CancellationToken;

use super::{alarm_of_the_load, event, good, ms, site, state};
use crate::clock::{Clock, OsTime};
use crate::model::{
    AlarmState, Batch, ClockSync, EventKind, PointId, Reading, Reason, Sample, Transition, Wall,
};
use crate::report::{Desk, LineDay, POWER, ReportError, span_of, task};
use crate::site::Site;
use crate::store::{Reports, Store, Turn, fixtures};

const DAY_MS: i64 = 86_400_000;

fn plant(directory: &Path) -> Arc<Site> {
    let mut site = site("Asia/Shanghai", true);
    directory.clone_into(&mut site.store.directory);
    Arc::new(site)
}

/// A clock that shows this time, and goes on.
fn clock(at: i64) -> Clock {
    Clock::showing(OsTime { wall_us: at * 1000, asleep: Duration::ZERO, sync: ClockSync::Synced })
}

fn open(site: &Arc<Site>, clock: Clock) -> Store {
    Store::open(&site.store, site.clone(), clock).expect("a store").store
}

/// What the meter and the line say at a moment.
fn readings(site: &Site, at: i64, load: Sample, code: i64) -> Vec<Batch> {
    let place =
        |name: &str| PointId::new(site.points.iter().position(|point| point.name == name).expect("a point"));
    let batch = |name: &str, sample| {
        let point = place(name);
        let reading = Reading { point, at: Wall(at), sample };
        Batch { device: site.point(point).device, at: Wall(at), readings: vec![reading] }
    };
    vec![batch("meter1.power", load), batch("line1.state", state(code))]
}

/// Half-minute polls from `from` to `to`.
async fn measure(store: &Store, site: &Site, from: i64, to: i64) {
    let polls = (from..to).step_by(30_000);
    let batches = polls.flat_map(|at| readings(site, at, good(60.0), 2)).collect();
    fixtures::commit(store, fixtures::telemetry(batches)).await;
}

/// The first moment of the day that is reported here.
fn midnight(site: &Site) -> i64 {
    span_of(date(2026, 11, 21), &site.identity.zone).expect("a day").from.0
}

fn kept(site: &Site) -> Vec<LineDay> {
    let bodies = Reports::open(&site.store.directory, POWER).expect("a store").between("2000", "3000");
    let bodies = bodies.expect("reports");
    bodies.iter().map(|body| serde_json::from_str(body).expect("a report")).collect()
}

/// Runs the task until so many reports are kept.
async fn until_kept(
    desk: &Arc<Desk>,
    store: &Store,
    clock: Clock,
    count: usize,
    site: &Site,
) -> Vec<LineDay> {
    let stop = CancellationToken::new();
    let task = tokio::spawn(task::run(desk.clone(), store.clone(), clock, stop.clone()));
    let mut heads = store.heads();
    let all = async {
        while kept(site).len() < count {
            heads.changed().await.expect("the store lives");
        }
    };
    tokio::time::timeout(Duration::from_secs(60), all).await.expect("the reports are made");
    stop.cancel();
    task.await.expect("the task ends");
    kept(site)
}

#[tokio::test]
async fn p1_each_day_that_is_over_is_reported_once_over_restarts_and_a_gateway_that_was_away_makes_up_for_it()
{
    let dir = tempfile::tempdir().expect("a directory");
    let site = plant(dir.path());
    let begin = midnight(&site);
    let evening = clock(begin + 23 * 3_600_000);
    let store = open(&site, evening);
    measure(&store, &site, begin + 20 * 3_600_000, begin + 23 * 3_600_000).await;
    let desk = Arc::new(Desk::new(site.clone()));
    assert_eq!(desk.due(Wall(begin + 23 * 3_600_000)).expect("read"), [], "the day is not over");
    assert_eq!(desk.due(Wall(begin + DAY_MS + 359_000)).expect("read"), [], "what comes late may come yet");
    assert_eq!(desk.due(Wall(begin + DAY_MS + 360_000)).expect("read"), [date(2026, 11, 21)]);
    store.close().await;

    // Two days later it is there again.
    let now = begin + 3 * DAY_MS + 3_600_000;
    let store = open(&site, clock(now));
    measure(&store, &site, now - 600_000, now).await;
    let desk = Arc::new(Desk::new(site.clone()));
    let lines = until_kept(&desk, &store, clock(now), 3, &site).await;
    let days: Vec<(&str, f64)> = lines.iter().map(|line| (line.day.as_str(), line.coverage)).collect();
    assert_eq!(days.iter().map(|it| it.0).collect::<Vec<_>>(), ["2026-11-21", "2026-11-22", "2026-11-23"]);
    assert!((days[0].1 - 0.125).abs() < 0.001, "three hours of the day are known: {days:?}");
    assert_eq!((days[1].1, days[2].1), (0.0, 0.0), "nothing was measured, and that is said");
    assert_eq!(desk.due(Wall(now)).expect("read"), []);

    // Made again by whoever, the first stands.
    let again = desk.make(date(2026, 11, 21), Wall(now)).expect("made");
    assert_eq!(again[0].energy.as_ref().map(|it| it.value), lines[0].energy.as_ref().map(|it| it.value));
    let second = crate::store::Report {
        kind: POWER.to_owned(),
        day: "2026-11-21".to_owned(),
        subject: again[0].line.clone(),
        body: "{}".to_owned(),
    };
    fixtures::commit(&store, Turn { reports: vec![second], ..Turn::default() }).await;
    assert_eq!(kept(&site), lines);
    store.close().await;
    let reopened = open(&site, clock(now));
    assert_eq!(kept(&site), lines, "and over a restart");
    drop(reopened);
}

#[tokio::test]
async fn today_is_told_as_far_as_it_has_come_and_goes_on_over_midnight() {
    let dir = tempfile::tempdir().expect("a directory");
    let site = plant(dir.path());
    let begin = midnight(&site);
    let store = open(&site, clock(begin));
    let desk = Arc::new(Desk::new(site.clone()));
    let day = date(2026, 11, 21);
    let mut hour = 0;
    for until in [1, 5, 23] {
        measure(&store, &site, begin + hour * 3_600_000, begin + until * 3_600_000).await;
        hour = until;
        let line = desk.day(day, Wall(begin + hour * 3_600_000)).expect("today").lines.remove(0);
        assert_eq!(ms(line.until), begin + hour * 3_600_000);
        assert_eq!(line.coverage, 1.0);
        let energy = line.energy.expect("measured").value;
        assert!((energy - 60.0 * hour as f64).abs() < 1e-6, "{energy} kWh in {hour} h");
    }
    let tomorrow = desk.day(date(2026, 11, 22), Wall(begin + 3_600_000));
    assert!(matches!(tomorrow, Err(ReportError::NotYet(_))));
    // Into the next day: what stood at midnight belongs to both.
    measure(&store, &site, begin + 23 * 3_600_000, begin + 25 * 3_600_000).await;
    let now = Wall(begin + 25 * 3_600_000);
    let today = desk.day(date(2026, 11, 22), now).expect("today").lines.remove(0);
    let made = desk.make(day, now).expect("yesterday").remove(0);
    let fresh = Desk::new(site.clone()).make(day, now).expect("read anew").remove(0);
    assert_eq!(made, fresh, "what was read bit by bit is what is read in one go");
    assert_eq!((made.coverage, today.coverage), (1.0, 1.0));
    assert_eq!(made.energy.expect("measured").value + today.energy.expect("measured").value, 60.0 * 25.0);
    let month = desk.month(day, now).expect("the month so far").lines.remove(0);
    assert_eq!(month.days.len(), 1, "today; yesterday is not kept yet");
    assert_eq!(month.missing.len(), 21);
    store.close().await;
}

#[tokio::test]
async fn an_alarm_of_the_day_is_in_its_report_with_the_series_around_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let site = plant(dir.path());
    let begin = midnight(&site);
    let store = open(&site, clock(begin));
    let desk = Desk::new(site.clone());
    let alarm = alarm_of_the_load(&site);
    let raised = begin + 12 * 3_600_000;
    measure(&store, &site, begin + 11 * 3_600_000, raised).await;
    let transition = |kind, at, state| -> Transition {
        event(&alarm, kind, at, raised, state, &site.identity.zone).transition
    };
    let up = transition(EventKind::Raised, raised, AlarmState::Unacknowledged);
    fixtures::commit(&store, fixtures::alarms(vec![up])).await;
    let gone = readings(&site, raised + 60_000, Sample::Bad(Reason::Comm), 2);
    fixtures::commit(&store, fixtures::telemetry(gone)).await;
    measure(&store, &site, raised + 300_000, begin + 13 * 3_600_000).await;
    let line = desk.day(date(2026, 11, 21), Wall(begin + 13 * 3_600_000)).expect("today").lines.remove(0);
    assert_eq!(line.anomalies.len(), 1);
    let anomaly = &line.anomalies[0];
    assert_eq!((anomaly.alarm.as_str(), anomaly.cleared_at), (alarm.as_str(), None));
    let evidence = anomaly.evidence.as_ref().expect("the series around it");
    let (before, after): (Vec<_>, Vec<_>) = evidence.samples.iter().partition(|(second, _)| *second < 900.0);
    assert!(before.len() >= 15 && after.len() >= 10, "{evidence:?}");
    assert!(after.iter().any(|(_, value)| value.is_none()), "what could not be read has no value");
    // The next day it stands, though nothing was heard of it.
    let next = desk.day(date(2026, 11, 22), Wall(begin + 30 * 3_600_000)).expect("today").lines.remove(0);
    assert_eq!(next.anomalies.len(), 1);
    store.close().await;
}

#[tokio::test]
async fn a_clock_that_nothing_has_set_yet_reports_no_day() {
    let dir = tempfile::tempdir().expect("a directory");
    let site = plant(dir.path());
    let unset = OsTime { wall_us: DAY_MS * 20_000, asleep: Duration::ZERO, sync: ClockSync::Unsynced };
    let clock = Clock::showing(unset);
    let store = open(&site, clock);
    measure(&store, &site, 10_000, 70_000).await;
    let desk = Arc::new(Desk::new(site.clone()));
    let stop = CancellationToken::new();
    let task = tokio::spawn(task::run(desk, store.clone(), clock, stop.clone()));
    tokio::task::yield_now().await;
    stop.cancel();
    task.await.expect("the task ends");
    assert_eq!(kept(&site), []);
    store.close().await;
}
