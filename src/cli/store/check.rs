//! `hazgate store verify` and `hazgate store repair`.

use std::io::{self, Write};
use std::process::ExitCode;

use hazgate::clock::Clock;
use hazgate::model::Text;
use hazgate::store;
use serde_json::json;

use super::args::PlaceArgs;
use super::{Place, progress, refused};
use crate::cli::args::Language;

/// Says whether the database is whole; exit code 1 if it is not.
pub(super) fn verify(args: &PlaceArgs) -> anyhow::Result<ExitCode> {
    let language = Language::choose(args.lang);
    let place = Place::find(&args.site)?;
    let bar = progress();
    let damages = store::verify(&place.directory, |entries| bar.set_message(entries.to_string()));
    bar.finish_and_clear();
    let damages = damages.map_err(|error| refused(&error, language))?;
    let mut out = io::stdout().lock();
    if args.json {
        writeln!(out, "{:#}", json!({"directory": place.directory, "damages": damages}))?;
    } else if damages.is_empty() {
        writeln!(out, "{}: {}", place.directory.display(), language.pick("完好", "whole"))?;
    } else {
        tell(&mut out, &damages, language)?;
        writeln!(
            out,
            "{}",
            language.pick(
                "请停止网关后运行 hazgate store repair",
                "stop the gateway and run hazgate store repair"
            )
        )?;
    }
    Ok(if damages.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Mends what can be mended.
pub(super) fn repair(args: &PlaceArgs) -> anyhow::Result<ExitCode> {
    let language = Language::choose(args.lang);
    let place = Place::find(&args.site)?;
    let bar = progress();
    let now = Clock::start().now().wall;
    let mended = store::repair(&place.directory, now, |entries| bar.set_message(entries.to_string()));
    bar.finish_and_clear();
    let mended = mended.map_err(|error| refused(&error, language))?;
    let mut out = io::stdout().lock();
    if args.json {
        let told = json!({
            "directory": place.directory, "damages": mended.damages, "from": mended.from, "events": mended.events, "rows": mended.rows,
        });
        writeln!(out, "{told:#}")?;
        return Ok(ExitCode::SUCCESS);
    }
    tell(&mut out, &mended.damages, language)?;
    if mended.from.is_empty() {
        writeln!(
            out,
            "{}: {}",
            place.directory.display(),
            language.pick("完好，无需修复", "whole, nothing to mend")
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    let (events, rows) = (mended.events, mended.rows);
    let told = match language {
        Language::Zh => format!("已恢复 {events} 条报警事件、{rows} 行监测数据；原数据库保留为："),
        Language::En => {
            format!("brought back {events} events and {rows} rows; what they came from is kept as:")
        }
    };
    writeln!(out, "{told}")?;
    mended.from.iter().try_for_each(|path| writeln!(out, "  {}", path.display()))?;
    Ok(ExitCode::SUCCESS)
}

fn tell(out: &mut impl Write, damages: &[Text], language: Language) -> io::Result<()> {
    damages.iter().try_for_each(|damage| writeln!(out, "{}", language.of(damage)))
}
