//! What can be typed after `hazgate store`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::cli::args::Language;

#[derive(Debug, Args)]
pub(crate) struct StoreArgs {
    #[command(subcommand)]
    pub(crate) command: StoreCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// What is kept, for whom, since when, and how much of the disk it takes
    #[command(
        after_help = "Examples:\n  hazgate store list site.toml\n  hazgate store list /var/lib/hazgate --json\n\n\
                            Reads only; the gateway may run meanwhile. Exit codes: 0 done, 1 failed, 2 a site file with mistakes."
    )]
    List(PlaceArgs),
    /// Check every page, event, row and cursor
    #[command(
        after_help = "Examples:\n  hazgate store verify site.toml\n  hazgate store verify site.toml --json\n\n\
                            Reads only; the gateway may run meanwhile. Exit codes: 0 whole, 1 damaged or failed, 2 a site file with mistakes."
    )]
    Verify(PlaceArgs),
    /// Take out alarm events or telemetry, as CSV or JSON lines
    #[command(after_help = "Examples:\n  hazgate store export site.toml events > journal.csv\n  \
                            hazgate store export site.toml telemetry --from 2026-11-21T00:00:00+08:00 --point tank_plc.level\n  \
                            hazgate store export site.toml telemetry --format jsonl --output week.jsonl\n\n\
                            Reads only; the gateway may run meanwhile. What comes in while it reads is not in it. `hazgate replay --data` reads the\n\
                            telemetry's CSV. Exit codes: 0 done, 1 failed, 2 a site file with mistakes.")]
    Export(ExportArgs),
    /// What the meters say of a day or a month: energy, demand, hours of running, states, anomalies
    #[command(after_help = "Examples:\n  hazgate store power-report site.toml\n  \
                            hazgate store power-report site.toml --day 2026-11-21 --format html --output day.html\n  \
                            hazgate store power-report site.toml --month 2026-11 --format csv --table shifts\n\n\
                            Reads only; the gateway may run meanwhile. Days that the gateway has reported are told as it did, others as far as the store\n\
                            still holds them. Print the page with a browser, also to PDF. Exit codes: 0 done, 1 failed, 2 a site file with mistakes.")]
    PowerReport(PowerReportArgs),
    /// Mend what can be mended, while no gateway runs
    #[command(after_help = "Example:\n  hazgate store repair site.toml\n\n\
                            A damaged database is set aside and what can be read of it goes into a new one. Events of databases that the gateway has set\n\
                            aside itself come back into the journal, and destinations are told what they had yet to be told. Nothing is deleted.\n\
                            Exit codes: 0 mended or nothing to mend, 1 failed (as while a gateway runs), 2 a site file with mistakes.")]
    Repair(PlaceArgs),
}

#[derive(Debug, Args)]
pub(crate) struct PlaceArgs {
    /// The site file, or a data directory
    pub(crate) site: PathBuf,
    /// The result as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Language of the texts; by default that of the environment
    #[arg(long)]
    pub(crate) lang: Option<Language>,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The site file, or a data directory
    pub(crate) site: PathBuf,
    /// What is taken out
    pub(crate) what: What,
    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    pub(crate) format: Format,
    /// Nothing stamped before this time, as 2026-11-21T00:00:00+08:00
    #[arg(long)]
    pub(crate) from: Option<Timestamp>,
    /// Nothing stamped at or after this time
    #[arg(long)]
    pub(crate) to: Option<Timestamp>,
    /// Only this point, as device.signal; may be said again for others
    #[arg(long, value_name = "POINT")]
    pub(crate) point: Vec<String>,
    /// The file to write; by default standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct PowerReportArgs {
    /// The site file
    pub(crate) site: PathBuf,
    /// A day, at the site; by default yesterday
    #[arg(long, value_name = "DAY", conflicts_with = "month")]
    pub(crate) day: Option<Date>,
    /// A month, as 2026-11
    #[arg(long, value_name = "MONTH", value_parser = month)]
    pub(crate) month: Option<Date>,
    /// The data directory; by default that of the site
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// How it is written
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub(crate) format: ReportFormat,
    /// Which table, with `--format csv`
    #[arg(long, value_enum, default_value_t = ReportTable::Days)]
    pub(crate) table: ReportTable,
    /// The file to write; by default standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Language of the texts; by default that of the environment
    #[arg(long)]
    pub(crate) lang: Option<Language>,
}

fn month(text: &str) -> Result<Date, String> {
    format!("{text}-01").parse().map_err(|_| "expected a month such as 2026-11".to_owned())
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For a terminal
    Text,
    /// For machines
    Json,
    /// A table, for spreadsheets
    Csv,
    /// A page, for a browser and for paper
    Html,
}

/// What a table has a row for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportTable {
    /// Each line and day
    Days,
    /// Each shift
    Shifts,
    /// Each time in one state
    Timeline,
    /// Each quarter of an hour
    Profile,
    /// Each alarm and warning
    Anomalies,
}

/// What is taken out of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum What {
    /// The journal: every alarm event
    Events,
    /// Readings
    Telemetry,
}

/// How it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Comma-separated values with a header
    Csv,
    /// One JSON object a line
    Jsonl,
}
