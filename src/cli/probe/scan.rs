//! `hazgate probe scan URL`: which units answer, at which setting of a serial line, and who they say they are.

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;

use hazgate::acquire::modbus::probe::{Identity, Presence, Probe, Trouble, TroubleKind};
use hazgate::clock::Clock;
use hazgate::model::Text;
use hazgate::site::{LinkKind, SerialLine};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::args::ScanArgs;
use super::target::Target;
use super::{Asked, hand, line, put, wrong};
use crate::cli::args::Language;

/// How often a connection is tried for before the scan is given up: a gateway may need a moment to let go of the last one.
const CONNECTS_MAX: u32 = 4;
/// From one try to the next.
const CONNECT_PAUSE: Duration = Duration::from_millis(500);

/// A unit that was found.
struct Found {
    unit: u8,
    /// How the line was set when it answered, if it is a line.
    line: Option<SerialLine>,
    exception: Option<u8>,
    identity: Option<Identity>,
}

/// A unit of which something came that is no answer.
struct Garbled {
    unit: u8,
    line: Option<SerialLine>,
    words: Text,
}

/// A scan under way.
struct Scan {
    args: ScanArgs,
    language: Language,
    /// The bus, in each of the settings that are tried.
    targets: Vec<Target>,
    bar: ProgressBar,
    asked: usize,
    found: Vec<Found>,
    garbled: Vec<Garbled>,
}

/// What every unit is asked, and over which line.
struct Asking {
    table: hazgate::site::Table,
    address: u16,
    probe: Probe,
    line: Option<SerialLine>,
}

/// Asks one unit after the other, in one setting of the line after the other, and shows those that answer.
pub(super) async fn scan(args: ScanArgs, stop: &CancellationToken) -> anyhow::Result<ExitCode> {
    args.register.address(0).map_err(wrong)?;
    let language = Language::choose(args.lang);
    let targets = args.lines.on(args.url.clone())?;
    let bar = progress(args.units.0.len() * targets.len(), args.json);
    let mut scan = Scan { args, language, targets, bar, asked: 0, found: Vec::new(), garbled: Vec::new() };
    let end = match stop.run_until_cancelled(scan.all()).await {
        None | Some(Ok(())) => None,
        Some(Err(End::Trouble(unit, trouble))) => Some((unit, trouble)),
        Some(Err(End::Output(error))) => return Err(error),
    };
    scan.bar.finish_and_clear();
    scan.conclude(end.as_ref())
}

/// Why a scan ends early.
enum End {
    Trouble(u8, Trouble),
    Output(anyhow::Error),
}

fn progress(units: usize, json: bool) -> ProgressBar {
    let shown = !json && std::io::stderr().is_terminal();
    let target = if shown { ProgressDrawTarget::stderr_with_hz(10) } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len}  {msg}  ETA {eta}");
    ProgressBar::with_draw_target(Some(units as u64), target)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

impl Scan {
    async fn all(&mut self) -> Result<(), End> {
        for (at, target) in self.targets.clone().into_iter().enumerate() {
            if at > 0 {
                // A late answer must not be heard in another setting than the one that it was asked in.
                sleep(self.args.timeout).await;
            }
            let mut asking = self.asking(target).map_err(End::Output)?;
            for unit in self.args.units.0.clone() {
                self.unit(unit, &mut asking).await?;
            }
        }
        Ok(())
    }

    fn asking(&self, target: Target) -> anyhow::Result<Asking> {
        let (table, address) = self.args.register.address(0).map_err(wrong)?;
        let probe = hand(&target.link, self.args.timeout, Clock::start())?;
        let line = match target.link {
            LinkKind::ModbusSerial(line) => Some(line),
            _ => None,
        };
        Ok(Asking { table, address, probe, line })
    }

    async fn unit(&mut self, unit: u8, asking: &mut Asking) -> Result<(), End> {
        self.bar.set_message(format!("{} {unit}", self.language.pick("单元", "unit")));
        if !self.found.iter().any(|found| found.unit == unit) {
            self.ask(unit, asking).await?;
        }
        self.asked += 1;
        self.bar.inc(1);
        Ok(())
    }

