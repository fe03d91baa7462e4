//! One CSV file: wide (a column for each point) or long (a row for each value), read row by row.

#[cfg(any(test, feature = "fuzzing"))]
use std::io::Read;
use std::path::{Path, PathBuf};

use csv::{ByteRecord, Reader, ReaderBuilder};

use super::cells::{qualified, sample};
use super::mistake::{RecordedError, What};
use super::names::{Meaning, Names};
use super::source::Source;
use super::stamps::{Stamped, Stamps};
use super::{CsvOptions, Row, Tally};
use crate::model::Wall;
use crate::site::Site;

/// Names that a column of times may have, if nothing else is said.
const TIME_NAMES: [&str; 7] = ["time", "timestamp", "ts", "at", "datetime", "date", "时间"];
/// Bytes that are asked of the file at a time.
const READ_BYTES: usize = 1 << 18;
/// Points named to somebody whose columns are called otherwise.
const POINTS_NAMED: usize = 8;

/// What the columns of a file are.
enum Shape {
    /// Which column is which point, from left to right.
    Wide(Vec<(usize, Meaning)>),
    /// The columns of point, value and quality.
    Long { point: usize, value: usize, quality: Option<usize> },
}

/// One file.
pub(super) struct Recording {
    path: PathBuf,
    reader: Reader<Source>,
    record: ByteRecord,
    time: usize,
    shape: Shape,
    names: Names,
    stamps: Stamps,
    last: Option<Stamped>,
    pub(super) tally: Tally,
}

impl Recording {
    pub(super) fn open(path: &Path, site: &Site, options: &CsvOptions) -> Result<Self, RecordedError> {
        let source =
            Source::open(path).map_err(|source| RecordedError::Open { path: path.to_owned(), source })?;
        Self::read(source, path, site, options)
    }

    /// Whatever `inner` gives.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn of(inner: Box<dyn Read>, site: &Site, options: &CsvOptions) -> Result<Self, RecordedError> {
        Self::read(Source::new(inner), Path::new("data.csv"), site, options)
    }

    fn read(source: Source, path: &Path, site: &Site, options: &CsvOptions) -> Result<Self, RecordedError> {
        let mut reader = ReaderBuilder::new().flexible(true).buffer_capacity(READ_BYTES).from_reader(source);
        let columns = header(&mut reader, path)?;
        let time = time_column(&columns, options.time_column.as_deref()).map_err(|sought| {
            RecordedError::NoTime { path: path.to_owned(), sought, columns: columns.join(", ") }
        })?;
        let names = Names::new(site, &options.mappings)?;
        let mut tally = Tally::default();
        let shape = shape(&columns, time, &names, &mut tally);
        if matches!(&shape, Shape::Wide(columns) if columns.is_empty()) {
            let points = site.points.iter().take(POINTS_NAMED).map(|point| point.name.as_str());
            return Err(RecordedError::NoPoint {
                path: path.to_owned(),
                columns: columns.join(", "),
                points: points.collect::<Vec<_>>().join(", "),
            });
        }
        let zone = site.identity.zone.clone();
        Ok(Self {
            path: path.to_owned(),
            reader,
            record: ByteRecord::new(),
            time,
            shape,
            names,
            stamps: Stamps::new(options.time_format.clone(), options.midnight_ends_day, zone),
            last: None,
            tally,
        })
    }

    /// The next moment of which anything is said into `row`; whether there was one.
    pub(super) fn next(&mut self, row: &mut Row) -> Result<bool, RecordedError> {
        loop {
            self.reader.get_mut().begin_row();
            let more = self.reader.read_byte_record(&mut self.record);
            if !more.map_err(|source| RecordedError::Broken { path: self.path.clone(), source })? {
                return Ok(false);
            }
            row.readings.clear();
            match self.moment() {
                Ok(at) => self.take(at, row),
                Err(what) => self.complain(what),
            }
            if !row.readings.is_empty() {
                self.tally.readings += row.readings.len() as u64;
                return Ok(true);
            }
        }
    }

    fn moment(&mut self) -> Result<Wall, What> {
        let stamped = self.stamps.read(cell(&self.record, self.time))?;
        if let Some(last) = self.last.filter(|last| stamped.at < last.at) {
            return Err(self.stamps.backwards(stamped.at, last));
        }
        self.last = Some(stamped);
        Ok(stamped.at)
    }

    fn take(&mut self, at: Wall, row: &mut Row) {
        row.at = at;
        let mut wrong = Vec::new();
        match &self.shape {
            Shape::Wide(columns) => {
                for &(column, meaning) in columns {
                    let cell = cell(&self.record, column);
                    if cell.is_empty() {
                        continue;
                    }
                    match sample(cell) {
                        Ok(sample) => row.readings.push(meaning.reading(at, sample)),
                        Err(what) => wrong.push(what),
                    }
                }
            }
            Shape::Long { point, value, quality } => {
                let name = cell(&self.record, *point);
                let Some(meaning) = self.names.find(name, &mut self.tally) else { return };
                let quality = quality.map(|column| cell(&self.record, column)).unwrap_or_default();
                match qualified(cell(&self.record, *value), quality) {
                    Ok(sample) => row.readings.push(meaning.reading(at, sample)),
                    Err(what) => wrong.push(what),
                }
            }
        }
        for what in wrong {
            self.complain(what);
        }
    }

    fn complain(&mut self, what: What) {
        let parsed = self.record.position().map_or(0, csv::Position::line);
        let line = self.reader.get_ref().line(parsed);
        self.tally.complain(&self.path, line, what);
    }
}

