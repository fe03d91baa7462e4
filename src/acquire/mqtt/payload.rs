//! From a message to what it says of a device's points: JSON by path, plain numbers, ThingsBoard's telemetry. What publishers
//! send is as good as they are: whatever arrives, the answer is samples with a quality, or words that say what is wrong with it.

use jiff::tz::TimeZone;
use serde_json::Value as Json;

use super::super::conversion::{Conversion, Raw};
use super::malformed::Malformed;
use super::moment;
use super::path::{Found, Path};
use crate::model::limits::{MQTT_PAYLOAD_BYTES_MAX, MQTT_SAMPLES_MAX, MQTT_VALUES_MAX};
use crate::model::{PointId, Reason, Sample, Text, Wall};
use crate::site::{Format, TimeForm};

/// A point and where it stands in the messages of its device.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// The point.
    pub(super) point: PointId,
    /// Where: a path, or with Sparkplug the metric's name.
    pub(super) path: Path,
    /// What its number means.
    pub(super) conversion: Conversion,
}

/// One value as it was said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spoken {
    /// Of which of the wanted points.
    pub(super) which: usize,
    /// What.
    pub(super) sample: Sample,
    /// Of when.
    pub(super) claim: Claim,
}

/// Of when a value claims to be; in the order in which values are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Claim {
    /// Of this moment.
    At(Wall),
    /// It claims nothing: it is of the moment when it arrived.
    Arrival,
    /// There is no time that can be read where one is to stand.
    Unreadable,
}

/// What a message said.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Said {
    /// At least one value, in the order of their times; of one time in the order in which they stand.
    pub(super) values: Vec<Spoken>,
    /// What was no value, if anything was.
    pub(super) fault: Option<Text>,
}

/// How messages are read.
#[derive(Debug)]
pub(super) struct Reader {
    kind: Kind,
    zone: TimeZone,
}

#[derive(Debug)]
enum Kind {
    Json { samples: Option<Path>, time: Option<(Path, TimeForm)> },
    Plain,
    ThingsBoard,
}

impl Reader {
    /// A reader of this format; none for Sparkplug, which is no matter of one message.
    pub(super) fn new(format: &Format, zone: TimeZone) -> Option<Self> {
        let kind = match format {
            Format::Json { samples, time } => Kind::Json {
                samples: samples.as_deref().map(Path::new),
                time: time.as_ref().map(|time| (Path::new(&time.path), time.form)),
            },
            Format::Plain => Kind::Plain,
            Format::ThingsBoard => Kind::ThingsBoard,
            Format::Sparkplug(_) => return None,
        };
        Some(Self { kind, zone })
    }

    /// What `payload` says of the points `wanted`.
    pub(super) fn read(&self, payload: &[u8], wanted: &[Wanted]) -> Result<Said, Malformed> {
        if payload.len() > MQTT_PAYLOAD_BYTES_MAX {
            return Err(Malformed::TooLong);
        }
        let mut page = Page { wanted, zone: &self.zone, said: Said::default() };
        match &self.kind {
            Kind::Plain => page.plain(payload)?,
            Kind::Json { samples, time } => {
                page.json(&parse(payload)?, samples.as_ref(), time.as_ref())?;
            }
            Kind::ThingsBoard => page.thingsboard(&parse(payload)?)?,
        }
        let mut said = page.said;
        if said.values.is_empty() {
            return Err(Malformed::Nothing);
        }
        said.values.sort_by_key(|spoken| spoken.claim);
        Ok(said)
    }
}

fn parse(payload: &[u8]) -> Result<Json, Malformed> {
    serde_json::from_slice(payload).map_err(|error| Malformed::json(&error))
}

/// A message that is being read.
struct Page<'a> {
    wanted: &'a [Wanted],
    zone: &'a TimeZone,
    said: Said,
}

