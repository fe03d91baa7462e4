//! Recorded data as it comes from historians and gateways: CSV, wide (a column for each point) or long (a row for each value), read row by row, so
//! that a year of it takes no more memory than a day. What can't be read is told with file and line, and passed over.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use csv::{ByteRecord, Reader, ReaderBuilder};
use hazgate::model::{PointId, Reason, Sample, Value, Wall};
use hazgate::site::Site;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::super::args::ReplayArgs;

/// Mistakes that are told in full; the others are counted.
const MISTAKES_TOLD_MAX: usize = 20;
/// Names that a column of times may have, if nothing else is said.
const TIME_NAMES: [&str; 6] = ["time", "timestamp", "ts", "at", "datetime", "时间"];
/// Bytes of one row's buffer to begin with.
const READ_BYTES: usize = 1 << 18;

/// What was said at one moment.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) at: Wall,
    pub(super) samples: Vec<(PointId, Sample)>,
}

/// What the columns of a file are.
enum Shape {
    /// Which column is which point.
    Wide(Vec<(usize, PointId)>),
    /// The columns of point, value and quality.
    Long { point: usize, value: usize, quality: Option<usize> },
}

/// One file.
pub(super) struct Recording {
    path: PathBuf,
    reader: Reader<Box<dyn Read>>,
    record: ByteRecord,
    time: usize,
    shape: Shape,
    names: Vec<(String, PointId)>,
    zone: TimeZone,
    last: Wall,
    pub(super) readings: u64,
    pub(super) mistakes: Vec<String>,
    pub(super) mistakes_count: u64,
    pub(super) unknown: Vec<String>,
}

impl Recording {
    pub(super) fn open(path: &Path, site: &Site, args: &ReplayArgs) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        let is_packed = path.extension().is_some_and(|end| end == "gz");
        let source: Box<dyn Read> =
            if is_packed { Box::new(flate2::read::MultiGzDecoder::new(file)) } else { Box::new(file) };
        let mut reader = ReaderBuilder::new()
            .flexible(true)
            .buffer_capacity(READ_BYTES)
            .trim(csv::Trim::All)
            .from_reader(source);
        let header = reader.headers().with_context(|| format!("{}: no header", path.display()))?.clone();
        let columns: Vec<String> =
            header.iter().map(|name| name.trim_start_matches('\u{feff}').to_owned()).collect();
        let time = time_column(&columns, args.time_column.as_deref())
            .with_context(|| format!("{}: columns {}", path.display(), columns.join(", ")))?;
        let mut names: Vec<(String, PointId)> =
            site.points.iter().enumerate().map(|(n, point)| (point.name.clone(), PointId::new(n))).collect();
        for (column, point) in &args.map {
            let id = site.points.iter().position(|one| one.name == *point);
            let id = id.ok_or_else(|| anyhow!("--map {column}={point}: the site has no point `{point}`"))?;
            names.push((column.clone(), PointId::new(id)));
        }
        names.sort();
        let (shape, unknown) = shape(&columns, time, &names);
        if matches!(&shape, Shape::Wide(columns) if columns.is_empty()) {
            let points =
                site.points.iter().take(8).map(|point| point.name.as_str()).collect::<Vec<_>>().join(", ");
            bail!(
                "{}: no column is called like a point, and there are no columns `point` and `value`; columns: {}; points: {points} …; \
                 say --map COLUMN=POINT",
                path.display(),
                columns.join(", ")
            );
        }
        Ok(Self {
            path: path.to_owned(),
            reader,
            record: ByteRecord::new(),
            time,
            shape,
            names,
            zone: site.identity.zone.clone(),
            last: Wall(i64::MIN),
            readings: 0,
            mistakes: Vec::new(),
            mistakes_count: 0,
            unknown,
        })
    }

    /// The next row into `row`; whether there was one.
    pub(super) fn next(&mut self, row: &mut Row) -> anyhow::Result<bool> {
        loop {
            let more = self
                .reader
                .read_byte_record(&mut self.record)
                .with_context(|| format!("{} can't be read further", self.path.display()))?;
            if !more {
                return Ok(false);
            }
            row.samples.clear();
            match self.take(row) {
                Ok(()) if row.samples.is_empty() => {}
                Ok(()) => {
                    self.readings += row.samples.len() as u64;
                    return Ok(true);
                }
                Err(mistake) => self.complain(&mistake),
            }
        }
    }

    fn take(&mut self, row: &mut Row) -> Result<(), String> {
        let text = self.record.get(self.time).unwrap_or_default();
        row.at = moment(text, &self.zone).ok_or_else(|| {
            format!(
                "`{}` is no time: write 2026-11-21T20:15:03+08:00, 2026-11-21 20:15:03, or seconds or milliseconds since 1970",
                String::from_utf8_lossy(text)
            )
        })?;
        if row.at < self.last {
            return Err("the time goes back: sort the file by time".to_owned());
        }
        self.last = row.at;
        match &self.shape {
            Shape::Wide(columns) => {
                for &(column, point) in columns {
                    let cell = self.record.get(column).unwrap_or_default();
                    if !cell.is_empty() {
                        row.samples.push((point, sample(cell)?));
                    }
                }
            }
            Shape::Long { point, value, quality } => {
                let name = self.record.get(*point).unwrap_or_default();
                let found = self.names.binary_search_by(|(known, _)| known.as_bytes().cmp(name));
                let Ok(place) = found else {
                    let name = String::from_utf8_lossy(name).into_owned();
                    if self.unknown.len() < MISTAKES_TOLD_MAX && !self.unknown.contains(&name) {
                        self.unknown.push(name);
                    }
                    return Ok(());
                };
                let quality = quality.and_then(|column| self.record.get(column)).unwrap_or_default();
                let value = self.record.get(*value).unwrap_or_default();
                row.samples.push((self.names[place].1, qualified(value, quality)?));
            }
        }
        Ok(())
    }

    fn complain(&mut self, mistake: &str) {
        self.mistakes_count += 1;
        if self.mistakes.len() < MISTAKES_TOLD_MAX {
            let line = self.record.position().map_or(0, csv::Position::line);
            self.mistakes.push(format!("{}:{line}: {mistake}", self.path.display()));
        }
    }
}