    async fn ask(&mut self, unit: u8, asking: &mut Asking) -> Result<(), End> {
        let presence = self.presence(unit, asking).await.map_err(|trouble| End::Trouble(unit, trouble))?;
        let line = asking.line.clone();
        match presence {
            Presence::Here(exception) => {
                let identity = if self.args.no_identity { None } else { asking.probe.identity(unit).await };
                let found = Found { unit, line, exception, identity };
                self.tell(&found.line(self.language)).map_err(|error| End::Output(error.into()))?;
                self.found.push(found);
            }
            Presence::Garbled(words) => {
                let garbled = Garbled { unit, line, words };
                self.tell(&garbled.line(self.language)).map_err(|error| End::Output(error.into()))?;
                self.garbled.push(garbled);
            }
            Presence::Absent => {}
        }
        sleep(self.args.pause).await;
        Ok(())
    }

    async fn presence(&self, unit: u8, asking: &mut Asking) -> Result<Presence, Trouble> {
        let mut tries = 1;
        loop {
            match asking.probe.presence(unit, asking.table, asking.address).await {
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
    fn tell(&self, line: &str) -> std::io::Result<()> {
        if self.args.json { Ok(()) } else { self.bar.suspend(|| put(&[line.to_owned()])) }
    }

    fn conclude(&self, end: Option<&(u8, Trouble)>) -> anyhow::Result<ExitCode> {
        if self.args.json {
            put(&[format!("{:#}", self.json(end.map(|(_, trouble)| trouble)))])?;
        } else {
            put(&[self.summary()])?;
            self.remark()?;
            let (at, link) = (self.args.url.url.as_str(), &self.args.url.link);
            if let Some((unit, trouble)) = end {
                return Asked { at, link, unit: *unit, language: self.language, json: false }
                    .unanswered(trouble);
            }
            if self.found.is_empty() && self.asked > 0 {
                for hint in super::advice::hints(TroubleKind::Silent, link).iter().skip(1) {
                    super::super::complain(&format!("  · {}", self.language.of(hint)));
                }
            }
        }
        Ok(if self.found.is_empty() || end.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    fn summary(&self) -> String {
        let (asked, units, settings) = (self.asked, self.args.units.0.len(), self.targets.len());
        let (all, found) = (units * settings, self.found.len());
        let each = match (settings, self.language) {
            (1, _) => String::new(),
            (_, Language::Zh) => format!("（{units} 个单元 × {settings} 种串口参数）"),
            (_, Language::En) => format!(" ({units} at {settings} settings)"),
        };
        match self.language {
            Language::Zh => format!("已询问 {asked}/{all} 个单元{each}，{found} 个应答"),
            Language::En => format!("units asked: {asked} of {all}{each}; answering: {found}"),
        }
    }

    /// A device that answers to every number has none of its own.
    fn remark(&self) -> std::io::Result<()> {
        if self.found.len() < 8 || self.found.len() < self.asked.min(self.args.units.0.len()) {
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
        let lines = self.targets.iter().filter_map(|target| match &target.link {
            LinkKind::ModbusSerial(line) => Some(line::json(line)),
            _ => None,
        });
        json!({
            "target": self.args.url.url,
            "units": self.args.units.0.len(),
            "lines": lines.collect::<Vec<_>>(),
            "asked": self.asked,
            "found": self.found.iter().map(Found::json).collect::<Vec<_>>(),
            "garbled": self.garbled.iter().map(Garbled::json).collect::<Vec<_>>(),
            "error": end.map(super::error),
        })
    }
}

impl Found {
    fn line(&self, language: Language) -> String {
        let mut parts = vec![format!("{:>4}  ✓", self.unit)];
        parts.extend(self.line.as_ref().map(ToString::to_string));
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
        let line = self.line.as_ref().map(line::json);
        json!({ "unit": self.unit, "line": line, "exception": self.exception, "identity": identity })
    }
}

impl Garbled {
    fn line(&self, language: Language) -> String {
        let mut parts = vec![format!("{:>4}  ?", self.unit)];
        parts.extend(self.line.as_ref().map(ToString::to_string));
        parts.push(language.of(&self.words).to_owned());
        parts.join("  ")
    }

    fn json(&self) -> Value {
        json!({ "unit": self.unit, "line": self.line.as_ref().map(line::json), "words": self.words })
    }
}
