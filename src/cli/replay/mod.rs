//! `hazgate replay`: what a site's rules would have said to recorded data, and how well people would have been served.

mod axis;
mod chart;
mod expect;
mod html;
mod play;
mod plot;
mod report;
mod silence;
mod svg;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use hazgate::clock::Clock;
use hazgate::measures::Measures;
use hazgate::model::limits::{REPLAY_CHART_COLUMNS, SITE_DURATION_MAX};
use hazgate::model::{Mono, Transition, Wall};
use hazgate::recorded::{CsvOptions, Data, History, Merged, Row, Tally};
use hazgate::site::Site;
use hazgate::store::Recorded;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::{Language, ReplayArgs};
use chart::Charts;
use expect::Expectations;
use html::Page;
use play::{Nobody, Reach, Replay, Witness};

/// Silence after which a point is stale in CSV files, where the site says less: they are often sparser than polls.
const MAX_AGE: Duration = Duration::from_secs(3600);
/// Moments of the data from one look at how far it has come to the next.
const ROWS_BETWEEN_SIGNS: u64 = 4096;
/// How often at most that is shown.
const SIGNS_HZ: u8 = 5;
/// Mistakes shown where nothing at all could be read.
const MISTAKES_SHOWN: usize = 3;

/// Replays, and says what came of it.
pub(crate) fn replay(args: &ReplayArgs) -> anyhow::Result<ExitCode> {
    let site = super::load(&args.site)?;
    let task = Task::new(args, &site)?;
    let site = task.reachable(site);
    let expectations = args.expect.as_deref().map(Expectations::read).transpose()?;
    let language = Language::choose(args.lang);
    let mut out = std::io::stdout().lock();
    let lists = args.events.then_some(if args.json { List::Json } else { List::Text });
    let mut audience = Audience { expectations, lists, language, out: &mut out, written: Ok(()) };
    let done = task.run(&site, &mut audience)?;
    audience.written?;
    let expectations = audience.expectations;
    let other = match &args.compare {
        Some(path) => Some(task.run(&task.reachable(super::load(path)?), &mut Nobody)?),
        None => None,
    };
    if args.html.is_some() || args.plot {
        let mut charts = Charts::new(&site, &done.measures.alarms(), done.lasted);
        task.run(&site, &mut charts)?;
        charts.close();
        if args.plot && !args.json {
            plot::draw(&mut out, &charts, &site, &done, language, plot::width())?;
        }
        if let Some(path) = &args.html {
            let other = other.as_ref().zip(args.compare.as_ref());
            let other = other.map(|(other, path)| (other, name(path)));
            let (site, done, charts) = (&*site, &done, &charts);
            let page = Page { site, done, other, charts, data: task.source(), language };
            std::fs::write(path, page.text()).with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    if args.json {
        let result = done.json(other.as_ref(), expectations.as_ref());
        // Behind a list of lines the result is one more of them.
        if args.events { writeln!(out, "{result}")? } else { writeln!(out, "{result:#}")? }
    } else {
        done.show(&mut out, language, other.as_ref())?;
    }
    let unmet = expectations.as_ref().map(Expectations::unmet).unwrap_or_default();
    if let Some(expectations) = expectations.as_ref().filter(|_| !args.json) {
        for line in &unmet {
            writeln!(out, "✗ {}", language.of(line))?;
        }
        let (met, all) = (expectations.len() - unmet.len(), expectations.len());
        match language {
            Language::Zh => writeln!(out, "{all} 项预期中满足 {met} 项")?,
            Language::En => writeln!(out, "{met} of {all} expectations met")?,
        }
    }
    Ok(if unmet.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// How events are listed.
#[derive(Debug, Clone, Copy)]
enum List {
    /// A line for people.
    Text,
    /// A line of JSON.
    Json,
}

/// Who hears of every event of the site that is asked about.
struct Audience<'a, W> {
    expectations: Option<Expectations>,
    /// How every event is listed, if it is.
    lists: Option<List>,
    language: Language,
    out: &'a mut W,
    written: std::io::Result<()>,
}

impl<W: Write> Witness for Audience<'_, W> {
    fn moved(&mut self, transition: &Transition, _: Mono) {
        if let Some(expectations) = &mut self.expectations {
            expectations.take(transition);
        }
        let Some(list) = self.lists.filter(|_| self.written.is_ok()) else { return };
        self.written = match list {
            List::Json => serde_json::to_writer(&mut self.out, transition)
                .map_err(Into::into)
                .and_then(|()| writeln!(self.out)),
            List::Text => {
                let columns = self.language.event_columns(transition);
                let message = self.language.of(&transition.message);
                writeln!(self.out, "{}  {columns}  {message}", transition.at)
            }
        };
    }
}

/// What is to be replayed, whichever site's rules it is.
struct Task<'a> {
    args: &'a ReplayArgs,
    /// A gateway's data directory, and its last row when the replay began.
    history: Option<(PathBuf, u64)>,
    clock: Clock,
}

impl<'a> Task<'a> {
    fn new(args: &'a ReplayArgs, site: &Site) -> anyhow::Result<Self> {
        let directory =
            args.history.as_ref().map(|given| given.first().unwrap_or(&site.store.directory).clone());
        let history = match directory {
            Some(directory) => {
                let upto = Recorded::open(&directory, None)?.upto();
                Some((directory, upto))
            }
            None => None,
        };
        Ok(Self { args, history, clock: Clock::start() })
    }

    fn reach(&self) -> Reach {
        let devices = self.history.is_some();
        // What was stale is kept as such; what nobody kept was a gateway that was off.
        let max_age = if devices { SITE_DURATION_MAX } else { MAX_AGE };
        Reach { devices, max_age: self.args.max_age.unwrap_or(max_age) }
    }

    fn reachable(&self, site: Site) -> Arc<Site> {
        Arc::new(play::reachable(site, self.reach()))
    }

    fn open(&self, site: &Site) -> anyhow::Result<Data> {
        let forms = &self.args.forms;
        if let Some((directory, upto)) = &self.history {
            let history = History::open(directory, Some(*upto), site, &forms.map)?;
            return Ok(Data::History(Box::new(history)));
        }
        let options = CsvOptions {
            time_column: forms.time_column.clone(),
            time_format: forms.time_format.clone(),
            midnight_ends_day: forms.midnight_ends_day,
            mappings: forms.map.clone(),
        };
        Ok(Data::Files(Merged::open(&self.args.data, site, &options)?))
    }

    /// How far it has come, on a terminal that nothing else is written to.
    fn progress(&self) -> ProgressBar {
        if self.args.events || !super::is_terminal() {
            return ProgressBar::hidden();
        }
        let style = ProgressStyle::with_template("{spinner} {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(SIGNS_HZ)).with_style(style)
    }

    /// Where the data is from, in words.
    fn source(&self) -> String {
        let files = self.args.data.iter().chain(self.history.iter().map(|(directory, _)| directory));
        files.map(|path| name(path)).collect::<Vec<_>>().join(", ")
    }

    fn run(&self, site: &Arc<Site>, witness: &mut impl Witness) -> anyhow::Result<Done> {
        let started = self.clock.mono();
        let mut data = self.open(site)?;
        let Some(begin) = data.begin() else {
            bail!(nothing(&data.tally(), Language::choose(self.args.lang)));
        };
        let mut replay = Replay::new(Arc::clone(site), begin, self.reach(), self.args.ack_after);
        let mut seen = vec![false; site.points.len()];
        let (mut row, mut end) = (Row::default(), begin);
        let (progress, mut rows) = (self.progress(), 0_u64);
        while data.next(&mut row)? {
            end = row.at;
            rows += 1;
            if rows.is_multiple_of(ROWS_BETWEEN_SIGNS) {
                progress.set_message(row.at.stamp(&site.identity.zone).to_string());
            }
            row.readings.iter().for_each(|reading| seen[reading.point.index()] = true);
            replay.take(&row, witness);
        }
        progress.finish_and_clear();
        Ok(Done {
            begin,
            end,
            lasted: replay.lasted(),
            took: self.clock.mono() - started,
            measures: replay.measures,
            tally: data.tally(),
            silent: play::silent(site, &seen),
            zone: site.identity.zone.clone(),
        })
    }
}

/// What a replay came to.
struct Done {
    begin: Wall,
    end: Wall,
    /// How long it lasted by its own clock.
    lasted: Duration,
    /// How long it took.
    took: Duration,
    measures: Measures,
    tally: Tally,
    silent: usize,
    zone: jiff::tz::TimeZone,
}

impl Done {
    /// What the clock showed at this column of a chart. A clock that was put back meanwhile is passed over.
    fn moment(&self, column: f64) -> Wall {
        let ms = self.lasted.as_millis() as f64 * column / REPLAY_CHART_COLUMNS as f64;
        Wall(self.begin.0.saturating_add(ms as i64))
    }
}

/// A file without the folders that it lies in: they are no one's business who is sent a page.
fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// That there is nothing to replay, and why.
fn nothing(tally: &Tally, language: Language) -> String {
    let mut text =
        language.pick("数据中没有任何测点的值", "there is no value of any point in the data").to_owned();
    for mistake in tally.mistakes.iter().take(MISTAKES_SHOWN) {
        text.push('\n');
        text.push_str(language.of(&mistake.words()));
    }
    text
}
