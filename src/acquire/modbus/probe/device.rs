//! A device as a site file describes it: each point's value by the gateway's own decoder, beside the registers that it
//! was made of.

use std::time::Duration;

use super::super::decode;
use super::super::guard::{Answer, Failure};
use super::super::plan::{self, Block, Located};
use super::{Probe, Trouble};
use crate::model::limits::POLL_MISSES_MAX;
use crate::model::{DeviceId, PointId, Reason, Sample, Text};
use crate::site::{Protocol, Site, Source};

/// What one point says.
#[derive(Debug, Clone, PartialEq)]
pub struct PointRead {
    /// The point.
    pub point: PointId,
    /// The registers, or 0 or 1 for a bit, that it was made of; empty if they could not be read.
    pub words: Vec<u16>,
    /// Its value, before the instrument's range is looked at.
    pub sample: Sample,
    /// Why it could not be read, if so.
    pub trouble: Option<Text>,
}

/// How the reading of a device goes.
#[derive(Default)]
struct Round {
    reads: Vec<PointRead>,
    answers: usize,
    silences: usize,
    /// Why the last block that nothing came of was not answered.
    trouble: Option<Trouble>,
}

impl Probe {
    /// Reads those of `device`'s points for which `wanted` says so, as the gateway would: in blocks, halved where the
    /// device refuses one. Points that nothing comes of are bad. An error if nothing at all was answered.
    pub async fn device(
        &mut self,
        site: &Site,
        device: DeviceId,
        wanted: impl Fn(PointId) -> bool,
    ) -> Result<Vec<PointRead>, Trouble> {
        let Protocol::Modbus(modbus) = &site.device(device).protocol else { return Ok(Vec::new()) };
        let located = |point: PointId| match &site.point(point).source {
            Source::Modbus(register) => Some(Located::new(point, register)),
            Source::Mqtt(_) => None,
        };
        let points = site.device(device).points.iter().copied().filter(|point| wanted(*point));
        let mut todo = plan::plan(points.filter_map(located).collect(), modbus);
        let mut round = Round::default();
        while let Some(block) = todo.pop() {
            if round.silences >= POLL_MISSES_MAX {
                round.unread(&block.points);
                continue;
            }
            let answer = self.ask(modbus.unit, block.span, &mut Duration::default()).await;
            todo.extend(round.take(block, answer));
        }
        match round {
            Round { answers: 0, trouble: Some(trouble), .. } => Err(trouble),
            round => Ok(round.reads),
        }
    }
}

impl Round {
    /// Takes what came of a block; what is to be asked instead, if the device refused it.
    fn take(&mut self, block: Block, answer: Result<Answer, Failure>) -> Vec<Block> {
        match answer {
            Ok(answer) => {
                self.answers += 1;
                self.reads.extend(block.points.iter().map(|point| read(&answer, &block, point)));
            }
            Err(failure) => {
                let of_address = failure.is_of_address();
                self.trouble = Some(failure.into());
                if !of_address {
                    self.silences += 1;
                    self.unread(&block.points);
                    return Vec::new();
                }
                self.answers += 1;
                match block.halve() {
                    Ok(halves) => return halves.into(),
                    Err(point) => self.unread(&[point]),
                }
            }
        }
        Vec::new()
    }

    /// Nothing came of these.
    fn unread(&mut self, points: &[Located]) {
        let why = self.trouble.as_ref().map(|trouble| &trouble.words);
        self.reads.extend(points.iter().map(|point| PointRead {
            point: point.point,
            words: Vec::new(),
            sample: Sample::Bad(Reason::Comm),
            trouble: why.cloned(),
        }));
    }
}

fn read(answer: &Answer, block: &Block, point: &Located) -> PointRead {
    let at = usize::from(point.span.start - block.span.start);
    let span = at..at + usize::from(point.span.count);
    let words = match answer {
        Answer::Bits(bits) => bits[span].iter().map(|on| u16::from(*on)).collect(),
        Answer::Words(words) => words[span].to_vec(),
    };
    PointRead { point: point.point, words, sample: decode::sample(answer, block, point), trouble: None }
}
