//! What a gateway has kept itself: the telemetry in its data directory, in the order in which the gateway had it, with the qualities that it gave it and
//! the stamps as they were put right since. The gateway may go on running.

use std::path::Path;
use std::vec;

use super::mistake::RecordedError;
use super::names::Names;
use super::{Mapping, Row, Tally};
use crate::model::limits::RECORDED_DISORDER_MAX;
use crate::model::{PointId, Wall};
use crate::site::Site;
use crate::store::{self, Recorded};

/// A gateway's own data.
pub struct History {
    recorded: Recorded,
    page: vec::IntoIter<store::Row>,
    /// What comes next.
    head: Option<store::Row>,
    names: Names,
    last: Wall,
    /// Of each point, the number of the last moment at which it spoke.
    spoke: Vec<u64>,
    moment: u64,
    tally: Tally,
}

impl History {
    /// The telemetry of a data directory up to the row `upto`, or to what is the newest now.
    pub fn open(
        directory: &Path,
        upto: Option<u64>,
        site: &Site,
        mappings: &[Mapping],
    ) -> Result<Self, RecordedError> {
        let mut history = Self {
            recorded: Recorded::open(directory, upto)?,
            page: Vec::new().into_iter(),
            head: None,
            names: Names::new(site, mappings)?,
            last: Wall(i64::MIN),
            spoke: vec![0; site.points.len()],
            moment: 0,
            tally: Tally::default(),
        };
        history.head = history.fetch()?;
        Ok(history)
    }

    /// The last row that is read.
    pub const fn upto(&self) -> u64 {
        self.recorded.upto()
    }

    /// When the next moment is; none at the end.
    pub fn begin(&self) -> Option<Wall> {
        self.head.as_ref().map(|head| head.at)
    }

    /// The next moment into `row`; whether there was one. What came in together is one moment, unless a point speaks twice.
    pub fn next(&mut self, row: &mut Row) -> Result<bool, RecordedError> {
        row.readings.clear();
        self.moment += 1;
        while let Some(head) = self.head.take() {
            let at = self.in_order(head.at);
            let goes_on = row.readings.is_empty() || at == row.at;
            if !goes_on || !self.add(&head, row) {
                self.head = Some(head);
                break;
            }
            row.at = at;
            self.last = at;
            self.head = self.fetch()?;
        }
        self.tally.readings += row.readings.len() as u64;
        Ok(!row.readings.is_empty())
    }

    /// What was read so far, and what could not be.
    pub fn tally(&self) -> Tally {
        self.tally.clone()
    }

    /// Rows that stood in the inbox together are of one moment, in whichever order they were written.
    fn in_order(&self, at: Wall) -> Wall {
        let disorder = RECORDED_DISORDER_MAX.as_millis() as i64;
        if at < self.last && self.last.0.saturating_sub(at.0) <= disorder { self.last } else { at }
    }

    /// Adds a stored row, unless that would let a point speak twice at one moment.
    fn add(&mut self, stored: &store::Row, row: &mut Row) -> bool {
        let (before, names, tally) = (row.readings.len(), &self.names, &mut self.tally);
        row.readings.extend(stored.readings.iter().filter_map(|reading| {
            let meaning = names.find(reading.point.as_bytes(), tally)?;
            Some(meaning.reading(reading.at, reading.sample))
        }));
        let speaks = |point: PointId| self.spoke[point.index()] == self.moment;
        if before > 0 && row.readings[before..].iter().any(|reading| speaks(reading.point)) {
            row.readings.truncate(before);
            return false;
        }
        for reading in &row.readings[before..] {
            self.spoke[reading.point.index()] = self.moment;
        }
        true
    }

