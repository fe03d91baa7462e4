//! The pictures of a report's page: the load of a day against what is ordinary, with the states below it; the states of a day alone; the series around an anomaly.

use std::fmt::{self, Write};

use jiff::tz::TimeZone;

use super::document::{Evidence, LineDay, LineState, Stretch};
use super::html::Escaped;
use super::words::Language;
use crate::model::Wall;

const WIDTH: f64 = 1040.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 1020.0;
const TOP: f64 = 22.0;
const BOTTOM: f64 = 180.0;
/// Of the states: the height of the strip, and its place below the load.
const STRIP: f64 = 20.0;
const STRIP_TOP: f64 = BOTTOM + 8.0;
const HOUR_MS: i64 = 3_600_000;
/// Hours between two marks of a day.
const MARK_HOURS: i8 = 3;
/// Marks of a value axis, about.
const VALUE_MARKS: f64 = 4.0;
/// Of a series around an anomaly.
const SMALL: (f64, f64) = (280.0, 70.0);

/// The load and the states of a day.
pub(super) fn day(page: &mut String, day: &LineDay, zone: &TimeZone, language: Language) -> fmt::Result {
    let has_states = !day.timeline.is_empty();
    let bottom = if has_states { STRIP_TOP + STRIP } else { BOTTOM };
    let label = language.pick("一天内负荷与生产状态的变化", "load and state of production over the day");
    writeln!(page, "<svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"{label}\">", bottom + 18.0)?;
    times(page, day, bottom, zone)?;
    load(page, day)?;
    if has_states {
        strip(page, day, (LEFT, RIGHT), (STRIP_TOP, STRIP), language)?;
    }
    page.push_str("</svg>\n");
    Ok(())
}

/// The states of a day alone.
pub(super) fn states(page: &mut String, day: &LineDay, language: Language) -> fmt::Result {
    let (width, height) = (360.0, 16.0);
    write!(page, "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\">", day.day)?;
    strip(page, day, (0.0, width), (0.0, height), language)?;
    page.push_str("</svg>");
    Ok(())
}

/// Where in a day a moment lies, from 0 to 1.
fn part(day: &LineDay, ms: i64) -> f64 {
    (ms - day.from.wall.0) as f64 / day.length_ms().max(1) as f64
}

fn x(day: &LineDay, ms: i64) -> f64 {
    LEFT + part(day, ms) * (RIGHT - LEFT)
}

fn times(page: &mut String, day: &LineDay, bottom: f64, zone: &TimeZone) -> fmt::Result {
    for ms in (day.from.wall.0..=day.to.wall.0).step_by(HOUR_MS as usize) {
        let local = Wall(ms).local(zone);
        if local.hour() % MARK_HOURS != 0 {
            continue;
        }
        let x = x(day, ms);
        let text = if ms == day.to.wall.0 { "24:00".to_owned() } else { local.strftime("%H:%M").to_string() };
        writeln!(page, "<path class=\"grid\" d=\"M{x:.1} {TOP}V{bottom}\"/>")?;
        writeln!(page, "<text class=\"time\" x=\"{x:.1}\" y=\"{:.1}\">{text}</text>", bottom + 14.0)?;
    }
    Ok(())
}

fn load(page: &mut String, day: &LineDay) -> fmt::Result {
    let ordinary = day.ordinary.iter().flat_map(|it| it.high.iter().chain(&it.low));
    let values: Vec<f64> = day.profile.iter().chain(ordinary).copied().flatten().collect();
    let low = values.iter().copied().fold(0.0, f64::min);
    let high = values.iter().copied().fold(low, f64::max);
    let high = if high > low { high } else { low + 1.0 };
    let step = step(high - low);
    let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
    let y = |value: f64| BOTTOM - (value - low) / (high - low) * (BOTTOM - TOP);
    let marks = ((high - low) / step).round() as i64;
    for mark in 0..=marks {
        let value = low + mark as f64 * step;
        let at = y(value);
        writeln!(page, "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{RIGHT}\"/>")?;
        let text = shown(value, step);
        writeln!(page, "<text class=\"value\" x=\"{}\" y=\"{:.1}\">{text}</text>", LEFT - 6.0, at + 4.0)?;
    }
    writeln!(
        page,
        "<text class=\"value\" x=\"{}\" y=\"{:.1}\">{}</text>",
        LEFT - 6.0,
        9.0,
        Escaped(&day.unit)
    )?;
    let at = |place: usize| x(day, day.from.wall.0 + place as i64 * 900_000);
    if let Some(ordinary) = &day.ordinary {
        for (place, (low, high)) in ordinary.low.iter().zip(&ordinary.high).enumerate() {
            let (Some(low), Some(high)) = (low, high) else { continue };
            let (from, to) = (at(place), at(place + 1));
            writeln!(
                page,
                "<rect class=\"band\" x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
                y(*high),
                to - from,
                (y(*low) - y(*high)).max(1.0)
            )?;
        }
        writeln!(page, "<path class=\"median\" d=\"{}\"/>", steps(&ordinary.median, at, y)?)?;
    }
    writeln!(page, "<path class=\"signal\" d=\"{}\"/>", steps(&day.profile, at, y)?)?;
    if let Some(demand) = &day.demand {
        let middle = f64::midpoint(x(day, demand.from.wall.0), x(day, demand.to.wall.0));
        writeln!(page, "<circle class=\"top\" cx=\"{middle:.1}\" cy=\"{:.1}\" r=\"3.5\"/>", y(demand.max))?;
    }
    Ok(())
}

