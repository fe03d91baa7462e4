//! The command line: what can be typed, one file for each command, exit codes, logging. Nothing else lives here.

mod args;
#[cfg_attr(not(feature = "broker"), expect(dead_code, reason = "only the demo needs all of it"))]
mod bench;
#[cfg_attr(not(feature = "broker"), expect(dead_code, reason = "only the demo needs all of it"))]
mod centre;
mod check;
#[cfg(feature = "broker")]
mod demo;
mod fleet;
#[cfg_attr(not(feature = "broker"), expect(dead_code, reason = "only the demo needs all of it"))]
mod language;
mod probe;
mod replay;
mod run;
#[cfg(feature = "broker")]
mod screen;
mod simulate;
mod store;
mod watch;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser as _;
use hazgate::site::{self, Mistakes, ProcessEnvironment, Site};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use args::{Args, Command};

/// What a failed command exits with: 1, but 2 for a site file with mistakes.
const EXIT_MISTAKES: u8 = 2;

/// The variable that says what is logged.
const LOG_VARIABLE: &str = "HAZGATE_LOG";
/// Threads for what may wait for the disk: database reads, name look-ups.
const BLOCKING_THREADS_MAX: usize = 16;
/// How long threads that are still at work may hold up the end of the program.
const RUNTIME_STOP_MAX: Duration = Duration::from_millis(500);

/// Runs the command that was typed.
pub(crate) fn main() -> ExitCode {
    let args = Args::parse();
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        complain("hazgate: another TLS provider was installed first");
        return ExitCode::FAILURE;
    }
    match dispatch(args) {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

/// Says what went wrong, and with which exit code the program ends.
fn fail(error: &anyhow::Error) -> ExitCode {
    if let Some(mistakes) = error.downcast_ref::<Mistakes>() {
        complain(mistakes.render(is_terminal()).trim_end());
        return ExitCode::from(EXIT_MISTAKES);
    }
    let gone = |io: &std::io::Error| io.kind() == std::io::ErrorKind::BrokenPipe;
    if error.downcast_ref().is_some_and(gone) {
        // Whoever read our output has gone away: nothing left to say, and nobody to say it to.
        return ExitCode::SUCCESS;
    }
    complain(&format!("hazgate: {}", causes(error)));
    ExitCode::FAILURE
}

/// An error and its causes, each said once.
fn causes(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |told, cause| match told {
        told if told.is_empty() => cause,
        told if told.contains(&cause) => told,
        told => format!("{told}: {cause}"),
    })
}

/// Says something on standard error; nobody may be there to read it.
fn complain(text: &str) {
    writeln!(std::io::stderr(), "{text}").unwrap_or_default();
}

fn dispatch(args: Args) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Check(args) => check::check(&args),
        Command::Schema => check::schema(),
        Command::Replay(args) => replay::replay(&args),
        Command::Store(args) => store::store(args),
        Command::Run(args) => asynchronous(run::run(args)),
        Command::Simulate(args) => asynchronous(simulate::simulate(args)),
        Command::Watch(args) => asynchronous(watch::watch(args)),
        Command::Fleet(args) => asynchronous(fleet::fleet(args)),
        Command::Probe(args) => asynchronous(probe::probe(*args)),
        #[cfg(feature = "broker")]
        Command::Demo(args) => asynchronous(demo::demo(args)),
    }
}

fn asynchronous(command: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .build()
        .context("the runtime did not start")?;
    let result = runtime.block_on(command);
    // A read from a disk that hangs must not keep the program.
    runtime.shutdown_timeout(RUNTIME_STOP_MAX);
    result
}

/// Reads and checks a site file; its mistakes become exit code 2.
fn load(path: &Path) -> anyhow::Result<Site> {
    site::load(path, &ProcessEnvironment).map_err(anyhow::Error::new)
}

/// Logs to `writer`: `HAZGATE_LOG` says what (as `info`, `hazgate=debug`), `default` where it does not.
fn log_to<W>(writer: W, default: &str, ansi: bool)
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let wanted = std::env::var(LOG_VARIABLE).unwrap_or_default();
    let filter =
        EnvFilter::try_new(if wanted.is_empty() { default } else { &wanted }).unwrap_or_else(|error| {
            complain(&format!("hazgate: {LOG_VARIABLE} is not understood ({error}): logging `{default}`"));
            EnvFilter::new(default)
        });
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(ansi).init();
}

fn is_terminal() -> bool {
    std::io::IsTerminal::is_terminal(&std::io::stderr())
}

/// A token that is cancelled at Ctrl-C or SIGTERM; a second signal ends the process at once.
fn stop_at_signal() -> anyhow::Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let stop = CancellationToken::new();
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let token = stop.clone();
    tokio::spawn(async move {
        for _ in 0..2 {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if token.is_cancelled() {
                std::process::exit(130);
            }
            token.cancel();
        }
    });
    Ok(stop)
}
