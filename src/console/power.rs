//! Reports of power: a day or a month, as JSON, as tables, or as a page to print. Reports are read by blocking calls, so few run at
//! once and each request waits for its turn no longer than the limit.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::Shared;
use super::problem::Problem;
use crate::model::limits::CONSOLE_ANSWER_MAX;
use crate::report::{Desk, Language, LineDay, ReportError, csv, day_of, html};

/// Which report, and how it is wanted.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReportQuery {
    /// A day; without it and without a month, today.
    day: Option<String>,
    /// A month, such as `2026-11`.
    month: Option<String>,
    #[serde(default)]
    format: Form,
    /// Which table, where it is a table.
    table: Option<String>,
    /// `zh` or `en`.
    lang: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Form {
    #[default]
    Json,
    Csv,
    Html,
}

/// What of it is wanted.
enum Span {
    Day(Date),
    Month(Date),
}

/// How it is written.
struct Style {
    form: Form,
    table: csv::Table,
    language: Language,
}

/// `GET /api/v1/power/report`.
pub(super) async fn report(
    State(shared): State<Arc<Shared>>,
    query: Result<Query<ReportQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(query) = query?;
    let now = shared.clock.now().wall;
    let span = span(&query, day_of(now, &shared.zone))?;
    let style = style(&query)?;
    let work = async {
        let turn = Arc::clone(&shared.report_reads).acquire_owned().await;
        let (desk, zone) = (Arc::clone(&shared.reports), shared.zone.clone());
        // The work keeps its turn even when nobody waits for it any more: it still occupies a thread.
        let made = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            write(&desk, &span, &style, now, &zone)
        });
        made.await.map_err(|error| failed(&error))?.map_err(|error| refused(&error))
    };
    tokio::time::timeout(CONSOLE_ANSWER_MAX, work)
        .await
        .map_err(|_| Problem::unavailable("the report was not made in time; it may be there later"))?
}

fn span(query: &ReportQuery, today: Date) -> Result<Span, Problem> {
    let wrong = |text: &str, like: &str| Problem::invalid(format!("`{text}` is not {like}"));
    match (&query.day, &query.month) {
        (Some(_), Some(_)) => Err(Problem::invalid("say a day or a month, not both")),
        (None, None) => Ok(Span::Day(today)),
        (Some(day), None) => day.parse().map(Span::Day).map_err(|_| wrong(day, "a day such as 2026-11-21")),
        (None, Some(month)) => {
            let first = format!("{month}-01").parse();
            first.map(Span::Month).map_err(|_| wrong(month, "a month such as 2026-11"))
        }
    }
}

fn style(query: &ReportQuery) -> Result<Style, Problem> {
    let table = query.table.as_deref().unwrap_or("days");
    let language = match query.lang.as_deref() {
        None | Some("zh") => Language::Zh,
        Some("en") => Language::En,
        Some(other) => return Err(Problem::invalid(format!("`{other}` is not `zh` or `en`"))),
    };
    let known = csv::Table::ALL.map(|(name, _)| name).join(", ");
    let table = csv::Table::named(table)
        .ok_or_else(|| Problem::invalid(format!("`{table}` is none of the tables {known}")))?;
    Ok(Style { form: query.format, table, language })
}

fn write(
    desk: &Desk,
    span: &Span,
    style: &Style,
    now: crate::model::Wall,
    zone: &TimeZone,
) -> Result<Response, ReportError> {
    let (name, json, page, days): (String, _, _, Vec<LineDay>) = match span {
        Span::Day(day) => {
            let report = desk.day(*day, now)?;
            let json = serde_json::to_vec(&report)?;
            (report.day.clone(), json, html::day(&report, zone, style.language), report.lines)
        }
        Span::Month(first) => {
            let report = desk.month(*first, now)?;
            let json = serde_json::to_vec(&report)?;
            let page = html::month(&report, zone, style.language);
            (report.month, json, page, report.lines.into_iter().flat_map(|line| line.days).collect())
        }
    };
    let kept = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok(match style.form {
        Form::Json => (kept, [(header::CONTENT_TYPE, "application/json")], json).into_response(),
        Form::Html => {
            let policy = [(header::CONTENT_SECURITY_POLICY, html::policy())];
            (kept, policy, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
        }
        Form::Csv => {
            let text = csv::write(days.iter(), style.table, zone, style.language);
            let file = format!("attachment; filename=\"power-{name}.csv\"");
            let named = [(header::CONTENT_DISPOSITION, file)];
            (kept, named, [(header::CONTENT_TYPE, "text/csv; charset=utf-8")], text).into_response()
        }
    })
}

fn refused(error: &ReportError) -> Problem {
    match error {
        ReportError::NoLines => Problem::new(StatusCode::NOT_FOUND, "no-lines", error.to_string()),
        ReportError::NotYet(_) => Problem::new(StatusCode::NOT_FOUND, "not-yet", error.to_string()),
        ReportError::Store(_) | ReportError::Unreadable(_) => failed(error),
    }
}

fn failed(error: &dyn std::fmt::Display) -> Problem {
    tracing::error!(%error, "making a report of power for the console");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "report", "the report cannot be made")
}