/// A cell without the blanks around it; nothing where the row is shorter.
#[inline]
fn cell(record: &ByteRecord, column: usize) -> &[u8] {
    record.get(column).unwrap_or_default().trim_ascii()
}

fn header(reader: &mut Reader<Source>, path: &Path) -> Result<Vec<String>, RecordedError> {
    let wrong = || RecordedError::Header { path: path.to_owned() };
    let header =
        reader.byte_headers().map_err(|source| RecordedError::Broken { path: path.to_owned(), source })?;
    let name = |cell: &[u8]| {
        let text = std::str::from_utf8(cell).map_err(|_| wrong())?;
        Ok(text.trim_start_matches('\u{feff}').trim().to_owned())
    };
    let columns: Vec<String> = header.iter().map(name).collect::<Result<_, RecordedError>>()?;
    if columns.iter().all(String::is_empty) { Err(wrong()) } else { Ok(columns) }
}

/// The column of times, or what was looked for.
fn time_column(columns: &[String], asked: Option<&str>) -> Result<usize, String> {
    let called = |name: &str| columns.iter().position(|column| column.eq_ignore_ascii_case(name));
    match asked {
        Some(name) => called(name).ok_or_else(|| format!("there is no column `{name}`")),
        None => TIME_NAMES
            .iter()
            .find_map(|name| called(name))
            .ok_or_else(|| format!("no column is called {}", TIME_NAMES.join(", "))),
    }
}

