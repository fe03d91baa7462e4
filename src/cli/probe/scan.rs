//! `hazgate probe scan URL`: which units answer, and who they say they are.

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;

use hazgate::acquire::modbus::probe::{Identity, Presence, Probe, Trouble, TroubleKind};
use hazgate::clock::Clock;
use hazgate::model::Text;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::args::ScanArgs;
use super::{Asked, hand, put, wrong};
use crate::cli::args::Language;

/// How often a connection is tried for before the scan is given up: a gateway may need a moment to let go of the last one.
const CONNECTS_MAX: u32 = 4;
/// From one try to the next.
const CONNECT_PAUSE: Duration = Duration::from_millis(500);

/// A unit that was found.
struct Found {
    unit: u8,
    exception: Option<u8>,
    identity: Option<Identity>,
}

/// A scan under way.
struct Scan {
    args: ScanArgs,
    language: Language,
    probe: Probe,
    bar: ProgressBar,
    asked: usize,
    found: Vec<Found>,
    garbled: Vec<(u8, Text)>,
}

/// Asks one unit after the other, and shows those that answer.
pub(super) async fn scan(args: ScanArgs, stop: &CancellationToken) -> anyhow::Result<ExitCode> {
    let (table, address) = args.register.address(0).map_err(wrong)?;
    let language = Language::choose(args.lang);
    let probe = hand(&args.url.link, args.timeout, Clock::start())?;
    let bar = progress(args.units.0.len(), args.json);
    let mut scan = Scan { args, language, probe, bar, asked: 0, found: Vec::new(), garbled: Vec::new() };
    let mut end = None;
    for unit in scan.args.units.0.clone() {
        let asked = stop.run_until_cancelled(scan.unit(unit, table, address)).await;
        match asked {
            Some(Ok(())) => {}
            Some(Err(End::Trouble(trouble))) => {
                end = Some((unit, trouble));
                break;
            }
            Some(Err(End::Output(error))) => return Err(error.into()),
            None => break,
        }
    }
    scan.bar.finish_and_clear();
    scan.conclude(end.as_ref())
}

/// Why a scan ends early.
enum End {
    Trouble(Trouble),
    Output(std::io::Error),
}

fn progress(units: usize, json: bool) -> ProgressBar {
    let shown = !json && std::io::stderr().is_terminal();
    let target = if shown { ProgressDrawTarget::stderr_with_hz(10) } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len}  {msg}  ETA {eta}");
    ProgressBar::with_draw_target(Some(units as u64), target)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

impl Scan {
    async fn unit(&mut self, unit: u8, table: hazgate::site::Table, address: u16) -> Result<(), End> {
        self.bar.set_message(format!("{} {unit}", self.language.pick("单元", "unit")));
        match self.presence(unit, table, address).await.map_err(End::Trouble)? {
            Presence::Here(exception) => {
                let identity = if self.args.no_identity { None } else { self.probe.identity(unit).await };
                self.found.push(Found { unit, exception, identity });
                self.tell(self.found.last().map(|found| found.line(self.language))).map_err(End::Output)?;
            }
            Presence::Garbled(words) => {
                let said = self.language.of(&words).to_owned();
                self.garbled.push((unit, words));
                self.tell(Some(format!("{unit:>4}  ? {said}"))).map_err(End::Output)?;
            }
            Presence::Absent => {}
        }
        self.asked += 1;
        self.bar.inc(1);
        sleep(self.args.pause).await;
        Ok(())
    }

    async fn presence(
        &mut self,
        unit: u8,
        table: hazgate::site::Table,
        address: u16,
    ) -> Result<Presence, Trouble> {
        let mut tries = 1;
        loop {
            match self.probe.presence(unit, table, address).await {
                // Only a connection that was there before is worth waiting for.
                Err(_) if self.asked > 0 && tries < CONNECTS_MAX => {
                    tries += 1;
                    sleep(CONNECT_PAUSE).await;
                }
                answered => return answered,
            }
        }
    }

    /// Shows a line at once, above the bar.
    fn tell(&self, line: Option<String>) -> std::io::Result<()> {
        match line {
            Some(line) if !self.args.json => self.bar.suspend(|| put(&[line])),
            _ => Ok(()),
        }
    }

    fn conclude(&self, end: Option<&(u8, Trouble)>) -> anyhow::Result<ExitCode> {
        let (asked, all) = (self.asked, self.args.units.0.len());
        if self.args.json {
            put(&[format!("{:#}", self.json(end.map(|(_, trouble)| trouble)))])?;
        } else {
            let found = self.found.len();
            put(&[match self.language {
                Language::Zh => format!("已询问 {asked}/{all} 个单元，{found} 个应答"),
                Language::En => format!("units asked: {asked} of {all}; answering: {found}"),
            }])?;
            self.remark()?;
            if let Some((unit, trouble)) = end {
                let (at, link) = (self.args.url.url.as_str(), &self.args.url.link);
                return Asked { at, link, unit: *unit, language: self.language, json: false }
                    .unanswered(trouble);
            }
            if found == 0 && asked > 0 {
                let trouble = TroubleKind::Silent;
                for hint in super::advice::hints(trouble, &self.args.url.link).iter().skip(1) {
                    super::super::complain(&format!("  · {}", self.language.of(hint)));
                }
            }
        }
        Ok(if self.found.is_empty() || end.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    /// A device that answers to every number has none of its own.
    fn remark(&self) -> std::io::Result<()> {
        if self.found.len() < 8 || self.found.len() < self.asked {
            return Ok(());
        }
        put(&[self
            .language
            .pick(
                "所有单元号都应答：该设备很可能忽略单元号，只有一台",
                "every unit id is answered: it is probably one device that does not look at the unit id",
            )
            .to_owned()])
    }

    fn json(&self, end: Option<&Trouble>) -> Value {
        let garbled = |(unit, words): &(u8, Text)| json!({ "unit": unit, "words": words });
        json!({
            "target": self.args.url.url,
            "units": self.args.units.0.len(),
            "asked": self.asked,
            "found": self.found.iter().map(Found::json).collect::<Vec<_>>(),
            "garbled": self.garbled.iter().map(garbled).collect::<Vec<_>>(),
            "error": end.map(super::error),
        })
    }
}

impl Found {
    fn line(&self, language: Language) -> String {
        let mut parts = vec![format!("{:>4}  ✓", self.unit)];
        if let Some(Identity { vendor, product, revision }) = &self.identity {
            let texts = [vendor, product, revision].into_iter().filter(|text| !text.is_empty());
            parts.extend(texts.cloned());
        }
        if let Some(code) = self.exception {
            parts.push(format!("({} {code})", language.pick("以异常码应答", "answers with exception")));
        }
        parts.join("  ")
    }

    fn json(&self) -> Value {
        let identity = self.identity.as_ref().map(|identity| {
            json!({ "vendor": identity.vendor, "product": identity.product, "revision": identity.revision })
        });
        json!({ "unit": self.unit, "exception": self.exception, "identity": identity })
    }
}
