//! `hazgate probe watch URL UNIT REGISTER`: a block again and again, what changes in it, and how well the device answers.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use console::Term;
use hazgate::acquire::modbus::probe::{Contents, Probe, Trouble};
use hazgate::clock::Clock;
use hazgate::model::limits::PROBE_LATENCIES_MAX;
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use super::args::WatchArgs;
use super::place::{Block, reference};
use super::table::{Cell, Table};
use super::{Asked, face, hand, milliseconds, put, wrong};
use crate::cli::args::Language;

/// Looks until it is told to stop.
pub(super) async fn watch(mut args: WatchArgs, stop: &CancellationToken) -> anyhow::Result<ExitCode> {
    args.url = args.line.on(args.url)?;
    let block = args.register.block(args.addressing.base, args.count).map_err(wrong)?;
    let clock = Clock::start();
    let probe = hand(&args.url.link, args.common.timeout, clock)?;
    let mut probe = probe.with_block_max(args.addressing.block);
    let language = Language::choose(args.common.lang);
    let term = Some(Term::buffered_stdout()).filter(|term| term.is_term() && !args.common.json);
    let duration = args.duration;
    let mut view = View { args, block, language, term, drawn: 0, seen: Vec::new(), tally: Tally::default() };
    let end = async {
        match duration {
            Some(duration) => sleep(duration).await,
            None => std::future::pending().await,
        }
    };
    let looking = view.look(&mut probe, clock);
    let ended = tokio::select! {
        looked = looking => looked,
        () = stop.cancelled() => Ok(()),
        () = end => Ok(()),
    };
    ended?;
    view.conclude()
}

/// Counts of what came, and how long it took.
#[derive(Debug, Default)]
struct Tally {
    answers: u64,
    failures: u64,
    changes: u64,
    last_failure: Option<Trouble>,
    /// Of the last answers.
    latencies: Vec<Duration>,
}

impl Tally {
    fn answered(&mut self, took: Duration) {
        let at = (self.answers as usize) % PROBE_LATENCIES_MAX;
        self.answers += 1;
        match self.latencies.get_mut(at) {
            Some(place) => *place = took,
            None => self.latencies.push(took),
        }
    }

    /// Shortest, median and longest of the last answers.
    fn latency(&self) -> Option<[Duration; 3]> {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        Some([*sorted.first()?, *sorted.get(sorted.len() / 2)?, *sorted.last()?])
    }

    fn line(&self, language: Language) -> String {
        let Self { answers, failures, changes, .. } = self;
        let line = match language {
            Language::Zh => format!("应答 {answers}  失败 {failures}  变化 {changes}"),
            Language::En => format!("answers {answers}  failures {failures}  changes {changes}"),
        };
        let Some([min, median, max]) = self.latency().map(|all| all.map(milliseconds)) else { return line };
        let words = language.pick("往返 最短/中位/最长", "round trip min/median/max");
        format!("{line}  {words} {min} / {median} / {max}")
    }
}

/// What was last seen at an address.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    value: Option<u16>,
    changed: bool,
    changes: u64,
}

/// What is on the terminal.
struct View {
    args: WatchArgs,
    block: Block,
    language: Language,
    /// Where the block is drawn over itself; none where what changes is written line by line.
    term: Option<Term>,
    /// Lines of the last drawing.
    drawn: usize,
    seen: Vec<Seen>,
    tally: Tally,
}

impl View {
    async fn look(&mut self, probe: &mut Probe, clock: Clock) -> io::Result<()> {
        let mut ticks = interval(self.args.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            ticks.tick().await;
            let read = probe.read(self.args.unit, self.block.table, self.block.addresses.clone()).await;
            let at = clock.now();
            let stamp = at.wall.stamp(&jiff::tz::TimeZone::UTC).to_string();
            match read {
                Ok(contents) => self.answered(&contents, &stamp, at.mono.since_start())?,
                Err(trouble) => self.failed(trouble, &stamp, at.mono.since_start())?,
            }
        }
    }

    fn answered(&mut self, contents: &Contents, stamp: &str, since: Duration) -> io::Result<()> {
        let first = self.seen.is_empty();
        self.seen.resize(contents.values.len(), Seen::default());
        for (seen, value) in self.seen.iter_mut().zip(&contents.values) {
            seen.changed = !first && seen.value != *value;
            seen.changes += u64::from(seen.changed);
            seen.value = *value;
        }
        self.tally.answered(contents.took);
        self.tally.changes += self.seen.iter().filter(|seen| seen.changed).count() as u64;
        self.tally.last_failure = None;
        if self.args.common.json {
            return put(&[self.json(contents, stamp).to_string()]);
        }
        if self.term.is_some() {
            return self.draw(since);
        }
        put(&if first { self.table(usize::MAX) } else { self.changed(since) })
    }

    fn failed(&mut self, trouble: Trouble, stamp: &str, since: Duration) -> io::Result<()> {
        self.tally.failures += 1;
        let words = self.language.of(&trouble.words).to_owned();
        let line = json!({ "at": stamp, "ok": false, "error": super::error(&trouble) });
        self.tally.last_failure = Some(trouble);
        if self.args.common.json {
            return put(&[line.to_string()]);
        }
        if self.term.is_some() {
            return self.draw(since);
        }
        put(&[format!("{}  {words}", clock_face(since))])
    }

    fn json(&self, contents: &Contents, stamp: &str) -> Value {
        let addresses = self.block.addresses.clone().zip(&self.seen);
        let changed: Vec<u32> = addresses.filter(|(_, seen)| seen.changed).map(|(at, _)| at).collect();
        json!({
            "at": stamp,
            "ok": true,
            "took_ms": contents.took.as_secs_f64() * 1000.0,
            "first": self.block.addresses.start,
            "values": contents.values,
            "changed": changed,
        })
    }