impl Page<'_> {
    fn plain(&mut self, payload: &[u8]) -> Result<(), Malformed> {
        let text = std::str::from_utf8(payload).map_err(|error| Malformed::NotPlain(error.valid_up_to()))?;
        let begin = text.len() - text.trim_start().len();
        let raw = plain(text.trim()).ok_or(Malformed::NotPlain(begin))?;
        for which in 0..self.wanted.len() {
            self.say(which, self.wanted[which].conversion.sample(raw, None), Claim::Arrival)?;
        }
        Ok(())
    }

    fn json(
        &mut self,
        json: &Json,
        samples: Option<&Path>,
        time: Option<&(Path, TimeForm)>,
    ) -> Result<(), Malformed> {
        let moments = match samples.map_or(Found::One(json), |samples| samples.find(json)) {
            Found::One(Json::Array(list)) if samples.is_some() => list.as_slice(),
            Found::One(one) => std::slice::from_ref(one),
            Found::Nothing | Found::Several => &[],
        };
        if moments.len() > MQTT_SAMPLES_MAX {
            return Err(Malformed::TooMany);
        }
        for moment in moments {
            let claim = time.map_or(Claim::Arrival, |(path, form)| self.claim(path.find(moment), *form));
            self.moment(moment, claim)?;
        }
        Ok(())
    }

    fn claim(&self, found: Found<'_>, form: TimeForm) -> Claim {
        let Found::One(found) = found else { return Claim::Unreadable };
        moment::read(found, form, self.zone).map_or(Claim::Unreadable, Claim::At)
    }

    /// Every wanted value of one moment.
    fn moment(&mut self, json: &Json, claim: Claim) -> Result<(), Malformed> {
        for which in 0..self.wanted.len() {
            match self.wanted[which].path.find(json) {
                Found::One(found) => self.value(which, found, claim)?,
                Found::Several => self.no_value(which, ("多个同名项", "several items of one name"), claim)?,
                Found::Nothing => {}
            }
        }
        Ok(())
    }

    fn thingsboard(&mut self, json: &Json) -> Result<(), Malformed> {
        let moments = match json {
            Json::Array(list) => list.as_slice(),
            one => std::slice::from_ref(one),
        };
        if moments.len() > MQTT_SAMPLES_MAX {
            return Err(Malformed::TooMany);
        }
        for moment in moments {
            match (moment.get("values"), moment.get("ts")) {
                (Some(values @ Json::Object(_)), ts) => self.series(values, self.stamped(ts))?,
                _ => self.series(moment, Claim::Arrival)?,
            }
        }
        Ok(())
    }

    /// Without a time, ThingsBoard takes its own.
    fn stamped(&self, ts: Option<&Json>) -> Claim {
        ts.map_or(Claim::Arrival, |ts| self.claim(Found::One(ts), TimeForm::Auto))
    }

    /// Every wanted value, each of which may be a list of values with their times.
    fn series(&mut self, values: &Json, claim: Claim) -> Result<(), Malformed> {
        for which in 0..self.wanted.len() {
            match self.wanted[which].path.find(values) {
                Found::One(Json::Array(list)) => {
                    for item in list {
                        let claim = self.stamped(item.get("ts"));
                        self.value(which, item.get("value").unwrap_or(item), claim)?;
                    }
                }
                Found::One(found) => self.value(which, found, claim)?,
                Found::Nothing | Found::Several => {}
            }
        }
        Ok(())
    }

    fn value(&mut self, which: usize, found: &Json, claim: Claim) -> Result<(), Malformed> {
        match sample(found, &self.wanted[which].conversion) {
            Ok(sample) => self.say(which, sample, claim),
            Err(found) => self.no_value(which, found, claim),
        }
    }

    fn no_value(&mut self, which: usize, (zh, en): (&str, &str), claim: Claim) -> Result<(), Malformed> {
        let path = self.wanted[which].path.as_str();
        let words = || {
            Text::new(format!("`{path}` 处是{zh}，不是数值"), format!("{en} instead of a value at `{path}`"))
        };
        self.said.fault.get_or_insert_with(words);
        self.say(which, Sample::Bad(Reason::SensorFault), claim)
    }

    fn say(&mut self, which: usize, sample: Sample, claim: Claim) -> Result<(), Malformed> {
        if self.said.values.len() >= MQTT_VALUES_MAX {
            return Err(Malformed::TooMany);
        }
        self.said.values.push(Spoken { which, sample, claim });
        Ok(())
    }
}

fn plain(text: &str) -> Option<Raw> {
    match text {
        "true" => Some(Raw::Switch(true)),
        "false" => Some(Raw::Switch(false)),
        _ => text.parse().map(Raw::Whole).or_else(|_| text.parse().map(Raw::Real)).ok(),
    }
}

/// The sample, or what was found instead of one. Text in JSON is read as a word of the point's, never as a number: nobody
/// knows what else the publisher writes there.
fn sample(found: &Json, conversion: &Conversion) -> Result<Sample, (&'static str, &'static str)> {
    let raw = match found {
        Json::Bool(on) => Raw::Switch(*on),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Raw::Whole(whole),
            None => Raw::Real(number.as_f64().unwrap_or(f64::NAN)),
        },
        // How a publisher says that its instrument has no value.
        Json::Null => return Ok(Sample::Bad(Reason::SensorFault)),
        Json::String(text) => conversion.word(text).ok_or(("文本", "text"))?,
        Json::Array(_) => return Err(("数组", "a list")),
        Json::Object(_) => return Err(("对象", "an object")),
    };
    Ok(conversion.sample(raw, None))
}