fn shape(columns: &[String], time: usize, names: &Names, tally: &mut Tally) -> Shape {
    let called = |name: &str| columns.iter().position(|column| column.eq_ignore_ascii_case(name));
    if let (Some(point), Some(value)) = (called("point"), called("value")) {
        return Shape::Long { point, value, quality: called("quality") };
    }
    let others = columns.iter().enumerate().filter(|(n, _)| *n != time);
    let known = others.filter_map(|(n, column)| Some((n, names.find(column.as_bytes(), tally)?)));
    Shape::Wide(known.collect())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::super::fuzz;
    use super::*;
    use crate::model::limits::RECORDED_MISTAKES_TOLD_MAX;
    use crate::model::{PointId, Reading, Reason, Sample, Value};
    use crate::recorded::Mapping;

    const LEVEL: PointId = PointId::new(0);
    const GAS: PointId = PointId::new(1);

    fn open(text: &str, options: &CsvOptions) -> Result<Recording, RecordedError> {
        Recording::of(Box::new(Cursor::new(text.to_owned())), fuzz::site(), options)
    }

    /// Everything that the file says, as (second, point, sample), and what is said of it.
    fn read(text: &str, options: &CsvOptions) -> (Vec<(i64, PointId, Sample)>, Tally) {
        let mut file = open(text, options).expect("a file");
        let (mut row, mut said) = (Row::default(), Vec::new());
        while file.next(&mut row).expect("rows") {
            said.extend(row.readings.iter().map(|Reading { point, at, sample }| {
                assert_eq!(*at, row.at);
                (at.0 / 1000, *point, *sample)
            }));
        }
        (said, file.tally)
    }

    fn good(value: f64) -> Sample {
        Sample::Good(Value::Float(value))
    }

    fn mistakes(tally: &Tally) -> Vec<(u64, What)> {
        tally.mistakes.iter().map(|mistake| (mistake.line, mistake.what.clone())).collect()
    }

    #[test]
    fn a_cell_that_cannot_be_read_costs_nothing_but_itself() {
        let text = "time, plc.level ,plc.gas,x\n1, 8.5 ,---,\n2,,bad,y\n3\n4,1\n3,2,2\n";
        let (said, tally) = read(text, &CsvOptions::default());
        let expected = [(1, LEVEL, good(8.5)), (2, GAS, Sample::Bad(Reason::Comm)), (4, LEVEL, good(1.0))];
        assert_eq!(said, expected);
        assert_eq!((tally.readings, tally.mistakes_count, &tally.unknown), (3, 2, &vec!["x".to_owned()]));
        assert_eq!(mistakes(&tally), [(2, What::NoValue("---".to_owned())), (6, What::Backwards)]);
    }

    #[test]
    fn lines_are_counted_whatever_ends_them() {
        for end in ["\n", "\r\n"] {
            let text = ["time,plc.gas,x", "1,2,\"two\nlines\"", "2,x,", "x,2,", ""].join(end);
            let (_, tally) = read(&text, &CsvOptions::default());
            let lines: Vec<u64> = mistakes(&tally).into_iter().map(|(line, _)| line).collect();
            assert_eq!(lines, [4, 5], "{end:?}");
        }
    }

    #[test]
    fn derived_points_are_not_taken_from_the_data_neither_wide_nor_long() {
        let (said, tally) = read("time,tank.rate,plc.gas\n1,5,7\n", &CsvOptions::default());
        assert_eq!((said, tally.derived), (vec![(1, GAS, good(7.0))], vec!["tank.rate".to_owned()]));
        let long = "time,point,value\n1,tank.rate,5\n1,plc.gas,7\n2,other,1\n";
        let (said, tally) = read(long, &CsvOptions::default());
        assert_eq!((said, tally.derived), (vec![(1, GAS, good(7.0))], vec!["tank.rate".to_owned()]));
        assert_eq!(tally.unknown, ["other"]);
        let mapping = Mapping { column: "x".into(), point: "tank.rate".into(), factor: 1.0 };
        let options = CsvOptions { mappings: vec![mapping], ..CsvOptions::default() };
        assert!(matches!(open("time,x\n", &options), Err(RecordedError::Mapping { .. })));
    }

    #[test]
    fn a_mapping_may_scale_and_what_becomes_too_large_is_no_number() {
        let mapping = Mapping { column: "kWh".into(), point: "plc.level".into(), factor: 4.0 };
        let options = CsvOptions { mappings: vec![mapping], ..CsvOptions::default() };
        let (said, _) = read("time,kWh,plc.gas\n1,1.5,1.5\n2,on,\n3,1e308,\n", &options);
        let expected = [
            (1, LEVEL, good(6.0)),
            (1, GAS, good(1.5)),
            (2, LEVEL, Sample::Good(Value::Bool(true))),
            (3, LEVEL, Sample::Bad(Reason::SensorFault)),
        ];
        assert_eq!(said, expected);
    }

    #[test]
    fn what_is_no_data_is_refused_with_what_would_be_right() {
        let refused = |text: &str| open(text, &CsvOptions::default()).err().map(|error| error.to_string());
        assert!(refused("when,plc.gas\n").is_some_and(|text| text.contains("--time-column")));
        assert!(refused("time,x\n").is_some_and(|text| text.contains("--map COLUMN=POINT")));
        assert!(refused("").is_some_and(|text| text.contains("header is empty")));
        let gbk = [&[0xca, 0xb1, 0xbc, 0xe4][..], b",plc.gas\n1,2\n"].concat();
        let file = Recording::of(Box::new(Cursor::new(gbk)), fuzz::site(), &CsvOptions::default());
        assert!(file.err().is_some_and(|error| error.to_string().contains("UTF-8")));
    }

    #[test]
    fn p5_a_row_without_an_end_is_refused_and_mistakes_are_counted() {
        let endless = Cursor::new(&b"time,plc.gas\n1,\"2\n"[..]).chain(std::io::repeat(b'x'));
        let mut file =
            Recording::of(Box::new(endless), fuzz::site(), &CsvOptions::default()).expect("a file");
        let error = file.next(&mut Row::default()).expect_err("refused");
        assert!(error.to_string().contains("quotation mark"), "{error}");
        let text = format!("time,plc.gas\n{}", "1,x\n".repeat(1000));
        let (_, tally) = read(&text, &CsvOptions::default());
        assert_eq!((tally.mistakes.len(), tally.mistakes_count), (RECORDED_MISTAKES_TOLD_MAX, 1000));
    }

    proptest! {
        #[test]
        fn p8_no_file_whatever_stands_in_it_brings_the_reader_down(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            fuzz::csv(&bytes);
            fuzz::csv(&[b"time,plc.level\n", &bytes[..]].concat());
        }
    }
}
