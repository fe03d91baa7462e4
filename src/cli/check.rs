//! `hazgate check` and `hazgate schema`: a site file held against the rules, and the rules themselves.

use std::io::Write as _;
use std::process::ExitCode;

use hazgate::site::{self, LeftOut, ProcessEnvironment};

use super::EXIT_MISTAKES;
use super::args::CheckArgs;

/// Says what a site file holds, or every mistake in it.
pub(crate) fn check(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    match site::load(&args.site, &ProcessEnvironment) {
        Ok(_) if args.json => writeln!(out, "[]")?,
        Ok(site) => {
            writeln!(
                out,
                "{}: {} hazards, {} devices on {} links, {} points, {} rules, {} destinations. No mistakes.",
                args.site.display(),
                site.hazards.len(),
                site.devices.len(),
                site.links.len(),
                site.points.len(),
                site.rules.len(),
                site.forwarders.len(),
            )?;
            for LeftOut { pack, rule, lacks } in &site.left_out {
                let lacks = lacks.join(", ");
                writeln!(
                    out,
                    "Not made: `{rule}` of pack `{pack}`, for want of a point with the role {lacks}."
                )?;
            }
        }
        Err(mistakes) if args.json => {
            writeln!(out, "{:#}", mistakes.to_json())?;
            return Ok(ExitCode::from(EXIT_MISTAKES));
        }
        Err(mistakes) => return Err(mistakes.into()),
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the site file's JSON Schema.
pub(crate) fn schema() -> anyhow::Result<ExitCode> {
    writeln!(std::io::stdout().lock(), "{:#}", site::schema())?;
    Ok(ExitCode::SUCCESS)
}
