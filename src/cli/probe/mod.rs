//! `hazgate probe`: the bench tool of whoever commissions a gateway. It asks devices over the same session, guard and decoder
//! that the gateway reads with, and never writes.

mod advice;
pub(crate) mod args;
mod face;
mod line;
mod order;
mod place;
mod proposal;
mod read;
mod scan;
mod site;
mod table;
mod target;
mod watch;

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use hazgate::acquire::modbus::probe::{Probe, Trouble, TroubleKind};
use hazgate::clock::Clock;
use hazgate::site::LinkKind;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use self::args::{ProbeArgs, ProbeCommand};
use super::EXIT_MISTAKES;
use super::args::Language;

/// An argument that is wrong in a way that only shows together with the others.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct WrongArgument(String);

/// Asks what was typed.
pub(crate) async fn probe(args: ProbeArgs) -> anyhow::Result<ExitCode> {
    super::log_to(io::stderr, "error", super::is_terminal());
    let stop = super::stop_at_signal()?;
    let asked = async {
        match args.command {
            ProbeCommand::Read(args) => until(&stop, read::read(args)).await,
            ProbeCommand::Order(args) => until(&stop, order::order(args)).await,
            ProbeCommand::Scan(args) => scan::scan(args, &stop).await,
            ProbeCommand::Watch(args) => watch::watch(args, &stop).await,
        }
    };
    match asked.await {
        Err(error) if error.is::<WrongArgument>() => {
            super::complain(&format!("hazgate: {error}\n\nhazgate probe --help shows what can be written."));
            Ok(ExitCode::from(EXIT_MISTAKES))
        }
        answered => answered,
    }
}

/// Does `work` unless it is told to stop first.
async fn until(
    stop: &CancellationToken,
    work: impl Future<Output = anyhow::Result<ExitCode>>,
) -> anyhow::Result<ExitCode> {
    stop.run_until_cancelled(work).await.unwrap_or(Ok(ExitCode::FAILURE))
}

/// Makes an error of what is wrong with an argument.
fn wrong(words: impl Into<String>) -> anyhow::Error {
    WrongArgument(words.into()).into()
}

/// A hand on a link.
fn hand(link: &LinkKind, timeout: Duration, clock: Clock) -> anyhow::Result<Probe> {
    Probe::new(link, timeout, clock).context("not a Modbus link")
}

/// Whom a question went to, for what is said when no answer came.
#[derive(Debug, Clone, Copy)]
struct Asked<'a> {
    /// The address as typed or as the site file has it.
    at: &'a str,
    /// How it is spoken to.
    link: &'a LinkKind,
    /// The unit.
    unit: u8,
    language: Language,
    json: bool,
}

impl Asked<'_> {
    /// Says why there is no answer, and what to look at.
    fn unanswered(self, trouble: &Trouble) -> anyhow::Result<ExitCode> {
        if self.json {
            let error = json!({ "target": self.at, "unit": self.unit, "error": error(trouble) });
            put(&[format!("{error:#}")])?;
            return Ok(ExitCode::FAILURE);
        }
        let unit = self.language.pick("单元", "unit");
        let words = self.language.of(&trouble.words);
        let mut lines = vec![match trouble.kind {
            TroubleKind::Unreachable => format!("hazgate: {words}"),
            _ => format!("hazgate: {}, {unit} {}: {words}", self.at, self.unit),
        }];
        let hints = advice::hints(trouble.kind, self.link);
        lines.extend(hints.iter().map(|hint| format!("  · {}", self.language.of(hint))));
        super::complain(&lines.join("\n"));
        Ok(ExitCode::FAILURE)
    }
}

/// A trouble for machines.
fn error(trouble: &Trouble) -> Value {
    let kind = match trouble.kind {
        TroubleKind::Refused(code) => {
            return json!({ "kind": "refused", "exception": code, "words": trouble.words });
        }
        TroubleKind::Silent => "silent",
        TroubleKind::Lost => "lost",
        TroubleKind::Garbled => "garbled",
        TroubleKind::Unreachable => "unreachable",
    };
    json!({ "kind": kind, "words": trouble.words })
}

/// Writes lines to standard output.
fn put(lines: &[String]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    lines.iter().try_for_each(|line| writeln!(out, "{line}"))
}

/// A short time for people.
fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}
