//! What can be typed. The texts here are the reference that `--help` shows.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use hazgate::recorded::{Mapping, TimeFormat};

use super::fleet::FleetArgs;
use super::probe::args::ProbeArgs;
use super::store::args::StoreArgs;

/// Hazgate, the risk-monitoring gateway for high-hazard sites. 高危场所风险监测网关
#[derive(Debug, Parser)]
#[command(
    name = "hazgate",
    version,
    after_help = "Exit codes: 0 done, 1 failed, 2 a site file with mistakes or a wrong command line.\n\
                  HAZGATE_LOG sets what is logged (error, warn, info, debug)."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Everything in one process on loopback: simulated plant, broker, gateway, console
    #[cfg(feature = "broker")]
    Demo(DemoArgs),
    /// The daemon: watch the site that SITE describes
    Run(RunArgs),
    /// Check a site file: every mistake with its place and what would be right
    Check(CheckArgs),
    /// Serve the devices of SITE, with process models behind them, for the gateway to read
    Simulate(SimulateArgs),
    /// A centre's view: the alarms that arrive at BROKER, live
    Watch(WatchArgs),
    /// Many whole gateways with simulated devices in one process, to try a centre with
    Fleet(FleetArgs),
    /// What a site's rules would have said to recorded data: which alarms, how often, how long
    Replay(Box<ReplayArgs>),
    /// Ask Modbus devices by hand: read, scan, watch, find the byte order
    Probe(Box<ProbeArgs>),
    /// What a gateway has kept: list it, check it, take it out, mend it
    Store(StoreArgs),
    /// Print the JSON Schema of the site file, for editors
    Schema,
}