    /// The block as it is, in at most `rows_max` rows.
    fn table(&self, rows_max: usize) -> Vec<String> {
        let wide = self.args.wide.filter(|_| !self.block.is_bits());
        let order = letters_of(&self.args);
        let mut headings = match (self.language, self.block.is_bits()) {
            (Language::Zh, true) => vec!["地址", "编号", "位"],
            (Language::En, true) => vec!["addr", "ref", "bit"],
            (Language::Zh, false) => vec!["地址", "编号", "hex", "u16", "i16"],
            (Language::En, false) => vec!["addr", "ref", "hex", "u16", "i16"],
        };
        headings.extend(wide.map(|_| order.as_str()));
        headings.push(self.language.pick("变化次数", "changes"));
        let mut table = Table::new(headings, 0);
        for at in 0..self.seen.len().min(rows_max) {
            table.row(self.row(at));
        }
        let mut lines = table.lines();
        if let Some(more) = self.seen.len().checked_sub(rows_max).filter(|more| *more > 0) {
            lines.push(match self.language {
                Language::Zh => format!("另有 {more} 个地址：放大窗口或减小 --count"),
                Language::En => format!("{more} more: enlarge the window, or ask for a smaller --count"),
            });
        }
        lines
    }

    fn row(&self, at: usize) -> Vec<Cell> {
        let seen = self.seen[at];
        let address = self.block.addresses.start + at as u32;
        let shown = |text: String| if seen.changed { Cell::bold(text) } else { Cell::new(text) };
        let mut row = vec![
            Cell::new((address + self.args.addressing.base).to_string()),
            Cell::dim(reference(self.block.table, address)),
        ];
        match (seen.value, self.block.is_bits()) {
            (Some(bit), true) => row.push(shown(bit.to_string())),
            (None, true) => row.push(Cell::dim("—")),
            (Some(word), false) => row.extend([
                shown(format!("{word:04X}")),
                shown(word.to_string()),
                shown(word.cast_signed().to_string()),
            ]),
            (None, false) => row.extend(vec![Cell::dim("—"); 3]),
        }
        if let Some(wide) = self.args.wide.filter(|_| !self.block.is_bits()) {
            let end = at + usize::from(wide.encoding().width());
            let words = self.seen.get(at..end).and_then(|run| run.iter().map(|seen| seen.value).collect());
            let cell = |words: Vec<u16>| face::cell(&words, wide.encoding(), self.args.order.into());
            row.push(words.map_or_else(|| Cell::dim("—"), cell));
        }
        // The mark says without colour what changed at the last look.
        let mark = if seen.changed { "◀" } else { " " };
        row.push(shown(if seen.changes == 0 { String::new() } else { format!("{} {mark}", seen.changes) }));
        row
    }

    /// What changed at the last look, for where nothing can be drawn over.
    fn changed(&self, since: Duration) -> Vec<String> {
        let rows = self.block.addresses.clone().zip(&self.seen).filter(|(_, seen)| seen.changed);
        let line = |(address, seen): (u32, &Seen)| {
            let at = self.block.written(address, self.args.addressing.base);
            let value = seen.value.map_or("—".to_owned(), |value| value.to_string());
            format!("{}  {at}  {value}", clock_face(since))
        };
        rows.map(line).collect()
    }

    /// Draws the block over its last drawing.
    fn draw(&mut self, since: Duration) -> io::Result<()> {
        let Some(term) = &self.term else { return Ok(()) };
        let unit = self.language.pick("单元", "unit");
        let (rows, columns) = term.size();
        let mut lines = vec![format!(
            "{}  {unit} {}  {}  {}",
            self.args.url.url,
            self.args.unit,
            self.block.title(self.args.addressing.base),
            clock_face(since)
        )];
        // Title, headings, the line that says how many more there are, counts, the last failure, the cursor's own.
        lines.extend(self.table(usize::from(rows).saturating_sub(7).max(1)));
        lines.push(self.tally.line(self.language));
        if let Some(trouble) = &self.tally.last_failure {
            lines.push(format!("✗ {}", self.language.of(&trouble.words)));
        }
        term.clear_last_lines(self.drawn)?;
        for line in &lines {
            term.write_line(&console::truncate_str(line, usize::from(columns), "…"))?;
        }
        self.drawn = lines.len();
        term.flush()
    }

    fn conclude(&self) -> anyhow::Result<ExitCode> {
        let Tally { answers, failures, changes, .. } = self.tally;
        if self.args.common.json {
            let latency = self.tally.latency().map(|all| all.map(|time| time.as_secs_f64() * 1000.0));
            let summary =
                json!({ "answers": answers, "failures": failures, "changes": changes, "took_ms": latency });
            put(&[json!({ "summary": summary }).to_string()])?;
        } else if self.term.is_none() {
            put(&[self.tally.line(self.language)])?;
        }
        match &self.tally.last_failure {
            Some(trouble) if answers == 0 && !self.args.common.json => {
                let (at, link) = (self.args.url.url.as_str(), &self.args.url.link);
                let (unit, language) = (self.args.unit, self.language);
                Asked { at, link, unit, language, json: false }.unanswered(trouble)
            }
            _ => Ok(if answers == 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }),
        }
    }
}

fn letters_of(args: &WatchArgs) -> String {
    let name = args.wide.map_or("", |wide| face::type_name(wide.encoding()));
    format!("{name} {}", face::letters(args.order.into()))
}

/// Time since the beginning, as 01:02:03.4.
fn clock_face(since: Duration) -> String {
    let tenths = since.as_millis() / 100;
    let (seconds, tenths) = (tenths / 10, tenths % 10);
    format!("{:02}:{:02}:{:02}.{tenths}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