/// Several files as one, in the order of time. All that stands at one moment is one row, as what comes in one poll is one moment to the engine.
pub(super) struct Merged {
    pub(super) files: Vec<Recording>,
    /// What each file says next.
    heads: Vec<Option<Row>>,
}

impl Merged {
    pub(super) fn open(site: &Site, args: &ReplayArgs) -> anyhow::Result<Self> {
        let open = |path: &PathBuf| Recording::open(path, site, args);
        let mut merged =
            Self { files: args.data.iter().map(open).collect::<Result<_, _>>()?, heads: Vec::new() };
        for file in &mut merged.files {
            let mut row = Row::default();
            merged.heads.push(file.next(&mut row)?.then_some(row));
        }
        Ok(merged)
    }

    /// When the next row was said; none at the end.
    pub(super) fn begin(&self) -> Option<Wall> {
        self.heads.iter().flatten().map(|head| head.at).min()
    }

    /// The next row into `row`; whether there was one.
    pub(super) fn next(&mut self, row: &mut Row) -> anyhow::Result<bool> {
        let Some(at) = self.begin() else { return Ok(false) };
        row.at = at;
        row.samples.clear();
        for (file, head) in self.files.iter_mut().zip(&mut self.heads) {
            while let Some(same) = head.as_mut().filter(|head| head.at == at) {
                row.samples.append(&mut same.samples);
                if !file.next(same)? {
                    *head = None;
                }
            }
        }
        Ok(true)
    }
}

fn time_column(columns: &[String], asked: Option<&str>) -> anyhow::Result<usize> {
    let called = |name: &str| columns.iter().position(|column| column.eq_ignore_ascii_case(name));
    match asked {
        Some(name) => called(name).ok_or_else(|| anyhow!("there is no column `{name}`")),
        None => TIME_NAMES
            .iter()
            .find_map(|name| called(name))
            .ok_or_else(|| anyhow!("no column is called {}: say --time-column", TIME_NAMES.join(", "))),
    }
}

/// What the columns are, and those that are nothing.
fn shape(columns: &[String], time: usize, names: &[(String, PointId)]) -> (Shape, Vec<String>) {
    let called = |name: &str| columns.iter().position(|column| column.eq_ignore_ascii_case(name));
    if let (Some(point), Some(value)) = (called("point"), called("value")) {
        return (Shape::Long { point, value, quality: called("quality") }, Vec::new());
    }
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for (n, column) in columns.iter().enumerate().filter(|(n, _)| *n != time) {
        match names.binary_search_by(|(name, _)| name.cmp(column)) {
            Ok(place) => known.push((n, names[place].1)),
            Err(_) => unknown.push(column.clone()),
        }
    }
    (Shape::Wide(known), unknown)
}

