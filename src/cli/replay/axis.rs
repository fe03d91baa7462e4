//! Round numbers and round times along the axes of a chart.

use hazgate::model::Wall;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Steps of a time axis, in seconds, and how its marks are written.
const STEPS: [(i64, &str); 26] = [
    (1, "%H:%M:%S"),
    (2, "%H:%M:%S"),
    (5, "%H:%M:%S"),
    (10, "%H:%M:%S"),
    (15, "%H:%M:%S"),
    (30, "%H:%M:%S"),
    (60, "%H:%M"),
    (120, "%H:%M"),
    (300, "%H:%M"),
    (600, "%H:%M"),
    (900, "%H:%M"),
    (1800, "%H:%M"),
    (3600, "%H:%M"),
    (7200, "%H:%M"),
    (10_800, "%H:%M"),
    (21_600, "%m-%d %H:%M"),
    (43_200, "%m-%d %H:%M"),
    (86_400, "%m-%d"),
    (172_800, "%m-%d"),
    (432_000, "%m-%d"),
    (864_000, "%m-%d"),
    (1_728_000, "%Y-%m-%d"),
    (2_592_000, "%Y-%m-%d"),
    (7_776_000, "%Y-%m-%d"),
    (31_536_000, "%Y-%m-%d"),
    (315_360_000, "%Y-%m-%d"),
];

/// At most `count` moments from `begin` to `end` that are round at the site, as shares of that span, each with what is written at it.
pub(super) fn times(begin: Wall, end: Wall, zone: &TimeZone, count: usize) -> Vec<(f64, String)> {
    let span = (end.0 - begin.0).max(1);
    let wanted = span / 1000 / count.max(1) as i64;
    let (step, format) = STEPS.into_iter().find(|(step, _)| *step > wanted).unwrap_or(STEPS[STEPS.len() - 1]);
    let Ok(first) = Timestamp::from_millisecond(begin.0) else { return Vec::new() };
    let offset = i64::from(zone.to_offset(first).seconds());
    let first = (begin.0.div_euclid(1000) + offset).div_euclid(step) * step - offset;
    let moments = (0..).map(|n| (first + n * step) * 1000).skip_while(|ms| *ms < begin.0);
    let written = moments.take_while(|ms| *ms <= end.0).take(count + 1).filter_map(|ms| {
        let local = Timestamp::from_millisecond(ms).ok()?.to_zoned(zone.clone());
        Some(((ms - begin.0) as f64 / span as f64, local.strftime(format).to_string()))
    });
    written.collect()
}

/// Some two to `count` round numbers between `low` and `high`.
pub(super) fn numbers(low: f64, high: f64, count: usize) -> Vec<f64> {
    let rough = (high - low) / count.max(1) as f64;
    if !rough.is_finite() || rough <= 0.0 {
        return Vec::new();
    }
    let power = 10f64.powi(rough.log10().floor() as i32);
    let step = [1.0, 2.0, 5.0, 10.0].map(|digit| digit * power).into_iter().find(|step| *step >= rough);
    let step = step.unwrap_or(rough);
    let first = (low / step).ceil();
    (0..=count).map(|n| (first + n as f64) * step).take_while(|number| *number <= high).collect()
}

/// A number in as many digits as tell it from its neighbours, `spread` being how far the numbers beside it are apart.
pub(super) fn shown(number: f64, spread: f64) -> String {
    let decimals = if spread > 0.0 { (2.0 - spread.log10()).floor().clamp(0.0, 6.0) as usize } else { 2 };
    let text = format!("{number:.decimals$}");
    if !text.contains('.') {
        return text;
    }
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_round_where_the_site_is() {
        let zone = TimeZone::get("Asia/Shanghai").expect("bundled");
        let begin = Wall(1_795_263_303_000);
        let hour = times(begin, Wall(begin.0 + 3_600_000), &zone, 6);
        let written: Vec<&str> = hour.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(written, ["20:30", "20:45", "21:00", "21:15"]);
        assert!((hour[0].0 - 897.0 / 3600.0).abs() < 1e-9);
        let month = times(begin, Wall(begin.0 + 30 * 86_400_000), &zone, 6);
        assert!(month.len() >= 2 && month.iter().all(|(_, text)| text.len() == 5), "{month:?}");
        assert!(times(begin, begin, &zone, 6).len() <= 1);
        let ages = times(Wall(0), Wall(i64::from(i32::MAX) * 60_000), &zone, 6);
        assert!(ages.len() <= 7 && !ages.is_empty(), "{ages:?}");
    }

    #[test]
    fn numbers_are_round_and_written_short() {
        assert_eq!(numbers(3.9, 16.1, 4), [5.0, 10.0, 15.0]);
        assert_eq!(numbers(-0.02, 0.09, 4), [0.0, 0.05]);
        assert!(numbers(1.0, 1.0, 4).is_empty());
        assert!(numbers(f64::MIN, f64::MAX, 4).is_empty());
        for (number, spread, text) in
            [(10.0, 12.0, "10"), (0.05, 0.1, "0.05"), (1234.5, 2000.0, "1234"), (-0.0001, 5.0, "0")]
        {
            assert_eq!(shown(number, spread), text);
        }
    }
}