/// A line of steps, interrupted where nothing is known.
fn steps(
    values: &[Option<f64>],
    at: impl Fn(usize) -> f64,
    y: impl Fn(f64) -> f64,
) -> Result<String, fmt::Error> {
    let (mut path, mut is_down) = (String::new(), false);
    for (place, value) in values.iter().enumerate() {
        if let Some(value) = value {
            if is_down {
                write!(path, "V{:.1}", y(*value))?;
            } else {
                write!(path, "M{:.1} {:.1}", at(place), y(*value))?;
            }
            write!(path, "H{:.1}", at(place + 1))?;
        }
        is_down = value.is_some();
    }
    Ok(path)
}

fn strip(
    page: &mut String,
    day: &LineDay,
    (left, right): (f64, f64),
    (top, height): (f64, f64),
    language: Language,
) -> fmt::Result {
    for Stretch { from, to, state } in &day.timeline {
        // A state is told by how high it stands as well as by its tone.
        let (class, share) = match state {
            LineState::Stopped => ("stopped", 0.3),
            LineState::Idle => ("idle", 0.55),
            LineState::Running => ("running", 0.8),
            LineState::Overload => ("overload", 1.0),
            LineState::Unknown => ("unknown", 0.3),
        };
        let place = |ms: i64| left + part(day, ms) * (right - left);
        let (begin, end) = (place(from.wall.0), place(to.wall.0));
        let height_here = height * share;
        write!(
            page,
            "<rect class=\"{class}\" x=\"{begin:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height_here:.1}\">",
            top + height - height_here,
            (end - begin).max(0.5)
        )?;
        let clock = |stamp: &crate::model::Stamp| stamp.to_string().get(11..16).map(str::to_owned);
        let (from, to) = (clock(from).unwrap_or_default(), clock(to).unwrap_or_default());
        writeln!(page, "<title>{}  {from}–{to}</title></rect>", language.state(*state))?;
    }
    Ok(())
}

/// The series around the moment at which an anomaly was raised, and the limit.
pub(super) fn evidence(
    page: &mut String,
    evidence: &Evidence,
    limit: Option<f64>,
    around_s: f64,
    language: Language,
) -> fmt::Result {
    let (width, height) = SMALL;
    let values = || evidence.samples.iter().filter_map(|(_, value)| *value);
    let (low, high) = values().fold((f64::MAX, f64::MIN), |(low, high), it| (low.min(it), high.max(it)));
    if low > high {
        return Ok(());
    }
    // A limit that is far from all that was measured would make a flat line of it.
    let limit = limit.filter(|it| *it >= low - 2.0 * (high - low) && *it <= high + 2.0 * (high - low));
    let (low, high) = (limit.map_or(low, |it| low.min(it)), limit.map_or(high, |it| high.max(it)));
    let spread = if high > low { high - low } else { high.abs().max(1.0) };
    let y = |value: f64| height - 14.0 - (value - low) / spread * (height - 24.0);
    let x = |seconds: f64| 40.0 + seconds / (2.0 * around_s) * (width - 44.0);
    let label = language.pick("报警前后的数据", "the series around the alarm");
    writeln!(page, "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{label}\">")?;
    writeln!(
        page,
        "<rect class=\"frame\" x=\"40\" y=\"4\" width=\"{}\" height=\"{}\"/>",
        width - 44.0,
        height - 16.0
    )?;
    for value in [low, high] {
        let text = shown(value, spread / VALUE_MARKS);
        writeln!(page, "<text class=\"value\" x=\"36\" y=\"{:.1}\">{text}</text>", y(value) + 4.0)?;
        if high <= low {
            break;
        }
    }
    let middle = x(around_s);
    writeln!(page, "<path class=\"mark\" d=\"M{middle:.1} 4V{}\"/>", height - 12.0)?;
    if let Some(limit) = limit {
        writeln!(page, "<path class=\"limit\" d=\"M40 {:.1}H{}\"/>", y(limit), width - 4.0)?;
    }
    let (mut path, mut is_down) = (String::new(), false);
    for (seconds, value) in &evidence.samples {
        if let Some(value) = value {
            write!(path, "{}{:.1} {:.1}", if is_down { 'L' } else { 'M' }, x(*seconds), y(*value))?;
        }
        is_down = value.is_some();
    }
    writeln!(page, "<path class=\"signal\" d=\"{path}\"/>\n</svg>")
}

/// A round step for so wide an axis.
fn step(spread: f64) -> f64 {
    let rough = spread / VALUE_MARKS;
    let power = 10f64.powi(rough.log10().floor() as i32);
    [1.0, 2.0, 5.0, 10.0].map(|digit| digit * power).into_iter().find(|step| *step >= rough).unwrap_or(rough)
}

/// A number in as many digits as its neighbours need to be told apart.
fn shown(value: f64, step: f64) -> String {
    let decimals = (-step.log10().floor()).clamp(0.0, 4.0) as usize;
    let text = format!("{value:.decimals$}");
    if text.trim_start_matches('-').chars().all(|it| matches!(it, '0' | '.')) { "0".to_owned() } else { text }
}
