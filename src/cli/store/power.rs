//! `hazgate store power-report`: what the meters say of a day or a month, made from what a gateway has kept.

use std::fs::File;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use hazgate::clock::Clock;
use hazgate::model::Text;
use hazgate::report::csv::{self, Table};
use hazgate::report::{self, Desk, LineDay, LineMonth, ReportError, html};

use super::args::{PowerReportArgs, ReportFormat, ReportTable};
use crate::cli::args::Language;

/// Writes it.
pub(super) fn report(args: &PowerReportArgs) -> anyhow::Result<ExitCode> {
    let language = Language::choose(args.lang);
    let site = Arc::new(crate::cli::load(&args.site)?);
    let directory = args.data.clone().unwrap_or_else(|| site.store.directory.clone());
    let zone = site.identity.zone.clone();
    let (desk, now) = (Desk::of(site, directory), Clock::start().now().wall);
    let refused = |error: ReportError| anyhow!(language.of(&error.words()).to_owned());
    let spoken = if language == Language::Zh { report::Language::Zh } else { report::Language::En };
    let table = |days: &mut dyn Iterator<Item = &LineDay>| csv::write(days, args.table.into(), &zone, spoken);
    let text = if let Some(first) = args.month {
        let month = desk.month(first, now).map_err(refused)?;
        match args.format {
            ReportFormat::Text => of_month(&month.lines, &month.month, &month.site, language),
            ReportFormat::Json => serde_json::to_string_pretty(&month)? + "\n",
            ReportFormat::Csv => table(&mut month.lines.iter().flat_map(|line| &line.days)),
            ReportFormat::Html => html::month(&month, &zone, spoken),
        }
    } else {
        let today = report::day_of(now, &zone);
        let day = desk.day(args.day.unwrap_or(today.yesterday()?), now).map_err(refused)?;
        match args.format {
            ReportFormat::Text => of_day(&day.lines, &day.day, &day.site, language),
            ReportFormat::Json => serde_json::to_string_pretty(&day)? + "\n",
            ReportFormat::Csv => table(&mut day.lines.iter()),
            ReportFormat::Html => html::day(&day, &zone, spoken),
        }
    };
    match &args.output {
        Some(path) => {
            let mut file = File::create(path).with_context(|| path.display().to_string())?;
            file.write_all(text.as_bytes()).with_context(|| path.display().to_string())?;
        }
        None => io::stdout().lock().write_all(text.as_bytes())?,
    }
    Ok(ExitCode::SUCCESS)
}

impl From<ReportTable> for Table {
    fn from(table: ReportTable) -> Self {
        match table {
            ReportTable::Days => Self::Days,
            ReportTable::Shifts => Self::Shifts,
            ReportTable::Timeline => Self::Timeline,
            ReportTable::Profile => Self::Profile,
            ReportTable::Anomalies => Self::Anomalies,
        }
    }
}

/// The figures of a day or a month, in brief.
struct Brief<'a> {
    title: &'a Text,
    unit: &'a str,
    coverage: f64,
    energy: Option<&'a report::document::Energy>,
    demand: Option<&'a report::document::Demand>,
    hours: Option<report::document::Hours>,
    anomalies: u64,
}

fn of_day(lines: &[LineDay], day: &str, site: &Text, language: Language) -> String {
    let brief = |line: &LineDay| {
        said(
            &Brief {
                title: &line.title,
                unit: &line.unit,
                coverage: line.coverage,
                energy: line.energy.as_ref(),
                demand: line.demand.as_ref(),
                hours: line.hours,
                anomalies: line.anomalies.len() as u64 + line.anomalies_left_out,
            },
            language,
        )
    };
    format!("{}  {day}\n", language.of(site)) + &lines.iter().map(brief).collect::<String>()
}

fn of_month(lines: &[LineMonth], month: &str, site: &Text, language: Language) -> String {
    let brief = |line: &LineMonth| {
        said(
            &Brief {
                title: &line.title,
                unit: &line.unit,
                coverage: line.coverage,
                energy: line.energy.as_ref(),
                demand: line.demand.as_ref(),
                hours: line.hours,
                anomalies: line.alarms.iter().map(|it| it.raised).sum(),
            },
            language,
        )
    };
    format!("{}  {month}\n", language.of(site)) + &lines.iter().map(brief).collect::<String>()
}

fn said(line: &Brief<'_>, language: Language) -> String {
    let none = || language.pick("未知", "not known").to_owned();
    let energy = line.energy.map_or_else(none, |it| format!("{:.1} {}", it.value, it.unit));
    let demand = line.demand.map_or_else(none, |it| {
        let at = it.from.to_string();
        format!("{:.1} {} ({})", it.max, line.unit, at.get(..16).unwrap_or(&at).replace('T', " "))
    });
    let mut parts = vec![
        format!("{} {energy}", language.pick("电量", "energy")),
        format!("{} {demand}", language.pick("最大需量", "greatest demand")),
    ];
    if let Some(hours) = line.hours {
        parts.push(format!("{} {:.2} h", language.pick("运行", "running"), hours.running));
    }
    parts.push(format!("{} {:.1} %", language.pick("数据完整率", "known"), line.coverage * 100.0));
    parts.push(format!("{} {}", language.pick("报警与预警", "alarms and warnings"), line.anomalies));
    format!("{}\n    {}\n", language.of(line.title), parts.join(language.pick("，", ", ")))
}
