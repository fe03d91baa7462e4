//! A device as a site file describes it: each point's value by the gateway's own decoder, beside the registers that it
//! was made of.

use std::time::Duration;

use super::super::guard::{Answer, Failure};
use super::super::plan::{self, Block, Located};
use super::super::recipe::Making;
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
    making: Making,
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
            Source::Modbus(signal) => Located::all(point, signal),
            Source::Mqtt(_) | Source::Derived(_) => Vec::new(),
        };
        let points = site.device(device).points.iter().copied().filter(|point| wanted(*point));
        let mut todo = plan::plan(points.flat_map(located).collect(), modbus);
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
            round => Ok(round.end()),
        }
    }
}

impl Round {
    /// Takes what came of a block; what is to be asked instead, if the device refused it.
    fn take(&mut self, block: Block, answer: Result<Answer, Failure>) -> Vec<Block> {
        match answer {
            Ok(answer) => {
                self.answers += 1;
                self.read(answer, &block);
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

    fn read(&mut self, answer: Answer, block: &Block) {
        for located in &block.points {
            if let Some(sample) = self.making.sample(self.reads.len(), located, &answer, block) {
                let words = words(&answer, block, located);
                self.reads.push(PointRead { point: located.point, words, sample, trouble: None });
            }
        }
        self.making.keep(block, answer);
    }

    fn end(mut self) -> Vec<PointRead> {
        for (place, sample) in self.making.finish() {
            self.reads[place].sample = sample;
        }
        self.reads
    }

    /// Nothing came of these.
    fn unread(&mut self, points: &[Located]) {
        let why = self.trouble.as_ref().map(|trouble| &trouble.words);
        let points = points.iter().filter(|located| !located.is_part());
        self.reads.extend(points.map(|point| PointRead {
            point: point.point,
            words: Vec::new(),
            sample: Sample::Bad(Reason::Comm),
            trouble: why.cloned(),
        }));
    }
}

fn words(answer: &Answer, block: &Block, point: &Located) -> Vec<u16> {
    let at = usize::from(point.span.start - block.span.start);
    let span = at..at + usize::from(point.span.count);
    match answer {
        Answer::Bits(bits) => bits[span].iter().map(|on| u16::from(*on)).collect(),
        Answer::Words(words) => words[span].to_vec(),
    }
}
