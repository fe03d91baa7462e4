//! The site file that the engineer of that plant would write, and what `hazgate replay` says to a record of its meter.

use std::path::Path;
use std::process::Command;

use hazgate::model::{EventKind, Level, Transition};
use jiff::civil::{Date, DateTime, Weekday, date};

use crate::data::{self, Row};

/// From here on, after 28 days, what is raised counts.
pub(crate) const WARM: DateTime = date(2018, 1, 29).at(0, 0, 0, 0);
/// The contracted demand. The plant's greatest quarter of the half year is 612.56 kW; this is the size of transformer above it.
pub(crate) const CONTRACT_KW: f64 = 630.0;
/// Least time of the second state, in minutes.
pub(crate) const LEAST_MINUTES: i64 = 30;

/// What the calendar of the site file rests on: the load of the first weeks, and what such a plant knows of itself. It works from Monday to Saturday, on Saturdays
/// less; between 12 and 13 it eats; on Sundays it rests, which it does not always keep to. In the winter's second half it had a night shift, which it declared. The holidays
/// are those of 2018 on which it stood still. Production on a Sunday is not declared here, and counts as false. A meter is polled each second, and of this one a
/// quarter of an hour was recorded: that is what `max_age` goes by.
const SITE: &str = r#"version = 1
[site]
enterprise = "steel"
gateway = "gw1"
name = { zh = "钢厂", en = "Steel plant" }
timezone = "Asia/Seoul"

[clock]
sync = "ignored"

[calendar]
working_hours = ["mon-sat 08:00-12:00", "mon-sat 13:00-17:00"]
holidays = ["2018-01-01", "2018-02-15..2018-02-17", "2018-05-01", "2018-05-05"]

[[work]]
name = { zh = "夜班", en = "night shift" }
from = "2018-01-17 17:00"
to = "2018-02-25 02:00"

[[hazard]]
id = "line"
kind = "power"
name = { zh = "钢厂馈线", en = "the plant's feeder" }

[[device]]
id = "meter"
address = "10.0.0.5:502"
hazard = "line"

[[point]]
device = "meter"
signal = "power"
name = { zh = "有功功率", en = "active power" }
unit = "kW"
role = "production_power"
register = "holding:0"
type = "f32"
max_age = "35min"
stuck = { after = "2h" }

[[point]]
device = "meter"
signal = "energy"
name = { zh = "正向有功电量", en = "imported energy" }
unit = "kWh"
role = "energy_import"
register = "holding:2"
type = "f32"
max_age = "35min"

[[derived]]
id = "line.stop"
name = { zh = "停产", en = "declared stop" }
calendar = "stop"
hazard = "line"
role = "declared_stop"

[[derived]]
id = "line.work"
name = { zh = "报备生产", en = "declared work" }
calendar = "work"
hazard = "line"
role = "declared_work"

[[derived]]
id = "line.slow_state"
name = { zh = "生产状态（半小时）", en = "state of half an hour at least" }
function = "state"
of = "meter.power"
running = "learned"
least = "30min"

[[derived]]
id = "line.bound"
name = { zh = "运行判定值", en = "runs from here on" }
function = "running_from"
of = "line.slow_state"
limits = { l = 40, h = 80, basis = "两个负荷水平之间 / between the two modes of this load" }

[[pack]]
use = "power_profile"
hazard = "line"

[[pack]]
use = "power_meter"
hazard = "line"
setpoints = { contract_demand = 630 }
"#;

/// The site file, with a stop declared for each of these days.
pub(crate) fn site(stops: &[Date]) -> String {
    let stop = |day: &Date| {
        let next = day.tomorrow().expect("a day");
        format!(
            "[[stop]]\nname = \"stop\"\nhazard = \"line\"\nfrom = \"{day} 00:00\"\nto = \"{next} 00:00\"\n"
        )
    };
    SITE.to_owned() + &stops.iter().map(stop).collect::<String>()
}

/// Whether the site file's night shift is declared for this moment.
pub(crate) fn is_declared_work(at: DateTime) -> bool {
    (date(2018, 1, 17).at(17, 0, 0, 0)..date(2018, 2, 25).at(2, 0, 0, 0)).contains(&at)
}

/// Whether these are working hours of the site file.
pub(crate) fn is_working_hour(at: DateTime) -> bool {
    let holidays = [date(2018, 1, 1), date(2018, 2, 15), date(2018, 2, 16), date(2018, 2, 17)];
    let is_holiday =
        holidays.contains(&at.date()) || [date(2018, 5, 1), date(2018, 5, 5)].contains(&at.date());
    !is_holiday && at.weekday() != Weekday::Sunday && (8..17).contains(&at.hour()) && at.hour() != 12
}

/// Writes the site file and the record.
pub(crate) fn write(folder: &Path, site: &str, rows: &[Row]) {
    std::fs::write(folder.join("site.toml"), site).expect("a site file");
    std::fs::write(folder.join("record.csv"), data::csv(rows)).expect("a record");
}

/// What `hazgate replay` says to a record: every event, the first first.
pub(crate) fn replay(folder: &Path, site: &str, rows: &[Row]) -> Vec<Transition> {
    write(folder, site, rows);
    let out = Command::new(env!("CARGO_BIN_EXE_hazgate"))
        .current_dir(folder)
        .args(["replay", "site.toml", "--data", "record.csv", "--max-age", "35min", "--ack-after", "5min"])
        .args(["--events", "--json"])
        .output()
        .expect("hazgate replay runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).expect("UTF-8");
    let mut lines: Vec<&str> = text.lines().collect();
    let result: serde_json::Value = serde_json::from_str(lines.pop().expect("a result")).expect("JSON");
    assert_eq!(
        (&result["mistakes_count"], &result["points_without_data"]),
        (&0.into(), &0.into()),
        "{result}"
    );
    lines.into_iter().map(|line| serde_json::from_str(line).expect("an event")).collect()
}

/// When an event happened, as people there read their clocks.
pub(crate) fn local(event: &Transition) -> DateTime {
    event.at.to_string()[..23].parse().expect("a time")
}

/// Whether somebody is called.
pub(crate) fn calls(event: &Transition) -> bool {
    event.event == EventKind::Raised && event.level != Level::Journal
}
