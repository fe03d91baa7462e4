//! Fuzzing of this room: any bytes as a CSV file of recorded data.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::LazyLock;

use super::csv::Recording;
use super::merged::Merged;
use super::{CsvOptions, Mapping, Row};
use crate::model::{Value, Wall};
use crate::site::{self, Site};

/// What the columns of the seeds are called.
const SITE: &str = r#"version = 1
[site]
enterprise = "acme"
gateway = "gw1"
name = "Plant"
[[device]]
id = "plc"
address = "10.0.0.5:502"
[[point]]
device = "plc"
signal = "level"
name = "LT-101"
register = "holding:0"
[[point]]
device = "plc"
signal = "gas"
name = "GT-101"
register = "holding:1"
[[derived]]
id = "tank.rate"
name = "rate"
function = "rate"
of = "plc.level"
over = "1min"
"#;

/// A site with these columns.
pub(super) fn site() -> &'static Site {
    static PARSED: LazyLock<Site> =
        LazyLock::new(|| site::parse("fuzz.toml", SITE, &BTreeMap::new()).expect("a site"));
    &PARSED
}

/// One file beside one that is right, in each of the ways that it may be told to be read: moments in their order, no number that is none.
pub(crate) fn csv(data: &[u8]) {
    let mapping = Mapping { column: "LT101".to_owned(), point: "plc.level".to_owned(), factor: 4.0 };
    let plain = CsvOptions { mappings: vec![mapping], ..CsvOptions::default() };
    let format = "%d/%m/%Y %H:%M".parse().ok();
    let told = CsvOptions { time_format: format, midnight_ends_day: true, ..plain.clone() };
    for options in [plain, told] {
        let other =
            Recording::of(Box::new(Cursor::new(b"time,plc.gas\n")), site(), &options).expect("a file");
        let one = Recording::of(Box::new(Cursor::new(data.to_vec())), site(), &options);
        let Ok(one) = one else { continue };
        let Ok(mut files) = Merged::of(vec![one, other]) else { continue };
        let (mut row, mut last, mut readings) = (Row::default(), Wall(i64::MIN), 0);
        while let Ok(true) = files.next(&mut row) {
            assert!(row.at > last, "{:?} after {last:?}", row.at);
            last = row.at;
            assert!(!row.readings.is_empty(), "a moment of nothing");
            readings += row.readings.len() as u64;
            for reading in &row.readings {
                let finite = |value: Value| value.as_f64().is_finite();
                assert!(reading.sample.value().is_none_or(finite), "{reading:?}");
                assert!(reading.point.index() < 2, "a derived point is taken from the data: {reading:?}");
            }
        }
        let tally = files.tally();
        assert_eq!(tally.readings, readings, "{tally:?}");
        assert!(tally.mistakes.iter().all(|mistake| !mistake.words().zh.is_empty()));
    }
}
