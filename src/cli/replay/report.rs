//! What a replay says at its end: on the terminal, and as JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::time::Duration;

use hazgate::measures::Record;
use hazgate::model::Wall;
use serde_json::json;

use super::super::args::Language;
use super::Done;
use super::expect::Expectations;

impl Done {
    pub(super) fn stamp(&self, at: Wall) -> String {
        at.stamp(&self.zone).to_string()
    }

    /// The same as short as people write it; the page says once which zone it is.
    pub(super) fn local(&self, at: Wall) -> String {
        let moment = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        moment.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// How far the site's clocks are ahead of UTC at the end, as `+08:00`.
    pub(super) fn offset(&self) -> String {
        let moment = jiff::Timestamp::from_millisecond(self.end.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        moment.to_zoned(self.zone.clone()).strftime("%:z").to_string()
    }

    pub(super) fn show(
        &self,
        out: &mut impl Write,
        language: Language,
        other: Option<&Self>,
    ) -> anyhow::Result<()> {
        self.show_gaps(out, language)?;
        let (readings, words) = (self.tally.readings, language.pick("条读数", "readings"));
        writeln!(out, "{} … {}   {readings} {words}", self.stamp(self.begin), self.stamp(self.end))?;
        let (seconds, rate) = (self.took.as_secs_f64(), self.rate());
        match language {
            Language::Zh => writeln!(out, "用时 {seconds:.2} s，每秒 {rate:.0} 条读数")?,
            Language::En => writeln!(out, "took {seconds:.2} s, {rate:.0} readings a second")?,
        }
        writeln!(out)?;
        self.show_alarms(out, language, other)?;
        writeln!(out)?;
        let others = other.map(|other| other.measures.report());
        for measure in self.measures.report() {
            let mark = if measure.value > measure.target { "✗" } else { "✓" };
            // Not every measure makes sense of every result.
            let same = others.iter().flatten().find(|other| other.name == measure.name);
            let beside = same.map_or(String::new(), |same| format!(" → {:.1}", same.value));
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

    /// Readings in a second of real time.
    fn rate(&self) -> f64 {
        self.tally.readings as f64 / self.took.as_secs_f64().max(1e-6)
    }

    /// What could not be used of the data.
    fn show_gaps(&self, out: &mut impl Write, language: Language) -> anyhow::Result<()> {
        let tally = &self.tally;
        for mistake in &tally.mistakes {
            writeln!(out, "! {}", language.of(&mistake.words()))?;
        }
        if tally.mistakes_count > tally.mistakes.len() as u64 {
            let words = language.pick("处无法读取", "mistakes in the data");
            writeln!(out, "! {} {words}", tally.mistakes_count)?;
        }
        let unknown = language.pick("站点中没有的测点", "names that the site has no point for");
        let derived = language.pick("计算点由引擎重新计算，不取自数据", "derived points, worked out anew");
        for (what, names) in [(unknown, &tally.unknown), (derived, &tally.derived)] {
            if !names.is_empty() {
                writeln!(out, "! {what}: {}", names.join(", "))?;
            }
        }
        if self.silent > 0 {
            writeln!(out, "! {} {}", self.silent, language.pick("个测点没有数据", "points have no data"))?;
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

    pub(super) fn json(
        &self,
        other: Option<&Self>,
        expectations: Option<&Expectations>,
    ) -> serde_json::Value {
        let part = |done: &Self| {
            let alarms: BTreeMap<String, Record> = done.measures.alarms();
            json!({"alarms": alarms, "measures": done.measures.report(), "floods": done.measures.floods()})
        };
        json!({
            "begin": self.begin,
            "end": self.end,
            "readings": self.tally.readings,
            "took_ms": self.took.as_millis() as u64,
            "mistakes_count": self.tally.mistakes_count,
            "mistakes": self.tally.mistakes.iter().map(|mistake| mistake.words().en).collect::<Vec<_>>(),
            "unknown_columns": self.tally.unknown,
            "derived_columns": self.tally.derived,
            "points_without_data": self.silent,
            "result": part(self),
            "compared": other.map(part),
            "unmet": expectations.map(|these| these.unmet().into_iter().map(|text| text.en).collect::<Vec<_>>()),
        })
    }
}

/// Hours, minutes and seconds.
pub(super) fn span(ms: i64) -> String {
    let seconds = Duration::from_millis(u64::try_from(ms).unwrap_or(0)).as_secs();
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn line(record: &Record, language: Language) -> String {
    format!(
        "{:>6} {}  {:>10}  {} {:>9}",
        record.raised,
        language.pick("次", "times"),
        span(record.total_ms),
        language.pick("最长", "longest"),
        span(record.longest_ms)
    )
}

/// What is wrong with how the alarm came.
pub(super) fn marks(record: &Record, language: Language) -> String {
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
