//! `hazgate store export`: the journal or the telemetry, as CSV or JSON lines, in the order in which it was written.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use anyhow::Context as _;
use hazgate::model::{Event, Wall};
use hazgate::store::{Archive, Recorded, RowReading, StoreError};
use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::args::{ExportArgs, Format, What};
use super::{Place, progress, refused};
use crate::cli::args::Language;

const EVENT_COLUMNS: [&str; 19] = [
    "seq",
    "id",
    "at",
    "event",
    "alarm",
    "state",
    "level",
    "value",
    "limit",
    "unit",
    "quality",
    "point",
    "device",
    "hazard",
    "message_zh",
    "message_en",
    "raised_at",
    "by",
    "reason",
];
const READING_COLUMNS: [&str; 4] = ["time", "point", "value", "quality"];

/// Writes it.
pub(super) fn export(args: &ExportArgs) -> anyhow::Result<ExitCode> {
    let place = Place::find(&args.site)?;
    let out: Box<dyn Write> = match &args.output {
        Some(path) => Box::new(File::create(path).with_context(|| path.display().to_string())?),
        None => Box::new(io::stdout().lock()),
    };
    let sheet = match args.format {
        Format::Csv => Sheet::Csv(Box::new(csv::Writer::from_writer(BufWriter::new(out)))),
        Format::Jsonl => Sheet::Lines(BufWriter::new(out)),
    };
    let bar = if args.output.is_some() { progress() } else { ProgressBar::hidden() };
    let mut export = Export { args, place, sheet, bar };
    match args.what {
        What::Events => export.events()?,
        What::Telemetry => export.telemetry()?,
    }
    export.bar.finish_and_clear();
    export.sheet.finish()?;
    Ok(ExitCode::SUCCESS)
}

struct Export<'a> {
    args: &'a ExportArgs,
    place: Place,
    sheet: Sheet,
    bar: ProgressBar,
}

impl Export<'_> {
    fn events(&mut self) -> anyhow::Result<()> {
        let mut archive = Archive::open(&self.place.directory).map_err(|error| said(&error))?;
        let last = archive.summary().map_err(|error| said(&error))?.events.last;
        self.sheet.begin(&EVENT_COLUMNS)?;
        let mut after = 0;
        loop {
            let events = archive.events(after).map_err(|error| said(&error))?;
            let Some(newest) = events.last().map(|event| event.seq) else { return Ok(()) };
            for event in events.iter().filter(|event| event.seq <= last) {
                let what = &event.transition;
                if self.is_wanted(what.at.wall, what.point.as_deref()) {
                    self.event(event)?;
                }
            }
            after = newest;
            self.bar.set_message(after.to_string());
        }
    }

    fn event(&mut self, event: &Event) -> anyhow::Result<()> {
        let object = serde_json::to_value(event)?;
        match &mut self.sheet {
            Sheet::Lines(out) => writeln!(out, "{object}")?,
            Sheet::Csv(out) => {
                let field = |name: &str| match name.split_once('_') {
                    Some(("message", language)) => text(&object["message"][language]),
                    _ => text(&object[name]),
                };
                out.write_record(EVENT_COLUMNS.map(field)).map_err(io::Error::from)?;
            }
        }
        Ok(())
    }

    fn telemetry(&mut self) -> anyhow::Result<()> {
        let mut recorded = Recorded::open(&self.place.directory, None).map_err(|error| said(&error))?;
        self.sheet.begin(&READING_COLUMNS)?;
        loop {
            let rows = recorded.next_rows().map_err(|error| said(&error))?;
            let Some(newest) = rows.last() else { return Ok(()) };
            self.bar.set_message(self.place.stamp(newest.at));
            for row in &rows {
                for reading in &row.readings {
                    if self.is_wanted(reading.at, Some(&reading.point)) {
                        self.reading(&row.device, reading)?;
                    }
                }
            }
        }
    }

    fn reading(&mut self, device: &str, reading: &RowReading) -> anyhow::Result<()> {
        let (at, quality) = (self.place.stamp(reading.at), reading.sample.quality().to_string());
        let value = reading.sample.value();
        match &mut self.sheet {
            Sheet::Lines(out) => {
                let object = json!({"at": at, "device": device, "point": &*reading.point, "value": value, "quality": quality});
                writeln!(out, "{object}")?;
            }
            Sheet::Csv(out) => {
                let value = value.map(|value| value.to_string()).unwrap_or_default();
                out.write_record([&at, &*reading.point, &value, &quality]).map_err(io::Error::from)?;
            }
        }
        Ok(())
    }

    fn is_wanted(&self, at: Wall, point: Option<&str>) -> bool {
        let ExportArgs { from, to, point: points, .. } = self.args;
        from.is_none_or(|from| at.0 >= from.as_millisecond())
            && to.is_none_or(|to| at.0 < to.as_millisecond())
            && (points.is_empty() || points.iter().any(|wanted| Some(&**wanted) == point))
    }
}

/// What is written to.
enum Sheet {
    Csv(Box<csv::Writer<BufWriter<Box<dyn Write>>>>),
    Lines(BufWriter<Box<dyn Write>>),
}

impl Sheet {
    fn begin(&mut self, columns: &[&str]) -> anyhow::Result<()> {
        if let Self::Csv(out) = self {
            out.write_record(columns).map_err(io::Error::from)?;
        }
        Ok(())
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Csv(mut out) => out.flush(),
            Self::Lines(mut out) => out.flush(),
        }
    }
}

/// A value as it stands in a cell.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn said(error: &StoreError) -> anyhow::Error {
    refused(error, Language::choose(None))
}
