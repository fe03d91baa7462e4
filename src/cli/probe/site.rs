//! `hazgate probe read SITE DEVICE`: a device as a site file describes it, each point's value beside the registers that it was
//! made of: what is wrong in the file shows before the gateway runs.

use std::path::Path;
use std::process::ExitCode;

use hazgate::acquire::modbus::probe::PointRead;
use hazgate::clock::Clock;
use hazgate::model::{DeviceId, PointId, Quality, Reason, Sample};
use hazgate::site::{Device, Encoding, Line, Point, Protocol, Register, Signal, Site, Source, Span};
use serde_json::{Value, json};

use super::args::ReadArgs;
use super::face::{letters, type_name};
use super::place::table_name;
use super::table::{Cell, Table};
use super::{Asked, hand, put, wrong};
use crate::cli::args::Language;

/// Reads a device of a site file.
pub(super) async fn read(args: ReadArgs) -> anyhow::Result<ExitCode> {
    if args.line.is_meant() {
        return Err(wrong(
            "the site file says how the line is set: --baud, --parity and --stop-bits go with serial:/dev/ttyUSB0",
        ));
    }
    let site = super::super::load(Path::new(&args.target))?;
    let (name, points) = args.what.split_first().ok_or_else(|| wrong("which device of the site?"))?;
    let (id, device) = find_device(&site, name)?;
    let wanted = find_points(&site, device, points)?;
    let Protocol::Modbus(modbus) = &device.protocol else {
        return Err(wrong(format!(
            "{name} publishes over MQTT: it cannot be asked; hazgate watch shows what a broker carries"
        )));
    };
    let link = site.links.iter().find(|link| link.devices.contains(&id));
    let link = &link.ok_or_else(|| wrong(format!("{name} has no link")))?.kind;
    let language = Language::choose(args.common.lang);
    let at = super::advice::address(link);
    let asked = Asked { at: &at, link, unit: modbus.unit, language, json: args.common.json };
    let mut probe = hand(link, modbus.timeout.max(args.common.timeout), Clock::start())?;
    let mut reads = match probe.device(&site, id, |point| wanted.contains(&point)).await {
        Ok(reads) => reads,
        Err(trouble) => return asked.unanswered(&trouble),
    };
    reads.sort_by_key(|read| read.point);
    let good = reads.iter().any(|read| read.sample.value().is_some());
    let shown = Shown { site: &site, device, unit: modbus.unit, at: &at, language, reads: &reads };
    put(&if args.common.json { vec![format!("{:#}", shown.json())] } else { shown.lines() })?;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn find_device<'a>(site: &'a Site, name: &str) -> anyhow::Result<(DeviceId, &'a Device)> {
    let at = site.devices.iter().position(|device| device.name == name).ok_or_else(|| {
        let names: Vec<&str> = site.devices.iter().map(|device| device.name.as_str()).collect();
        wrong(format!("the site has no device `{name}`; it has: {}", names.join(", ")))
    })?;
    Ok((DeviceId::new(at), &site.devices[at]))
}

/// The points that were named, with or without the device's name before them; all if none was.
fn find_points(site: &Site, device: &Device, names: &[String]) -> anyhow::Result<Vec<PointId>> {
    if names.is_empty() {
        return Ok(device.points.clone());
    }
    let find = |name: &String| {
        let full = format!("{}.{name}", device.name);
        let fits = |id: &&PointId| [name, &full].contains(&&site.point(**id).name);
        device.points.iter().find(fits).copied().ok_or_else(|| {
            let names: Vec<&str> = device.points.iter().map(|id| signal(site.point(*id))).collect();
            wrong(format!("{} has no point `{name}`; it has: {}", device.name, names.join(", ")))
        })
    };
    names.iter().map(find).collect()
}

/// A point's name without that of its device.
fn signal(point: &Point) -> &str {
    point.name.split_once('.').map_or(point.name.as_str(), |(_, signal)| signal)
}

struct Shown<'a> {
    site: &'a Site,
    device: &'a Device,
    unit: u8,
    at: &'a str,
    language: Language,
    reads: &'a [PointRead],
}

