//! Charts in the terminal: the signal in braille dots, two by four to a character, limits as dashes, alarms below as marks in the shapes of their levels.

use std::io::{self, Write};
use std::ops::RangeInclusive;

use console::Term;
use hazgate::model::Level;
use hazgate::model::limits::REPLAY_CHART_COLUMNS;
use hazgate::site::Site;

use super::super::args::Language;
use super::chart::{Chart, Charts, Column, Lane};
use super::{Done, axis};

/// Where the terminal does not say how wide it is.
const WIDTH: usize = 80;
/// The narrowest and the widest that is drawn.
const WIDTHS: RangeInclusive<usize> = 40..=240;
/// Characters for the numbers along the left.
const LABEL: usize = 10;
/// Lines of a signal.
const LINES: usize = 8;
/// Dots of a character.
const ACROSS: usize = 2;
const DOWN: usize = 4;
/// Bits of braille patterns, by column and line of the dot.
const DOTS: [[u32; DOWN]; ACROSS] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
const EMPTY: u32 = 0x2800;
/// Characters from one mark of time to the next, at least.
const TIME_WIDTH: usize = 16;

/// As wide as the terminal, if there is one.
pub(super) fn width() -> usize {
    let columns = Term::stdout().size_checked().map_or(WIDTH, |(_, columns)| usize::from(columns));
    columns.clamp(*WIDTHS.start(), *WIDTHS.end())
}

/// Draws every chart, `width` characters wide.
pub(super) fn draw(
    out: &mut impl Write,
    charts: &Charts,
    site: &Site,
    done: &Done,
    language: Language,
    width: usize,
) -> io::Result<()> {
    for chart in &charts.list {
        match chart.point.map(|point| site.point(point)) {
            Some(point) => writeln!(out, "{}  {}  {}", language.of(&point.title), point.name, point.unit)?,
            None => writeln!(out, "{}", language.pick("其他报警", "other alarms"))?,
        }
        let plot = Plot { chart, done, language, cells: width - LABEL - 2 };
        plot.signal(out)?;
        plot.times(out)?;
        chart.lanes.iter().try_for_each(|lane| plot.lane(out, lane))?;
        writeln!(out)?;
    }
    if charts.left_out > 0 {
        let words = language.pick("个报警测点未绘图", "more points with alarms are not drawn");
        writeln!(out, "{} {words}", charts.left_out)?;
    }
    Ok(())
}

struct Plot<'a> {
    chart: &'a Chart,
    done: &'a Done,
    language: Language,
    /// Characters across.
    cells: usize,
}

impl Plot<'_> {
    fn signal(&self, out: &mut impl Write) -> io::Result<()> {
        if self.chart.point.is_none() {
            return Ok(());
        }
        let Some((low, high)) = self.chart.extent() else {
            return writeln!(out, "{:LABEL$}   {}", "", self.language.pick("没有数值", "no value"));
        };
        let dots = (LINES * DOWN) as f64;
        let height = |value: f64| (((high - value) / (high - low) * dots) as usize).min(LINES * DOWN - 1);
        let mut grid = vec![vec![EMPTY; self.cells]; LINES];
        let mut before = None;
        for across in 0..self.cells * ACROSS {
            let column = self.column(across);
            let Some((least, most)) = column.values else {
                before = before.filter(|_| !column.bad);
                continue;
            };
            let (mut top, mut bottom) = (height(most), height(least));
            // The line goes on from where it was.
            if let Some((upper, lower)) = before {
                (top, bottom) = (top.min(lower), bottom.max(upper));
            }
            before = Some((height(most), height(least)));
            for down in top..=bottom {
                grid[down / DOWN][across / ACROSS] |= DOTS[across % ACROSS][down % DOWN];
            }
        }
        let mut labels = vec![String::new(); LINES];
        for number in axis::numbers(low, high, LINES / 2) {
            labels[height(number) / DOWN] = axis::shown(number, high - low);
        }
        for (n, cells) in grid.iter().enumerate() {
            let limit = self.limit(|value| (low..=high).contains(&value) && height(value) / DOWN == n);
            let label = limit.map_or(labels[n].clone(), |(value, _)| axis::shown(value, high - low));
            let text: String =
                cells.iter().map(|cell| self::cell(*cell, limit.map(|(_, level)| level))).collect();
            writeln!(out, "{label:>LABEL$} ┤{text}")?;
        }
        Ok(())
    }

    /// The gravest limit for which this holds.
    fn limit(&self, holds: impl Fn(f64) -> bool) -> Option<(f64, Level)> {
        let limits = self.chart.limits.iter().filter(|limit| holds(limit.value));
        limits.max_by_key(|limit| limit.level).map(|limit| (limit.value, limit.level))
    }

    /// What was said in the time of one column of dots.
    fn column(&self, across: usize) -> Column {
        let place = |dot: usize| dot * REPLAY_CHART_COLUMNS / (self.cells * ACROSS);
        let (first, end) = (place(across), place(across + 1).max(place(across) + 1));
        self.chart.columns[first..end].iter().fold(Column::default(), |sum, column| sum.with(*column))
    }

    fn times(&self, out: &mut impl Write) -> io::Result<()> {
        let mut line = String::new();
        let done = self.done;
        for (share, text) in axis::times(done.begin, done.end, &done.zone, self.cells / TIME_WIDTH) {
            let at = (share * self.cells as f64) as usize;
            let written = line.chars().count();
            if at >= written && at + text.len() <= self.cells {
                line.push_str(&" ".repeat(at - written));
                line.push_str(&text);
            }
        }
        writeln!(out, "{:LABEL$} └{line}", "")
    }

    /// In each place the gravest level that the alarm had in it.
    fn lane(&self, out: &mut impl Write, lane: &Lane) -> io::Result<()> {
        let mut marks = vec![None; self.cells];
        let place = |column: usize| column * self.cells / REPLAY_CHART_COLUMNS;
        for band in &lane.bands {
            for mark in &mut marks[place(band.first)..=place(band.last)] {
                *mark = (*mark).max(Some(band.level));
            }
        }
        let text: String =
            marks.into_iter().map(|mark| mark.map_or(" ".to_owned(), |level| self.mark(level))).collect();
        writeln!(out, "{:LABEL$}  {}", "", lane.alarm)?;
        writeln!(out, "{:LABEL$}  {}", "", text.trim_end())
    }

    fn mark(&self, level: Level) -> String {
        let shape = self.language.level_words(level).chars().next().unwrap_or('·');
        Language::painted(level, shape).to_string()
    }
}

fn cell(dots: u32, limit: Option<Level>) -> String {
    match (dots, limit) {
        (EMPTY, Some(level)) => Language::painted(level, "┄").to_string(),
        (EMPTY, None) => " ".to_owned(),
        (dots, _) => char::from_u32(dots).unwrap_or(' ').to_string(),
    }
}
