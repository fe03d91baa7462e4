//! One chart as inline SVG: bands in the levels' colours where alarms stood, the signal between its least and its greatest value, the limits as lines, and
//! below a lane for each alarm. Colours stand in the page's style; no element has a style of its own.

use std::fmt::{self, Write};
use std::ops::RangeInclusive;

use hazgate::model::Level;
use hazgate::model::limits::REPLAY_CHART_COLUMNS;

use super::super::args::Language;
use super::chart::{Band, Chart, Lane};
use super::html::Escaped;
use super::{Done, axis};

/// Places in the picture, in its own units; one is a pixel on a wide screen.
const WIDTH: f64 = 1040.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 968.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 176.0;
/// Of a lane: its height, and that of the bar in it.
const LANE: f64 = 24.0;
const BAR: f64 = 8.0;
/// What marks bad data, along the bottom.
const BAD: f64 = 5.0;
/// Least distance of two texts above each other.
const TEXT: f64 = 12.0;
const VALUE_MARKS: usize = 5;
const TIME_MARKS: usize = 8;

/// Draws the chart.
pub(super) fn draw(page: &mut String, chart: &Chart, done: &Done, language: Language) -> fmt::Result {
    let extent = chart.extent();
    let bottom = if chart.point.is_some() { BOTTOM } else { TOP };
    let lanes = chart.lanes.len() as f64 * LANE;
    let height = bottom + TEXT + 8.0 + lanes;
    let label = language.pick("信号、限值与报警随时间的变化", "signal, limits and alarms over time");
    writeln!(page, "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{label}\">")?;
    if chart.point.is_some() {
        standing(page, chart)?;
        writeln!(
            page,
            "<rect class=\"frame\" x=\"{LEFT}\" y=\"{TOP}\" width=\"{}\" height=\"{}\"/>",
            RIGHT - LEFT,
            BOTTOM - TOP
        )?;
    }
    times(page, done, bottom)?;
    match extent {
        Some(extent) => {
            let scale = Scale(extent);
            values(page, scale)?;
            signal(page, chart, scale)?;
            limits(page, chart, scale)?;
        }
        None if chart.point.is_some() => {
            let text = language.pick("没有数值", "no value");
            writeln!(
                page,
                "<text class=\"empty\" x=\"{}\" y=\"{}\">{text}</text>",
                f64::midpoint(LEFT, RIGHT),
                f64::midpoint(TOP, BOTTOM)
            )?;
        }
        None => {}
    }
    bad(page, chart)?;
    for (n, lane) in chart.lanes.iter().enumerate() {
        self::lane(page, lane, bottom + TEXT + 8.0 + n as f64 * LANE, done, language)?;
    }
    page.push_str("</svg>\n");
    Ok(())
}

/// From values to heights.
#[derive(Clone, Copy)]
struct Scale((f64, f64));

impl Scale {
    fn y(self, value: f64) -> f64 {
        let Self((low, high)) = self;
        BOTTOM - (value - low) / (high - low) * (BOTTOM - TOP)
    }
}

fn x(column: f64) -> f64 {
    LEFT + column / REPLAY_CHART_COLUMNS as f64 * (RIGHT - LEFT)
}

/// The columns for which something holds, in runs.
fn runs(holds: impl Fn(usize) -> bool) -> Vec<RangeInclusive<usize>> {
    let mut runs: Vec<RangeInclusive<usize>> = Vec::new();
    for column in (0..REPLAY_CHART_COLUMNS).filter(|column| holds(*column)) {
        match runs.last_mut() {
            Some(run) if run.end() + 1 == column => *run = *run.start()..=column,
            _ => runs.push(column..=column),
        }
    }
    runs
}

fn bar(page: &mut String, class: &str, columns: &RangeInclusive<usize>, y: f64, height: f64) -> fmt::Result {
    let (from, to) = (x(*columns.start() as f64), x(*columns.end() as f64 + 1.0));
    let width = to - from;
    write!(
        page,
        "<rect class=\"{class}\" x=\"{from:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\""
    )
}

/// Behind the signal: the gravest alarm at the time.
fn standing(page: &mut String, chart: &Chart) -> fmt::Result {
    for level in [Level::Journal, Level::Blue, Level::Yellow, Level::Orange, Level::Red] {
        for run in runs(|column| chart.level(column) == Some(level)) {
            bar(page, &format!("standing {}", level.name()), &run, TOP, BOTTOM - TOP)?;
            page.push_str("/>\n");
        }
    }
    Ok(())
}

