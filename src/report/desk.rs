//! Where reports are asked for: of a day that is over, as it was kept, or made anew from what the store still holds; of today, as far as it has come; of a month,
//! from its days. What is known of today is kept at hand and only what is new is read, so that asking costs little however long the day is.
//!
//! Everything here reads beside the gateway and may wait for the disk.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::ToSpan;
use jiff::civil::Date;

use super::anomalies::{Anomalies, Series};
use super::day::DayFold;
use super::document::{DayReport, LineDay, MonthReport, POWER};
use super::plan::Plan;
use super::{day_of, month, span_of};
use crate::model::limits::{REPORT_AFTER_MIDNIGHT, REPORT_DAYS_BACK_MAX, REPORT_ROWS_MAX};
use crate::model::{Text, Wall};
use crate::site::{ClockSpan, Site};
use crate::store::{Past, Reports, Row, StoreError};

/// How much earlier than a day rows are read to know what stood when it began, and how much later than its end rows may come that belong to it, in ms.
const AROUND_MS: i64 = 600_000;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The site has no line whose load is worked out.
    #[error(
        "the site has no line to report on: nothing works out the state, the demand or the baseline of a load"
    )]
    NoLines,
    /// The day or the month has not begun, or is none that a clock will show.
    #[error("{0} has not begun yet")]
    NotYet(String),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A report that was kept cannot be read.
    #[error("a report that was kept cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
}

impl ReportError {
    /// For people, in both languages.
    pub fn words(&self) -> Text {
        match self {
            Self::NoLines => Text::new(
                "本站点没有可出报表的线路：没有任何负荷配置了生产状态、需量或基线",
                self.to_string(),
            ),
            Self::NotYet(span) => Text::new(format!("{span} 尚未开始"), self.to_string()),
            Self::Store(error) => error.words(),
            Self::Unreadable(error) => Text::new(format!("已保存的报表无法读取：{error}"), self.to_string()),
        }
    }
}

/// Where reports of one site are asked for.
#[derive(Debug)]
pub struct Desk {
    site: Arc<Site>,
    plan: Plan,
    directory: PathBuf,
    today: Mutex<Option<Today>>,
}

/// Today as far as it was read, and yesterday as long as rows may come that say until when something stood.
#[derive(Debug)]
struct Today {
    fold: DayFold,
    yesterday: Option<DayFold>,
    after: u64,
}

impl Desk {
    /// For the reports of a site, from its own data directory.
    pub fn new(site: Arc<Site>) -> Self {
        let directory = site.store.directory.clone();
        Self::of(site, directory)
    }

    /// The same from another.
    pub fn of(site: Arc<Site>, directory: PathBuf) -> Self {
        let plan = Plan::new(&site);
        Self { site, plan, directory, today: Mutex::new(None) }
    }

    /// The lines that are reported on.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// One day, as it was kept, or as far as is known.
    pub fn day(&self, day: Date, now: Wall) -> Result<DayReport, ReportError> {
        let lines = self.lines(day, now)?;
        let identity = &self.site.identity;
        Ok(DayReport {
            v: 1,
            enterprise: identity.enterprise.clone(),
            gateway: identity.gateway.clone(),
            site: identity.name.clone(),
            day: day.to_string(),
            lines,
        })
    }

    /// The month in which a day lies, of the days of which there are reports, and today.
    pub fn month(&self, first: Date, now: Wall) -> Result<MonthReport, ReportError> {
        self.has_lines()?;
        let (first, today) = (first.first_of_month(), day_of(now, &self.site.identity.zone));
        let name = first.strftime("%Y-%m").to_string();
        if first > today {
            return Err(ReportError::NotYet(name));
        }
        let last = first.last_of_month().min(today);
        let mut days = self.kept(first, last)?;
        if today == last {
            days.extend(self.today(now)?);
        }
        Ok(month::report(&self.site, &self.plan, first, last, days))
    }

