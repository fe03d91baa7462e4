//! Sparkplug B from the listener's side: what an edge node's birth says of its metrics, what its data messages then say by
//! alias alone, and how its death and the loss of messages show. One of these for each device, since each has a birth of its own.

#[cfg(test)]
mod tests;
mod value;
mod wire;

use std::collections::HashMap;

use prost::bytes::Bytes;

use super::malformed::Malformed;
use super::payload::{Claim, Spoken, Wanted};
use crate::model::limits::MQTT_PAYLOAD_BYTES_MAX;
use crate::model::{Reason, Sample, Text, Wall};
use crate::site::Edge;
use crate::sparkplug::{BD_SEQ, Metric, Number, SPACE};

/// What is known of an edge node and of one device behind it.
#[derive(Debug)]
pub(super) struct Session {
    edge: Edge,
    /// The wanted points by their metrics' names.
    names: HashMap<String, usize>,
    /// What the aliases of the last birth stand for.
    aliases: HashMap<u64, Known>,
    /// Types of the wanted points, by the last birth.
    types: Vec<Option<u32>>,
    /// Whether a birth has been heard, and no death since.
    born: bool,
    /// Which session of the node the last birth began.
    bd_seq: Option<u64>,
    /// Of the last message.
    seq: Option<u64>,
    /// Messages have been lost since the last birth: a new birth may have been among them.
    gap: bool,
}

/// What an alias stands for.
#[derive(Debug, Clone, Copy)]
struct Known {
    /// Which of the wanted points, if any.
    which: Option<usize>,
    datatype: Option<u32>,
}

/// What a message of an edge node means for one device.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Outcome {
    /// Whether the message was this device's own.
    pub(super) own: bool,
    /// Values.
    pub(super) values: Vec<Spoken>,
    /// What was wrong, if anything was.
    pub(super) fault: Option<Text>,
    /// The device is gone, for this reason.
    pub(super) gone: Option<Text>,
    /// Metrics that nobody knows the meaning of before the next birth.
    pub(super) unknown: u64,
    /// Values of the past, which are never fresh.
    pub(super) historical: u64,
    /// Whether only another birth will mend it.
    pub(super) wants_birth: bool,
}

/// Messages of an edge node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    NodeBirth,
    NodeDeath,
    DeviceBirth,
    DeviceDeath,
    Data,
}

/// The bytes of a request to an edge node to say again what it has.
pub(super) fn rebirth_request(now: Wall) -> Vec<u8> {
    wire::rebirth(u64::try_from(now.0).unwrap_or_default())
}

impl Session {
    /// Of a device of which nothing has been heard yet.
    pub(super) fn new(edge: Edge, wanted: &[Wanted]) -> Self {
        let names = wanted.iter().enumerate().map(|(which, wanted)| (wanted.path.as_str().to_owned(), which));
        Self {
            edge,
            names: names.collect(),
            aliases: HashMap::new(),
            types: vec![None; wanted.len()],
            born: false,
            bd_seq: None,
            seq: None,
            gap: false,
        }
    }

    /// Whose metrics these are.
    pub(super) fn edge(&self) -> &Edge {
        &self.edge
    }

    /// Whether nothing is known of its metrics.
    pub(super) fn is_unborn(&self) -> bool {
        !self.born
    }

    /// Takes a message.
    pub(super) fn hear(
        &mut self,
        topic: &str,
        payload: &[u8],
        wanted: &[Wanted],
    ) -> Result<Outcome, Malformed> {
        let Some((kind, own)) = self.address(topic) else { return Ok(Outcome::default()) };
        if payload.len() > MQTT_PAYLOAD_BYTES_MAX {
            return Err(Malformed::TooLong);
        }
        let whole = Bytes::copy_from_slice(payload);
        let payload = wire::read(&whole)?;
        if kind == Kind::NodeDeath {
            return Ok(self.node_death(&wire::metrics(&payload, &whole)?));
        }
        let mut outcome = Outcome { own, ..Outcome::default() };
        if !self.follows(kind, payload.seq, &mut outcome) {
            return Ok(Outcome::default());
        }
        if kind == Kind::NodeBirth {
            self.node_birth(&wire::metrics(&payload, &whole)?);
        }
        if !own {
            return Ok(outcome);
        }
        match kind {
            Kind::DeviceDeath => self.device_death(&mut outcome),
            Kind::NodeBirth | Kind::DeviceBirth | Kind::Data => {
                let metrics = wire::metrics(&payload, &whole)?;
                if kind != Kind::Data {
                    self.learn(&metrics);
                }
                for metric in &metrics {
                    self.read(metric, payload.timestamp, wanted, &mut outcome);
                }
                outcome.values.sort_by_key(|spoken| (spoken.claim, spoken.which));
                self.doubt(&mut outcome);
            }
            Kind::NodeDeath => {}
        }
        Ok(outcome)
    }

    /// What kind of message a topic is for, if any that tells us something, and whether it is the device's own.
    fn address(&self, topic: &str) -> Option<(Kind, bool)> {
        let mut levels = topic.splitn(5, '/');
        let (space, group, word, node) = (levels.next()?, levels.next()?, levels.next()?, levels.next()?);
        if (space, group, node) != (SPACE, &self.edge.group, &self.edge.node) {
            return None;
        }
        let device = levels.next();
        let kind = match (word, device) {
            ("NBIRTH", None) => Kind::NodeBirth,
            ("NDEATH", None) => Kind::NodeDeath,
            ("NDATA", None) | ("DDATA", Some(_)) => Kind::Data,
            ("DBIRTH", Some(_)) => Kind::DeviceBirth,
            ("DDEATH", Some(_)) => Kind::DeviceDeath,
            _ => return None,
        };
        Some((kind, device == self.edge.device.as_deref()))
    }