fn times(page: &mut String, done: &Done, bottom: f64) -> fmt::Result {
    for (share, text) in axis::times(done.begin, done.end, &done.zone, TIME_MARKS) {
        let x = LEFT + share * (RIGHT - LEFT);
        if bottom > TOP {
            writeln!(page, "<path class=\"grid\" d=\"M{x:.1} {TOP}V{bottom}\"/>")?;
        }
        writeln!(page, "<text class=\"time\" x=\"{x:.1}\" y=\"{:.1}\">{text}</text>", bottom + TEXT)?;
    }
    Ok(())
}

fn values(page: &mut String, scale: Scale) -> fmt::Result {
    let Scale((low, high)) = scale;
    for number in axis::numbers(low, high, VALUE_MARKS) {
        let y = scale.y(number);
        writeln!(page, "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/>")?;
        let text = axis::shown(number, high - low);
        writeln!(page, "<text class=\"value\" x=\"{}\" y=\"{:.1}\">{text}</text>", LEFT - 6.0, y + 4.0)?;
    }
    Ok(())
}

/// The line from column to column, each from its end that is nearer to the one before to the other; interrupted where nothing could be read.
fn signal(page: &mut String, chart: &Chart, scale: Scale) -> fmt::Result {
    let mut path = String::new();
    let mut before: Option<f64> = None;
    for (n, column) in chart.columns.iter().enumerate() {
        let Some((low, high)) = column.values else {
            before = before.filter(|_| !column.bad);
            continue;
        };
        let (low, high) = (scale.y(low), scale.y(high));
        let from_low = before.is_none_or(|y| (y - low).abs() <= (y - high).abs());
        let (first, last) = if from_low { (low, high) } else { (high, low) };
        let x = x(n as f64 + 0.5);
        write!(path, "{}{x:.1} {first:.1}", if before.is_some() { 'L' } else { 'M' })?;
        if (first - last).abs() >= 0.1 {
            write!(path, "V{last:.1}")?;
        } else if before.is_none() {
            // A value that stands alone is a dot.
            path.push_str("h.1");
        }
        before = Some(last);
    }
    writeln!(page, "<path class=\"signal\" d=\"{path}\"/>")
}

fn limits(page: &mut String, chart: &Chart, scale: Scale) -> fmt::Result {
    let Scale((low, high)) = scale;
    let mut sorted: Vec<_> = chart.limits.iter().collect();
    sorted.sort_by(|a, b| b.value.total_cmp(&a.value));
    let mut above = TOP - TEXT;
    for limit in sorted {
        let (class, text) = (limit.level.name(), axis::shown(limit.value, high - low));
        let y = scale.y(limit.value);
        let (mark, y) = if limit.value > high {
            ("↑ ", TOP)
        } else if limit.value < low {
            ("↓ ", BOTTOM)
        } else {
            writeln!(page, "<path class=\"limit {class}\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/>")?;
            ("", y)
        };
        above = y.max(above + TEXT);
        let y = above + 4.0;
        writeln!(
            page,
            "<text class=\"bound {class}\" x=\"{}\" y=\"{y:.1}\">{mark}{text}</text>",
            RIGHT + 6.0
        )?;
    }
    Ok(())
}

fn bad(page: &mut String, chart: &Chart) -> fmt::Result {
    for run in runs(|column| chart.columns.get(column).is_some_and(|column| column.bad)) {
        bar(page, "bad", &run, BOTTOM - BAD, BAD)?;
        page.push_str("/>\n");
    }
    Ok(())
}

fn lane(page: &mut String, lane: &Lane, y: f64, done: &Done, language: Language) -> fmt::Result {
    writeln!(
        page,
        "<text class=\"alarm\" x=\"{LEFT}\" y=\"{:.1}\">{}</text>",
        y + TEXT,
        Escaped(&lane.alarm)
    )?;
    writeln!(page, "<path class=\"grid\" d=\"M{LEFT} {0:.1}H{RIGHT}\"/>", y + LANE - 1.0)?;
    for Band { first, last, level } in &lane.bands {
        bar(page, level.name(), &(*first..=*last), y + LANE - 1.0 - BAR, BAR)?;
        let (from, to) =
            (done.local(done.moment(*first as f64)), done.local(done.moment(*last as f64 + 1.0)));
        writeln!(page, "><title>{}  {from} – {to}</title></rect>", language.level_words(*level))?;
    }
    Ok(())
}