    /// The lines of one day.
    fn lines(&self, day: Date, now: Wall) -> Result<Vec<LineDay>, ReportError> {
        self.has_lines()?;
        let today = day_of(now, &self.site.identity.zone);
        if day == today {
            return self.today(now);
        }
        if day > today {
            return Err(ReportError::NotYet(day.to_string()));
        }
        let kept = self.kept(day, day)?;
        if kept.is_empty() { self.make(day, now) } else { Ok(kept) }
    }

    fn has_lines(&self) -> Result<(), ReportError> {
        if self.plan.lines.is_empty() { Err(ReportError::NoLines) } else { Ok(()) }
    }

    fn kept(&self, first: Date, last: Date) -> Result<Vec<LineDay>, ReportError> {
        let bodies = Reports::open(&self.directory, POWER)?.between(&first.to_string(), &last.to_string())?;
        Ok(bodies.iter().map(|body| serde_json::from_str(body)).collect::<Result<_, _>>()?)
    }

    /// The days of which reports are due, the oldest first: those that are over, from the one after the last that was reported; if none was, from the first of
    /// which something is kept.
    pub fn due(&self, now: Wall) -> Result<Vec<Date>, ReportError> {
        let zone = &self.site.identity.zone;
        let waited = Wall(now.0.saturating_sub(REPORT_AFTER_MIDNIGHT.as_millis() as i64));
        let Ok(yesterday) = day_of(waited, zone).yesterday() else { return Ok(Vec::new()) };
        let reported = Reports::open(&self.directory, POWER)?.last_day()?;
        let reported: Option<Date> = reported.and_then(|day| day.parse().ok());
        let first = match reported.and_then(|day| day.tomorrow().ok()) {
            Some(next) => Some(next),
            None => Past::open(&self.directory)?.begin()?.map(|begin| day_of(begin, zone)),
        };
        let Some(first) = first else { return Ok(Vec::new()) };
        let earliest = yesterday.checked_sub((REPORT_DAYS_BACK_MAX - 1).days()).unwrap_or(yesterday);
        let days = first.max(earliest).series(1.day());
        Ok(days.take_while(|day| *day <= yesterday).collect())
    }

    /// Makes the report of a day that is over, from what was read of it already, or from the store.
    pub fn make(&self, day: Date, now: Wall) -> Result<Vec<LineDay>, ReportError> {
        self.has_lines()?;
        let span = self.span(day)?;
        let mut past = Past::open(&self.directory)?;
        let at_hand = {
            let mut today = self.today.lock().unwrap_or_else(PoisonError::into_inner);
            let followed = self.follow(&mut past, &mut today, now, Duration::ZERO)?;
            followed.yesterday.as_ref().filter(|fold| fold.day == day).cloned()
        };
        let fold = match at_hand {
            Some(fold) => fold,
            None => self.read(&mut past, day, span)?,
        };
        self.finish(&mut past, &fold, now)
    }

    /// Reads what is new of today, resting for so long after each page.
    pub fn catch_up(&self, now: Wall, rest: Duration) -> Result<(), ReportError> {
        let mut past = Past::open(&self.directory)?;
        let mut today = self.today.lock().unwrap_or_else(PoisonError::into_inner);
        self.follow(&mut past, &mut today, now, rest)?;
        Ok(())
    }

    fn today(&self, now: Wall) -> Result<Vec<LineDay>, ReportError> {
        let mut past = Past::open(&self.directory)?;
        let fold = {
            let mut today = self.today.lock().unwrap_or_else(PoisonError::into_inner);
            self.follow(&mut past, &mut today, now, Duration::ZERO)?.fold.clone()
        };
        self.finish(&mut past, &fold, now)
    }