#[cfg(feature = "broker")]
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  hazgate demo\n  hazgate demo --duration 60s --lang zh")]
pub(crate) struct DemoArgs {
    /// End by itself after this long, with a summary (as 60s, 5min); the exit code is 1 if no alarm was delivered
    #[arg(long, value_parser = duration)]
    pub(crate) duration: Option<Duration>,
    /// Language of the alarms' texts; by default that of the environment
    #[arg(long)]
    pub(crate) lang: Option<Language>,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  hazgate run /etc/hazgate/site.toml\n  hazgate run config/demo.toml")]
pub(crate) struct RunArgs {
    /// The site file
    pub(crate) site: PathBuf,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  hazgate check site.toml\n  hazgate check site.toml --json")]
pub(crate) struct CheckArgs {
    /// The site file
    pub(crate) site: PathBuf,
    /// Mistakes as a JSON array
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  hazgate simulate config/demo.toml\n  hazgate simulate site.toml --scenario leak.toml --seed 7\n  \
                  hazgate simulate site.toml --serial /dev/ttyS1=/dev/ttyUSB0\n\n\
                  Without cables: socat pty,raw,echo=0,link=/tmp/bus pty,raw,echo=0,link=/tmp/sim makes a line between two ports; the\n\
                  site file has port = \"/tmp/bus\", and --serial is /tmp/bus=/tmp/sim."
)]
pub(crate) struct SimulateArgs {
    /// The site file whose devices are served, at the addresses it names
    pub(crate) site: PathBuf,
    /// What goes wrong, and when; without it, config/demo.toml's own story where the site has its hazards, else nothing
    #[arg(long)]
    pub(crate) scenario: Option<PathBuf>,
    /// Seed of all randomness: the same seed gives the same signals
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// How much faster than real time the process runs
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    pub(crate) speed: f64,
    /// Serve the site's serial port at the far end of its line, as /dev/ttyS1=/dev/ttyUSB0; may be said again for others
    #[arg(long, value_name = "PORT=PATH", value_parser = far_end)]
    pub(crate) serial: Vec<(String, String)>,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  hazgate replay site.toml --data 2026-10.csv\n  \
                  hazgate replay site.toml --data a.csv b.csv.gz --events\n  \
                  hazgate replay site.toml --history /var/lib/hazgate\n  \
                  hazgate replay site.toml --data week.csv --plot --html week.html\n  \
                  hazgate replay site.toml --data week.csv --compare tighter.toml\n  \
                  hazgate replay site.toml --data leak.csv --expect leak.expect.toml\n\n\
                  Data: CSV with a header; a column of times, and a column for each point (wide) or the columns point, value and, if there is\n\
                  one, quality (long). Exit codes: 0 done, 1 an expectation is not met or the data can't be read, 2 a site file with mistakes.")]
pub(crate) struct ReplayArgs {
    /// The site file whose rules are tried
    pub(crate) site: PathBuf,
    /// Recorded data, each file sorted by time; several are merged
    #[arg(long, required_unless_present = "history", num_args = 1.., value_name = "FILE")]
    pub(crate) data: Vec<PathBuf>,
    /// What a gateway has kept in its data directory; without DIR, in that of SITE. It may go on running
    #[arg(long, conflicts_with_all = ["data", "time_column", "time_format", "midnight_ends_day"], num_args = 0..=1, value_name = "DIR")]
    pub(crate) history: Option<Vec<PathBuf>>,
    #[command(flatten)]
    pub(crate) forms: FormArgs,
    /// Silence after which a point is stale, where the site says less: 1h in files, which are often sparser than polls; in a gateway's
    /// own data what was stale is kept as such
    #[arg(long, value_parser = duration)]
    pub(crate) max_age: Option<Duration>,
    /// Somebody acknowledges every alarm after this long; by default nobody does
    #[arg(long, value_parser = duration)]
    pub(crate) ack_after: Option<Duration>,
    /// List every event; with --json each as a line of JSON, and the result as the last
    #[arg(long)]
    pub(crate) events: bool,
    /// Draw the points that had alarms, in the terminal
    #[arg(long)]
    pub(crate) plot: bool,
    /// Write a page that shows all this, to be opened in a browser; it needs no other file
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// What another site file would have said to the same data, beside it
    #[arg(long, value_name = "SITE")]
    pub(crate) compare: Option<PathBuf>,
    /// What must come, as TOML: [[expect]] alarm, raised, `at_least`, `at_most`, level, after, before
    #[arg(long, value_name = "FILE")]
    pub(crate) expect: Option<PathBuf>,
    /// The result as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Language of the texts; by default that of the environment
    #[arg(long)]
    pub(crate) lang: Option<Language>,
}

/// How recorded data is to be read.
#[derive(Debug, clap::Args)]
pub(crate) struct FormArgs {
    /// Which point a column, or a name in the column `point`, is, and by what its numbers are multiplied; may be said again for others
    #[arg(long, value_name = "COLUMN=POINT[*FACTOR]", value_parser = mapping)]
    pub(crate) map: Vec<Mapping>,
    /// The column of times; by default time, timestamp, ts, at, datetime, date or 时间
    #[arg(long, value_name = "COLUMN")]
    pub(crate) time_column: Option<String>,
    /// How times are written, in the letters of strftime, as "%d/%m/%Y %H:%M"
    #[arg(long, value_name = "FORMAT")]
    pub(crate) time_format: Option<TimeFormat>,
    /// 00:00 is the end of the day that it is dated with, and so the next day's midnight
    #[arg(long)]
    pub(crate) midnight_ends_day: bool,
}

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  hazgate watch mqtt://127.0.0.1:18830\n  hazgate watch mqtt://centre:1883 --username park --password-file pw --json"
)]
pub(crate) struct WatchArgs {
    /// The broker, as mqtt://host:port
    pub(crate) broker: String,
    /// Every message as one JSON line: {"topic": …, "retained": …, "payload": …}
    #[arg(long)]
    pub(crate) json: bool,
    /// End by itself after this long
    #[arg(long, value_parser = duration)]
    pub(crate) duration: Option<Duration>,
    /// User name at the broker
    #[arg(long)]
    pub(crate) username: Option<String>,
    /// File that holds the password; without it, the variable `HAZGATE_WATCH_PASSWORD`
    #[arg(long, requires = "username")]
    pub(crate) password_file: Option<PathBuf>,
    /// Language of the alarms' texts; by default that of the environment
    #[arg(long)]
    pub(crate) lang: Option<Language>,
}

/// A language that alarms are told in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    /// 中文
    Zh,
    /// English
    En,
}

pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    text.parse::<jiff::SignedDuration>()
        .ok()
        .and_then(|parsed| Duration::try_from(parsed).ok())
        .filter(|parsed| !parsed.is_zero())
        .ok_or_else(|| "expected a duration such as 60s, 5min or 1h".to_owned())
}

fn mapping(text: &str) -> Result<Mapping, String> {
    let (column, point) =
        text.rsplit_once('=').ok_or("expected the column and its point, as TI101=tank_plc.temperature")?;
    let (point, factor) = match point.split_once('*') {
        None => (point, 1.0),
        Some((point, factor)) => {
            let number = factor.parse::<f64>().ok().filter(|factor| factor.is_finite());
            (point, number.ok_or("expected a number behind *, as kWh=meter.power*4")?)
        }
    };
    Ok(Mapping { column: column.to_owned(), point: point.to_owned(), factor })
}

fn far_end(text: &str) -> Result<(String, String), String> {
    let ends = text.split_once('=').filter(|(port, path)| port.starts_with('/') && path.starts_with('/'));
    let (port, path) =
        ends.ok_or("expected the site's port and this end's path, as /dev/ttyS1=/dev/ttyUSB0")?;
    Ok((port.to_owned(), path.to_owned()))
}

fn speed(text: &str) -> Result<f64, String> {
    text.parse::<f64>()
        .ok()
        .filter(|speed| (0.1..=1000.0).contains(speed))
        .ok_or_else(|| "expected a number from 0.1 to 1000".to_owned())
}
