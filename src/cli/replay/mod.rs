//! `hazgate replay`: what a site's rules would have said to recorded data, and how well people would have been served.

mod data;
mod expect;
mod play;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use hazgate::measures::{Measures, Record};
use hazgate::model::{Transition, Wall};
use hazgate::site::Site;
use serde_json::json;

use super::args::{Language, ReplayArgs};
use data::{Merged, Row};
use expect::Expectations;
use play::Replay;

/// Replays, and says what came of it.
pub(crate) fn replay(args: &ReplayArgs) -> anyhow::Result<ExitCode> {
    let site = play::reachable(super::load(&args.site)?, args.max_age);
    let mut expectations = args.expect.as_deref().map(Expectations::read).transpose()?;
    let language = Language::choose(args.lang);
    let mut out = std::io::stdout().lock();
    let mut written = Ok(());
    let mut tell = |transition: &Transition| {
        if let Some(expectations) = &mut expectations {
            expectations.take(transition);
        }
        if args.events && !args.json {
            let columns = language.event_columns(transition);
            let line = writeln!(out, "{}  {columns}  {}", transition.at, language.of(&transition.message));
            written = std::mem::replace(&mut written, Ok(())).and(line);
        }
    };
    let done = run(&site, args, &mut tell)?;
    written?;
    let other = match &args.compare {
        Some(path) => {
            let other = play::reachable(super::load(path)?, args.max_age);
            Some(run(&other, args, &mut |_: &Transition| {})?)
        }
        None => None,
    };
    if args.json {
        writeln!(out, "{:#}", done.json(other.as_ref(), expectations.as_ref()))?;
    } else {
        done.show(&mut out, language, other.as_ref())?;
    }
    let unmet = expectations.as_ref().map(Expectations::unmet).unwrap_or_default();
    if let Some(expectations) = expectations.as_ref().filter(|_| !args.json) {
        for line in &unmet {
            writeln!(out, "✗ {line}")?;
        }
        writeln!(out, "{} of {} expectations met", expectations.len() - unmet.len(), expectations.len())?;
    }
    Ok(if unmet.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What a replay came to.
struct Done {
    begin: Wall,
    end: Wall,
    readings: u64,
    measures: Measures,
    mistakes: Vec<String>,
    mistakes_count: u64,
    unknown: BTreeSet<String>,
    silent: usize,
    zone: jiff::tz::TimeZone,
}

fn run(site: &Site, args: &ReplayArgs, tell: &mut impl FnMut(&Transition)) -> anyhow::Result<Done> {
    let mut data = Merged::open(site, args)?;
    let Some(begin) = data.begin() else { bail!("there is no value of any point in the data") };
    let mut replay = Replay::new(site.clone(), begin, args.ack_after);
    let mut seen = vec![false; site.points.len()];
    let (mut row, mut end) = (Row::default(), begin);
    while data.next(&mut row)? {
        end = row.at;
        row.samples.iter().for_each(|(point, _)| seen[point.index()] = true);
        replay.take(&row, tell);
    }
    replay.until(end, tell);
    Ok(Done {
        begin,
        end,
        readings: data.files.iter().map(|file| file.readings).sum(),
        measures: replay.measures,
        mistakes: data.files.iter().flat_map(|file| file.mistakes.clone()).collect(),
        mistakes_count: data.files.iter().map(|file| file.mistakes_count).sum(),
        unknown: data.files.iter().flat_map(|file| file.unknown.clone()).collect(),
        silent: play::silent(site, &seen),
        zone: site.identity.zone.clone(),
    })
}

impl Done {
    fn stamp(&self, at: Wall) -> String {
        at.stamp(&self.zone).to_string()
    }

    fn show(&self, out: &mut impl Write, language: Language, other: Option<&Self>) -> anyhow::Result<()> {
        for mistake in &self.mistakes {
            writeln!(out, "! {mistake}")?;
        }
        if self.mistakes_count > self.mistakes.len() as u64 {
            writeln!(
                out,
                "! {} {}",
                self.mistakes_count,
                language.pick("行无法读取", "rows could not be read")
            )?;
        }
        if !self.unknown.is_empty() {
            let names: Vec<&str> = self.unknown.iter().map(String::as_str).collect();
            writeln!(
                out,
                "! {}: {}",
                language.pick("站点中没有的列", "columns that the site has no point for"),
                names.join(", ")
            )?;
        }
        if self.silent > 0 {
            writeln!(out, "! {} {}", self.silent, language.pick("个测点没有数据", "points have no data"))?;
        }
        writeln!(
            out,
            "{} … {}   {} {}",
            self.stamp(self.begin),
            self.stamp(self.end),
            self.readings,
            language.pick("条读数", "readings")
        )?;
        writeln!(out)?;
        self.show_alarms(out, language, other)?;
        writeln!(out)?;
        let others = other.map(|other| other.measures.report());
        for (n, measure) in self.measures.report().iter().enumerate() {
            let mark = if measure.value > measure.target { "✗" } else { "✓" };
            let beside = others.as_ref().map_or(String::new(), |others| format!(" → {:.1}", others[n].value));
            writeln!(
                out,
                "{mark} {}: {:.1}{beside}  ({} {})",
                language.of(&measure.name),
                measure.value,
                language.pick("目标不大于", "target at most"),
                measure.target
            )?;
        }
        Ok(())
    }

    fn show_alarms(
        &self,
        out: &mut impl Write,
        language: Language,
        other: Option<&Self>,
    ) -> anyhow::Result<()> {
        let (mine, others) =
            (self.measures.alarms(), other.map(|other| other.measures.alarms()).unwrap_or_default());
        let names: BTreeSet<&String> = mine.keys().chain(others.keys()).collect();
        if names.is_empty() {
            writeln!(out, "{}", language.pick("没有报警", "no alarm"))?;
        }
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or_default();
        for name in names {
            let one = mine.get(name).cloned().unwrap_or_default();
            let beside = match other {
                Some(_) => {
                    let then = others.get(name).cloned().unwrap_or_default();
                    format!("  →  {}", line(&then, language))
                }
                None => String::new(),
            };
            let first = one
                .first
                .filter(|_| other.is_none())
                .map_or(String::new(), |at| format!("  {}", self.stamp(at)));
            writeln!(
                out,
                "{name:<width$}  {}{beside}{first}{}",
                line(&one, language),
                marks(&one, language)
            )?;
        }
        Ok(())
    }

    fn json(&self, other: Option<&Self>, expectations: Option<&Expectations>) -> serde_json::Value {
        let part = |done: &Self| {
            let alarms: BTreeMap<String, Record> = done.measures.alarms();
            json!({"alarms": alarms, "measures": done.measures.report(), "floods": done.measures.floods()})
        };
        json!({
            "begin": self.begin,
            "end": self.end,
            "readings": self.readings,
            "unreadable_rows": self.mistakes_count,
            "mistakes": self.mistakes,
            "unknown_columns": self.unknown,
            "points_without_data": self.silent,
            "result": part(self),
            "compared": other.map(part),
            "unmet": expectations.map(Expectations::unmet),
        })
    }
}

fn line(record: &Record, language: Language) -> String {
    let span = |ms: i64| {
        let seconds = Duration::from_millis(u64::try_from(ms).unwrap_or(0)).as_secs();
        format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    };
    format!(
        "{:>6} {}  {:>10}  {} {:>9}",
        record.raised,
        language.pick("次", "times"),
        span(record.total_ms),
        language.pick("最长", "longest"),
        span(record.longest_ms)
    )
}

fn marks(record: &Record, language: Language) -> String {
    let mut marks = String::new();
    for (count, zh, en) in [
        (record.chattering, "抖动", "chatters"),
        (record.fleeting, "瞬时", "fleeting"),
        (record.stale, "持续 24 小时以上", "stood for over 24 h"),
    ] {
        if count > 0 {
            marks.push_str("  ");
            marks.push_str(language.pick(zh, en));
        }
    }
    marks
}