    /// Today as of now.
    fn follow<'a>(
        &self,
        past: &mut Past,
        today: &'a mut Option<Today>,
        now: Wall,
        rest: Duration,
    ) -> Result<&'a Today, ReportError> {
        let day = day_of(now, &self.site.identity.zone);
        let span = self.span(day)?;
        let known = today.take().filter(|known| known.fold.day <= day);
        let mut known = match known {
            Some(known) if known.fold.day == day => known,
            Some(known) => {
                let fold = known.fold.other_day(day, span);
                Today { fold, yesterday: Some(known.fold), after: known.after }
            }
            None => {
                let after = past.row_before(Wall(span.from.0 - AROUND_MS))?;
                Today { fold: DayFold::new(&self.plan, day, span), yesterday: None, after }
            }
        };
        let newest = past.newest_row()?;
        while known.after < newest {
            let rows = self.page(past, known.after, newest)?;
            for row in &rows {
                known.fold.take(&self.plan, row);
                if let Some(yesterday) = &mut known.yesterday {
                    yesterday.take(&self.plan, row);
                }
            }
            known.after = if rows.len() < REPORT_ROWS_MAX { newest } else { last(&rows, newest) };
            std::thread::sleep(rest);
        }
        Ok(today.insert(known))
    }

    /// A day from the store.
    fn read(&self, past: &mut Past, day: Date, span: ClockSpan) -> Result<DayFold, ReportError> {
        let mut fold = DayFold::new(&self.plan, day, span);
        let (mut after, newest) = (past.row_before(Wall(span.from.0 - AROUND_MS))?, past.newest_row()?);
        loop {
            let rows = self.page(past, after, newest)?;
            for row in &rows {
                fold.take(&self.plan, row);
            }
            let is_over = rows.last().is_none_or(|row| row.at.0 >= span.to.0 + AROUND_MS);
            if is_over || rows.len() < REPORT_ROWS_MAX {
                return Ok(fold);
            }
            after = last(&rows, newest);
        }
    }

    fn page(&self, past: &mut Past, after: u64, upto: u64) -> Result<Vec<Row>, StoreError> {
        past.rows(self.plan.devices.iter().map(String::as_str), after, upto)
    }

    /// What is known of the lines, with what was out of order.
    fn finish(&self, past: &mut Past, fold: &DayFold, now: Wall) -> Result<Vec<LineDay>, ReportError> {
        let zone = &self.site.identity.zone;
        let mut reports = fold.report(&self.plan, now, zone, self.site.calendar.shifts);
        let mut anomalies = Anomalies::new(&self.plan, fold.span);
        past.events(fold.span.from, fold.span.to, |event| anomalies.take(&event))?;
        for event in past.standing()? {
            anomalies.take_standing(&event);
        }
        let mut series = anomalies.wanted();
        gather(past, &mut series)?;
        anomalies.tell(&mut reports, &series, zone);
        Ok(reports)
    }

    fn span(&self, day: Date) -> Result<ClockSpan, ReportError> {
        span_of(day, &self.site.identity.zone).ok_or_else(|| ReportError::NotYet(day.to_string()))
    }
}

fn last(rows: &[Row], newest: u64) -> u64 {
    rows.last().map_or(newest, |row| row.id)
}

/// Reads the evidence. Spans that overlap are read once.
fn gather(past: &mut Past, series: &mut [Series]) -> Result<(), StoreError> {
    let newest = past.newest_row()?;
    let mut begin = 0;
    while begin < series.len() {
        let (from, mut to, mut end) = (series[begin].from, series[begin].to, begin + 1);
        while end < series.len() && series[end].from <= to {
            to = to.max(series[end].to);
            end += 1;
        }
        let together = &mut series[begin..end];
        let devices: std::collections::BTreeSet<String> =
            together.iter().map(|series| series.device.clone()).collect();
        let mut after = past.row_before(from)?;
        loop {
            let rows = past.rows(devices.iter().map(String::as_str), after, newest)?;
            for row in &rows {
                for series in together.iter_mut() {
                    series.take(row);
                }
            }
            let is_over = rows.last().is_none_or(|row| row.at >= to);
            if is_over || rows.len() < REPORT_ROWS_MAX {
                break;
            }
            after = last(&rows, newest);
        }
        begin = end;
    }
    Ok(())
}