    /// Follows the node's count of its messages. Says whether the message is to be taken: one that came twice is not.
    fn follows(&mut self, kind: Kind, seq: Option<u64>, outcome: &mut Outcome) -> bool {
        let Some(seq) = seq else { return true };
        if kind != Kind::NodeBirth {
            match self.seq {
                Some(last) if last == seq => return false,
                Some(last) if last.wrapping_add(1) % 256 != seq => {
                    self.gap = true;
                    outcome.wants_birth = true;
                    outcome.fault = Some(Text::new(
                        format!("Sparkplug 报文丢失：序号 {last} 之后收到 {seq}"),
                        format!("Sparkplug messages were lost: number {seq} came after {last}"),
                    ));
                }
                _ => {}
            }
        }
        self.seq = Some(seq);
        true
    }

    /// Everything behind the node begins anew.
    fn node_birth(&mut self, metrics: &[Metric]) {
        self.bd_seq = bd_seq(metrics);
        self.forget();
        self.gap = false;
    }

    fn node_death(&mut self, metrics: &[Metric]) -> Outcome {
        // The broker may tell late of the death of a session that the node has long replaced.
        if let (Some(born), Some(died)) = (self.bd_seq, bd_seq(metrics))
            && born != died
        {
            return Outcome::default();
        }
        self.forget();
        self.seq = None;
        let Edge { group, node, .. } = &self.edge;
        let words = Text::new(
            format!("Sparkplug 边缘节点 {group}/{node} 已离线（NDEATH）"),
            format!("Sparkplug edge node {group}/{node} is gone (NDEATH)"),
        );
        Outcome { gone: Some(words), ..Outcome::default() }
    }

    fn device_death(&mut self, outcome: &mut Outcome) {
        self.forget();
        outcome.gone = Some(Text::new(
            "边缘节点报告该设备已离线（DDEATH）",
            "its Sparkplug edge node says that it is gone (DDEATH)",
        ));
    }

    fn forget(&mut self) {
        self.born = false;
        self.aliases.clear();
        self.types.fill(None);
    }

    /// Learns from the device's birth what its metrics are.
    fn learn(&mut self, metrics: &[Metric]) {
        self.forget();
        self.born = true;
        self.gap = false;
        for metric in metrics {
            let which = metric.name.as_ref().and_then(|name| self.names.get(name)).copied();
            if let Some(which) = which {
                self.types[which] = metric.datatype;
            }
            if let Some(alias) = metric.alias {
                self.aliases.insert(alias, Known { which, datatype: metric.datatype });
            }
        }
    }

    fn read(&self, metric: &Metric, sent: Option<u64>, wanted: &[Wanted], outcome: &mut Outcome) {
        let (known, by_alias) = match (&metric.name, metric.alias) {
            (Some(name), _) => (self.named(name), false),
            (None, Some(alias)) => match self.aliases.get(&alias) {
                Some(known) => (*known, true),
                None => return outcome.unknown += 1,
            },
            (None, None) => return outcome.unknown += 1,
        };
        let Some(which) = known.which else { return };
        if metric.is_historical == Some(true) {
            outcome.historical += 1;
            return;
        }
        let datatype = metric.datatype.or(known.datatype);
        let sample = match value::sample(metric, datatype, &wanted[which].conversion) {
            Ok(sample) => sample,
            Err(value::NoValue::Untyped) => return outcome.unknown += 1,
            Err(value::NoValue::Other) => {
                outcome.fault.get_or_insert_with(|| value::no_number(wanted[which].path.as_str()));
                Sample::Bad(Reason::SensorFault)
            }
        };
        // A birth that was lost may have given the alias to another metric.
        let sample = if by_alias && self.gap { value::doubted(sample, Reason::Comm) } else { sample };
        let claim = match metric.timestamp.or(sent) {
            None | Some(0) => Claim::Arrival,
            Some(at) => i64::try_from(at).map_or(Claim::Unreadable, |at| Claim::At(Wall(at))),
        };
        outcome.values.push(Spoken { which, sample, claim });
    }

    fn named(&self, name: &str) -> Known {
        let which = self.names.get(name).copied();
        Known { which, datatype: which.and_then(|which| self.types[which]) }
    }

    /// Says what is not understood, and that only another birth will mend it.
    fn doubt(&self, outcome: &mut Outcome) {
        outcome.wants_birth |= outcome.unknown > 0 || !self.born;
        let unknown = outcome.unknown;
        if unknown > 0 && outcome.fault.is_none() {
            outcome.fault = Some(Text::new(
                format!("{unknown} 个 Sparkplug 度量含义未知：尚未收到其出生报文"),
                format!("{unknown} Sparkplug metrics of unknown meaning: their birth was not heard"),
            ));
        }
    }
}

/// Which session of the node a birth or a death is of.
fn bd_seq(metrics: &[Metric]) -> Option<u64> {
    let metric = metrics.iter().find(|metric| metric.name.as_deref() == Some(BD_SEQ))?;
    match metric.value {
        Some(Number::Int(n)) => Some(u64::from(n)),
        Some(Number::Long(n)) => Some(n),
        _ => None,
    }
}