impl Shown<'_> {
    fn lines(&self) -> Vec<String> {
        let language = self.language;
        let unit = language.pick("单元", "unit");
        let title = language.of(&self.device.title);
        let headings = match language {
            Language::Zh => ["点位", "名称", "寄存器", "写法", "原始值", "读数", "质量"],
            Language::En => ["point", "name", "register", "written as", "raw", "value", "quality"],
        };
        let mut table = Table::new(headings, 4);
        for read in self.reads {
            table.row(self.row(read));
        }
        let mut lines = vec![format!("{}  {title}  {}  {unit} {}", self.device.name, self.at, self.unit)];
        lines.push(String::new());
        lines.extend(table.lines());
        lines
    }

    fn row(&self, read: &PointRead) -> Vec<Cell> {
        let point = self.site.point(read.point);
        let hex: Vec<String> = read.words.iter().map(|word| format!("{word:04X}")).collect();
        let (register, written) = match &point.source {
            Source::Modbus(signal) => (at(signal.register), written(signal)),
            Source::Mqtt(_) | Source::Derived(_) => Default::default(),
        };
        let sample = in_range(read.sample, point);
        let quality = match (sample.quality(), &read.trouble) {
            (quality, Some(words)) => Cell::bold(format!("{quality} ({})", self.language.of(words))),
            (Quality::Good, None) => Cell::new(Quality::Good.to_string()),
            (quality, None) => Cell::bold(quality.to_string()),
        };
        vec![
            Cell::new(signal(point)),
            Cell::new(self.language.of(&point.title)),
            Cell::new(register),
            Cell::dim(written),
            Cell::dim(hex.join(" ")),
            Cell::bold(value(sample, point, self.language)),
            quality,
        ]
    }

    fn json(&self) -> Value {
        let read = |read: &PointRead| {
            let point = self.site.point(read.point);
            let sample = in_range(read.sample, point);
            let register = match &point.source {
                Source::Modbus(signal) => at(signal.register),
                Source::Mqtt(_) | Source::Derived(_) => String::new(),
            };
            json!({
                "point": point.name,
                "register": register,
                "raw": read.words,
                "value": sample.value(),
                "unit": point.unit,
                "quality": sample.quality(),
                "trouble": read.trouble,
            })
        };
        json!({
            "target": self.at,
            "device": self.device.name,
            "unit": self.unit,
            "points": self.reads.iter().map(read).collect::<Vec<_>>(),
        })
    }
}

/// Where a point stands, in the protocol's addresses.
fn at(register: Register) -> String {
    format!("{}:{}", table_name(register.table), register.address)
}

/// How a point is written there, as `f32 CDAB × 0.1`.
fn written(signal: &Signal) -> String {
    let Register { encoding, order, .. } = signal.register;
    let mut parts = vec![match encoding {
        Encoding::BitOf(bit) => format!("bit {bit}"),
        encoding => type_name(encoding).to_owned(),
    }];
    if encoding.width() > 1 {
        parts.push(letters(order).to_owned());
    }
    parts.extend(signal.ratios.iter().map(|ratio| format!("× {}", at(ratio.register))));
    match signal.conversion.line {
        Line::Scale { scale, offset } => {
            parts.extend((scale != 1.0).then(|| format!("× {scale}")));
            let sign = if offset < 0.0 { '−' } else { '+' };
            parts.extend((offset != 0.0).then(|| format!("{sign} {}", offset.abs())));
        }
        Line::Span(Span { raw, low, high, .. }) => {
            parts.push(format!("{}…{} → {low}…{high}", raw.low, raw.high));
        }
    }
    parts.join(" ")
}

/// The sample as the gateway will judge it: what the instrument cannot measure is in doubt.
fn in_range(sample: Sample, point: &Point) -> Sample {
    match (sample, point.range) {
        (Sample::Good(value), Some(range)) if !(range.low..=range.high).contains(&value.as_f64()) => {
            Sample::Uncertain(value, Reason::Range)
        }
        (sample, _) => sample,
    }
}

fn value(sample: Sample, point: &Point, language: Language) -> String {
    match sample.value() {
        None => "—".to_owned(),
        Some(hazgate::model::Value::Float(x)) => {
            format!("{x:.*} {}", usize::from(point.decimals), point.unit).trim_end().to_owned()
        }
        Some(value) => match point.label(value) {
            Some(label) => format!("{value} {}", language.of(label)),
            None => format!("{value} {}", point.unit).trim_end().to_owned(),
        },
    }
}