/// A value; or `bad`, for what could not be read.
fn sample(cell: &[u8]) -> Result<Sample, String> {
    value(cell).map(Sample::Good).or_else(|mistake| match cell {
        b"bad" | b"Bad" | b"BAD" | b"null" | b"NULL" => Ok(Sample::Bad(Reason::Comm)),
        _ => Err(mistake),
    })
}

fn qualified(cell: &[u8], quality: &[u8]) -> Result<Sample, String> {
    let quality = std::str::from_utf8(quality).unwrap_or("?");
    let reason = |word: &str| {
        let reason = Reason::ALL.into_iter().find(|reason| reason.as_str() == word);
        reason.ok_or_else(|| format!("`{quality}` is no quality"))
    };
    match quality.split_once(':') {
        None if quality.is_empty() || quality == "good" => sample(cell),
        None if quality == "bad" => Ok(Sample::Bad(Reason::Comm)),
        None if quality == "uncertain" => Ok(Sample::Uncertain(value(cell)?, Reason::Range)),
        Some(("bad", word)) => Ok(Sample::Bad(reason(word)?)),
        Some(("uncertain", word)) => Ok(Sample::Uncertain(value(cell)?, reason(word)?)),
        _ => Err(format!("`{quality}` is no quality: write good, uncertain:<reason> or bad:<reason>")),
    }
}

fn value(cell: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(cell).map_err(|_| "a value is not UTF-8".to_owned())?;
    match text {
        "true" | "TRUE" | "True" | "on" => Ok(Value::Bool(true)),
        "false" | "FALSE" | "False" | "off" => Ok(Value::Bool(false)),
        _ => text
            .parse()
            .map(Value::Float)
            .map_err(|_| format!("`{text}` is no value: write a number, true, false or bad")),
    }
}

/// Seconds or milliseconds since 1970, RFC 3339, or as people at the site write it.
fn moment(text: &[u8], zone: &TimeZone) -> Option<Wall> {
    let text = std::str::from_utf8(text).ok()?;
    if let Ok(number) = text.parse::<f64>() {
        // Seconds of any year that has sensors have ten digits, milliseconds thirteen.
        let ms = if number.abs() < 1e11 { number * 1000.0 } else { number };
        return ms.is_finite().then_some(Wall(ms.round() as i64));
    }
    if let Ok(stamp) = text.parse::<jiff::Timestamp>() {
        return Some(Wall(stamp.as_millisecond()));
    }
    let local: DateTime = text.replace('/', "-").parse().ok()?;
    zone.to_ambiguous_timestamp(local).compatible().ok().map(|stamp| Wall(stamp.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(text: &str) -> Option<i64> {
        moment(text.as_bytes(), &TimeZone::get("Asia/Shanghai").expect("bundled")).map(|at| at.0)
    }

    #[test]
    fn times_are_read_in_the_usual_forms() {
        let expected = Some(1_795_263_303_000);
        for text in [
            "2026-11-21T20:15:03+08:00",
            "2026-11-21T12:15:03Z",
            "2026-11-21 20:15:03",
            "2026/11/21 20:15:03",
            "1795263303",
            "1795263303000",
        ] {
            assert_eq!(ms(text), expected, "{text}");
        }
        assert_eq!(ms("2026-11-21 20:15:03.25"), Some(1_795_263_303_250));
        for text in ["", "yesterday", "nan", "2026-13-01 00:00:00"] {
            assert_eq!(ms(text), None, "{text}");
        }
    }

    #[test]
    fn values_and_qualities_are_read_or_refused() {
        assert_eq!(sample(b"1.5"), Ok(Sample::Good(Value::Float(1.5))));
        assert_eq!(sample(b"off"), Ok(Sample::Good(Value::Bool(false))));
        assert_eq!(sample(b"bad"), Ok(Sample::Bad(Reason::Comm)));
        assert!(sample(b"1,5").is_err());
        assert_eq!(
            qualified(b"2", b"uncertain:range"),
            Ok(Sample::Uncertain(Value::Float(2.0), Reason::Range))
        );
        assert_eq!(qualified(b"", b"bad:sensor_fault"), Ok(Sample::Bad(Reason::SensorFault)));
        assert!(qualified(b"2", b"worse").is_err());
    }

    proptest! {
        #[test]
        fn p8_no_cell_whatever_stands_in_it_brings_the_reader_down(cell in prop::collection::vec(any::<u8>(), 0..30), other in prop::collection::vec(any::<u8>(), 0..20)) {
            let zone = TimeZone::UTC;
            let _any = (moment(&cell, &zone), sample(&cell).is_ok(), qualified(&cell, &other).is_ok());
        }
    }
}
