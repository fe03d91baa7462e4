//! `hazgate store`: what a gateway has kept, from outside.

pub(crate) mod args;
mod check;
mod export;
mod list;
mod power;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::anyhow;
use hazgate::model::Wall;
use hazgate::store::StoreError;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::tz::TimeZone;

use super::args::Language;
use args::{StoreArgs, StoreCommand};

/// Signs of life a second, on a terminal.
const SIGNS_HZ: u8 = 5;

/// Does what was typed.
pub(crate) fn store(args: StoreArgs) -> anyhow::Result<ExitCode> {
    match args.command {
        StoreCommand::List(args) => list::list(&args),
        StoreCommand::Verify(args) => check::verify(&args),
        StoreCommand::Export(args) => export::export(&args),
        StoreCommand::PowerReport(args) => power::report(&args),
        StoreCommand::Repair(args) => check::repair(&args),
    }
}

/// A data directory, and what is known of whose it is.
struct Place {
    directory: PathBuf,
    zone: TimeZone,
    /// What telemetry may take, bytes.
    budget: Option<u64>,
}

impl Place {
    /// Of a site file, or the directory itself.
    fn find(site: &Path) -> anyhow::Result<Self> {
        if site.is_dir() {
            return Ok(Self { directory: site.to_owned(), zone: TimeZone::system(), budget: None });
        }
        let site = super::load(site)?;
        let (directory, budget) = (site.store.directory, Some(site.store.telemetry_bytes_max));
        Ok(Self { directory, zone: site.identity.zone, budget })
    }

    /// For people and for machines.
    fn stamp(&self, at: Wall) -> String {
        at.stamp(&self.zone).to_string()
    }
}

/// What the store says is wrong, in this language.
fn refused(error: &StoreError, language: Language) -> anyhow::Error {
    anyhow!(language.of(&error.words()).to_owned())
}

/// How far it has come, on a terminal.
fn progress() -> ProgressBar {
    if !super::is_terminal() {
        return ProgressBar::hidden();
    }
    let style =
        ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
    ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(SIGNS_HZ)).with_style(style)
}
