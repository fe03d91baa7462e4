//! Half a year of a real steel plant (tests/data/README.md), as its meter would have said it.

use jiff::ToSpan as _;
use jiff::civil::DateTime;

/// Minutes from one row to the next.
pub(crate) const SLOT_MINUTES: i64 = 15;

/// What the meter says at one moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    /// The end of a quarter of an hour, in local time.
    pub(crate) at: DateTime,
    /// Its mean power, in kW.
    pub(crate) power: f64,
    /// The energy counter, in kWh.
    pub(crate) energy: f64,
    /// The meter did not answer.
    pub(crate) is_missing: bool,
}

/// The half year, with a counter that began at 100,000 kWh.
pub(crate) fn half_year() -> Vec<Row> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/steel-load-2018.csv");
    let text = std::fs::read_to_string(path).expect("the data");
    let row = |line: &str| -> Row {
        let (time, kwh) = line.split_once(',').expect("two columns");
        let mut at = DateTime::strptime("%d/%m/%Y %H:%M", time).expect("a time");
        // The day's last row is stamped as its first moment.
        if (at.hour(), at.minute()) == (0, 0) {
            at = at.checked_add(1.day()).expect("a day");
        }
        let kwh: f64 = kwh.parse().expect("a number");
        Row { at, power: kwh * 4.0, energy: 0.0, is_missing: false }
    };
    let mut rows: Vec<Row> = text.lines().skip(1).map(row).collect();
    count(&mut rows);
    rows
}

/// Sets the counter by the power.
pub(crate) fn count(rows: &mut [Row]) {
    let mut energy = 100_000.0;
    for row in rows {
        energy += row.power * SLOT_MINUTES as f64 / 60.0;
        row.energy = energy;
    }
}

/// The rows as a file that `hazgate replay` reads.
pub(crate) fn csv(rows: &[Row]) -> String {
    let line = |row: &Row| format!("{},{},{}\n", row.at.strftime("%Y-%m-%d %H:%M:%S"), row.power, row.energy);
    let lines = rows.iter().filter(|row| !row.is_missing).map(line);
    std::iter::once("time,meter.power,meter.energy\n".to_owned()).chain(lines).collect()
}

/// The value that so many percent of the powers do not exceed.
pub(crate) fn percentile(rows: &[Row], percent: f64) -> f64 {
    let mut sorted: Vec<f64> = rows.iter().map(|row| row.power).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted[(sorted.len() as f64 * percent / 100.0) as usize]
}
