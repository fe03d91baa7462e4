//! `hazgate store list`: what is kept, for whom, since when.

use std::io::{self, Write};
use std::process::ExitCode;

use hazgate::model::Wall;
use hazgate::store::{Archive, Destination, Extent, Owed, Refusals, StoreError, Summary};
use serde_json::{Value, json};

use super::args::PlaceArgs;
use super::{Place, refused};
use crate::cli::args::Language;

const MIB: u64 = 1024 * 1024;

/// Says it.
pub(super) fn list(args: &PlaceArgs) -> anyhow::Result<ExitCode> {
    let language = Language::choose(args.lang);
    let place = Place::find(&args.site)?;
    let summary = look(&place).map_err(|error| refused(&error, language))?;
    let mut out = io::stdout().lock();
    if args.json {
        writeln!(out, "{:#}", machine(&place, &summary))?;
    } else {
        people(&mut out, &place, &summary, language)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn look(place: &Place) -> Result<Summary, StoreError> {
    Archive::open(&place.directory)?.summary()
}

fn machine(place: &Place, summary: &Summary) -> Value {
    let stamp = |at: Wall| place.stamp(at);
    let extent = |extent: &Extent| json!({"count": extent.count, "last": extent.last, "from": extent.span.map(|(from, _)| stamp(from)), "to": extent.span.map(|(_, to)| stamp(to))});
    let owed = |owed: &Owed| json!({"count": owed.count, "since": owed.since.map(stamp)});
    let refused = |it: &Refusals| json!({"count": it.count, "first": it.first.as_ref().map(|(event, _)| event), "why": it.first.as_ref().map(|(_, why)| why)});
    let destination = |it: &Destination| json!({"name": it.name, "events": owed(&it.events), "telemetry": owed(&it.telemetry), "given_up": it.given_up, "refused": refused(&it.refused)});
    let aside = |(path, bytes): &(std::path::PathBuf, u64)| json!({"path": path, "bytes": bytes});
    json!({
        "directory": place.directory,
        "disk_bytes": summary.disk_bytes,
        "telemetry_bytes": summary.telemetry_bytes,
        "telemetry_bytes_max": place.budget,
        "events": extent(&summary.events),
        "standing": summary.standing,
        "telemetry": extent(&summary.telemetry),
        "destinations": summary.destinations.iter().map(destination).collect::<Vec<_>>(),
        "set_aside": summary.set_aside.iter().map(aside).collect::<Vec<_>>(),
    })
}

fn people(out: &mut impl Write, place: &Place, summary: &Summary, language: Language) -> io::Result<()> {
    let pick = |zh: &'static str, en: &'static str| language.pick(zh, en);
    let span = |extent: &Extent| match extent.span {
        Some((from, to)) => format!("{} … {}", place.stamp(from), place.stamp(to)),
        None => pick("无", "none").to_owned(),
    };
    let (directory, disk) = (place.directory.display(), mib(summary.disk_bytes));
    writeln!(out, "{directory}  {disk}")?;
    let events = &summary.events;
    writeln!(out, "{}  {:>12}  {}", pick("报警事件", "events   "), events.count, span(events))?;
    writeln!(out, "{}  {:>12}", pick("当前报警", "standing "), summary.standing)?;
    let (rows, taken) = (&summary.telemetry, mib(summary.telemetry_bytes));
    let of = place.budget.map(|budget| format!(" / {}", mib(budget))).unwrap_or_default();
    writeln!(out, "{}  {:>12}  {}  {taken}{of}", pick("监测数据", "telemetry"), rows.count, span(rows))?;
    for it in &summary.destinations {
        let owed = |owed: &Owed, zh, en| {
            let since = owed.since.map(|at| match language {
                Language::Zh => format!("（自 {} 起）", place.stamp(at)),
                Language::En => format!(" (since {})", place.stamp(at)),
            });
            format!("{} {}{}", owed.count, pick(zh, en), since.unwrap_or_default())
        };
        let (events, rows) = (
            owed(&it.events, "条事件待上传", "events owed"),
            owed(&it.telemetry, "行数据待上传", "rows owed"),
        );
        let given_up = pick("个读数已放弃", "readings given up");
        writeln!(out, "  → {}  {events}, {rows}, {} {given_up}", it.name, it.given_up)?;
        if let Some((event, why)) = &it.refused.first {
            let count = it.refused.count;
            let words = match language {
                Language::Zh => format!("拒收 {count} 条事件，定期重发；首条为第 {event} 号：{why}"),
                Language::En => {
                    format!("{count} events refused and tried again, the first of them event {event}: {why}")
                }
            };
            writeln!(out, "    ! {words}")?;
        }
    }
    for (path, bytes) in &summary.set_aside {
        let words = pick("无法读取而移开的数据库", "set aside, unreadable");
        writeln!(out, "  ! {words}: {} {}", path.display(), mib(*bytes))?;
    }
    Ok(())
}

fn mib(bytes: u64) -> String {
    format!("{}.{} MiB", bytes / MIB, bytes % MIB * 10 / MIB)
}