    fn fetch(&mut self) -> Result<Option<store::Row>, RecordedError> {
        if let Some(row) = self.page.next() {
            return Ok(Some(row));
        }
        self.page = self.recorded.next_rows()?.into_iter();
        Ok(self.page.next())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::{Clock, OsTime};
    use crate::model::limits::RECORDED_ROWS_MAX;
    use crate::model::{ClockChange, ClockSync, Mono, Now, Reason, Sample, Value};
    use crate::recorded::RecordedError;
    use crate::store::fixtures::{AT, batch, commit, open, site, telemetry};
    use crate::store::{Store, StoreError, Turn};

    /// Every moment, as (ms after the first, of each reading the point and what it said).
    fn read(directory: &Path, site: &Site) -> Vec<(i64, Vec<(usize, Sample)>)> {
        let mut history = History::open(directory, None, site, &[]).expect("a history");
        let Some(begin) = history.begin() else { return Vec::new() };
        let (mut row, mut all) = (Row::default(), Vec::new());
        while history.next(&mut row).expect("rows") {
            let said = row.readings.iter().map(|reading| (reading.point.index(), reading.sample));
            all.push((row.at.0 - begin.0, said.collect()));
        }
        all
    }

    fn later(ms: i64) -> Wall {
        Wall(AT.0 + ms)
    }

    fn power(at: Wall, value: f64) -> Vec<(usize, Sample)> {
        let batch = batch(0, at, value);
        batch.readings.iter().map(|reading| (reading.point.index(), reading.sample)).collect()
    }

    #[tokio::test]
    async fn what_the_gateway_kept_comes_in_its_order_with_its_qualities_while_it_goes_on_writing() {
        let dir = tempfile::tempdir().unwrap();
        let site = site(dir.path(), vec![]);
        let store = open(&site).store;
        assert_eq!(read(dir.path(), &site), [], "nothing yet");
        let mut doubtful = batch(1, AT, 7.0);
        doubtful.readings[0].sample = Sample::Uncertain(Value::Float(7.0), Reason::Range);
        doubtful.readings[1].sample = Sample::Bad(Reason::Comm);
        commit(&store, telemetry(vec![batch(0, AT, 1.0), doubtful])).await;
        // The same device twice in one millisecond, and another that is a little late.
        commit(&store, telemetry(vec![batch(0, later(1000), 2.0), batch(0, later(1000), 3.0)])).await;
        commit(&store, telemetry(vec![batch(1, later(900), 4.0)])).await;

        let mut history = History::open(dir.path(), None, &site, &[]).unwrap();
        commit(&store, telemetry(vec![batch(0, later(2000), 5.0)])).await;
        let mut first = power(AT, 1.0);
        first.push((2, Sample::Uncertain(Value::Float(7.0), Reason::Range)));
        first.push((3, Sample::Bad(Reason::Comm)));
        let late = batch(1, AT, 4.0).readings.iter().map(|r| (r.point.index(), r.sample)).collect::<Vec<_>>();
        let last = [power(AT, 3.0), late].concat();
        let expected = [(0, first), (1000, power(AT, 2.0)), (1000, last), (2000, power(AT, 5.0))];
        assert_eq!(read(dir.path(), &site), expected);
        let mut row = Row::default();
        let count = std::iter::from_fn(|| history.next(&mut row).unwrap().then_some(())).count();
        assert_eq!((count, history.tally().readings), (3, 10), "up to where it was opened");
        // The writer was never in the way of, and is not held up by, whoever reads.
        commit(&store, telemetry(vec![batch(0, later(3000), 6.0)])).await;
    }

    #[tokio::test]
    async fn p5_a_long_history_is_read_in_pages_and_what_is_trimmed_meanwhile_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let site = site(dir.path(), vec![]);
        let store = open(&site).store;
        let rows = 3 * RECORDED_ROWS_MAX as i64;
        commit(&store, telemetry((0..rows).map(|n| batch(0, later(1000 * n), n as f64)).collect())).await;
        let mut history = History::open(dir.path(), None, &site, &[]).unwrap();
        let mut row = Row::default();
        assert!(history.next(&mut row).unwrap());
        assert!(history.page.len() < RECORDED_ROWS_MAX);
        let outsider = rusqlite::Connection::open(dir.path().join("hazgate.db")).unwrap();
        outsider.execute("DELETE FROM telemetry WHERE id <= 600", []).unwrap();
        let left = std::iter::from_fn(|| history.next(&mut row).unwrap().then_some(())).count();
        assert_eq!(left as i64, RECORDED_ROWS_MAX as i64 - 1 + rows - 600);
    }

    #[tokio::test]
    async fn p2_stamps_are_as_they_were_put_right_and_a_clock_that_was_put_back_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let site = site(dir.path(), vec![]);
        let clock = Clock::showing(OsTime { wall_us: 0, asleep: Duration::ZERO, sync: ClockSync::Unsynced });
        let store = Store::open(&site.store, std::sync::Arc::new(site.clone()), clock).unwrap().store;
        commit(&store, telemetry(vec![batch(0, Wall(1000), 1.0)])).await;
        let change = |sync, by_ms| {
            let at = Now { mono: Mono::ZERO, wall: AT };
            Turn {
                clock: Some(ClockChange { at, by_ms, slept: Duration::ZERO, sync, restamps: true }),
                ..Turn::default()
            }
        };
        commit(&store, change(ClockSync::Synced, AT.0 - 1000)).await;
        commit(&store, telemetry(vec![batch(0, later(1000), 2.0), batch(0, later(-60_000), 3.0)])).await;
        let moments = read(dir.path(), &site);
        assert_eq!(moments, [(0, power(AT, 1.0)), (1000, power(AT, 2.0)), (-60_000, power(AT, 3.0))]);
    }

    #[tokio::test]
    async fn points_of_old_names_are_mapped_or_told_and_no_database_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let mut site = site(dir.path(), vec![]);
        let store = open(&site).store;
        commit(&store, telemetry(vec![batch(0, AT, 1.0)])).await;
        store.close().await;
        "meter1.load".clone_into(&mut site.points[0].name);
        let mut row = Row::default();
        let mut history = History::open(dir.path(), None, &site, &[]).unwrap();
        assert!(history.next(&mut row).unwrap());
        assert_eq!((row.readings.len(), history.tally().unknown), (1, vec!["meter1.power".to_owned()]));
        let mapping = Mapping { column: "meter1.power".into(), point: "meter1.load".into(), factor: 2.0 };
        let mut history = History::open(dir.path(), None, &site, &[mapping]).unwrap();
        assert!(history.next(&mut row).unwrap());
        assert_eq!(row.readings[0].sample, Sample::Good(Value::Float(2.0)));

        let empty = tempfile::tempdir().unwrap();
        assert!(History::open(empty.path(), None, &site, &[]).is_err());
        assert_eq!(empty.path().read_dir().unwrap().count(), 0, "nothing was created");
        let outsider = rusqlite::Connection::open(dir.path().join("hazgate.db")).unwrap();
        outsider.execute("UPDATE meta SET value = '1' WHERE key = 'schema_version'", []).unwrap();
        let refused = History::open(dir.path(), None, &site, &[]).err();
        assert!(
            matches!(refused, Some(RecordedError::Store(StoreError::Older { found: 1, .. }))),
            "{refused:?}"
        );
    }
}
