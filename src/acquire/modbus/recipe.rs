//! A reading that takes more than a scale: its own register and those that scale it or say how far it can be trusted, all of
//! one poll. Where one of them could not be read, the reading says so; it is never made without it.

use std::sync::Arc;

use super::super::conversion::{Conversion, Product, Raw, Scale, qualify};
use super::decode;
use super::guard::Answer;
use super::plan::{Block, How, Located, Span};
use crate::model::{Quality, Reason, Sample};
use crate::site::{Encoding, Qualifier, Ratio, Register, Signal};

/// The samples of one poll. Those that take one register are there at once; the others when everything has been asked.
#[derive(Debug, Default)]
pub(super) struct Making {
    /// Recipes that wait, each with the place of its sample among the caller's.
    waiting: Vec<(usize, Arc<Recipe>)>,
    answers: Answers,
}

impl Making {
    /// The sample of `located`, which stands in `block`, by the answer about it; none of a register that is read for others
    /// alone. `place` is where the caller keeps the sample.
    pub(super) fn sample(
        &mut self,
        place: usize,
        located: &Located,
        answer: &Answer,
        block: &Block,
    ) -> Option<Sample> {
        let unread = Sample::Bad(Reason::Comm);
        match &located.how {
            How::Scaled(scale) => {
                let at = block.span.place_of(located.span);
                Some(at.map_or(unread, |at| decode::sample(answer, at, located.register, scale)))
            }
            How::Made(recipe) => {
                self.waiting.push((place, Arc::clone(recipe)));
                Some(unread)
            }
            How::Part => None,
        }
    }

    /// Keeps the answer about `block`, if a recipe wants it.
    pub(super) fn keep(&mut self, block: &Block, answer: Answer) {
        if block.points.iter().any(|located| !matches!(located.how, How::Scaled(_))) {
            self.answers.0.push((block.span, answer));
        }
    }

    /// The samples that had to wait, each with its place.
    pub(super) fn finish(&self) -> impl Iterator<Item = (usize, Sample)> {
        self.waiting.iter().map(|(place, recipe)| (*place, recipe.sample(&self.answers)))
    }
}

/// What a poll has been answered, block by block.
#[derive(Debug, Default)]
struct Answers(Vec<(Span, Answer)>);

impl Answers {
    /// The number in `register`; none if it was not read.
    fn raw(&self, register: Register) -> Option<Raw> {
        let wanted = Span::of(register);
        self.0.iter().find_map(|(span, answer)| decode::raw(answer, span.place_of(wanted)?, register))
    }

    /// The text in `register`; none if it was not read.
    fn text(&self, register: Register) -> Option<String> {
        let wanted = Span::of(register);
        self.0.iter().find_map(|(span, answer)| decode::text(answer, span.place_of(wanted)?, register))
    }
}

/// What makes the reading of one point.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Recipe {
    register: Register,
    conversion: Conversion,
    ratios: Box<[Ratio]>,
    qualifiers: Box<[Qualifier]>,
}

impl Recipe {
    /// What makes the reading of `signal`.
    pub(super) fn new(signal: &Signal) -> Self {
        Self {
            register: signal.register,
            conversion: Conversion::new(&signal.conversion),
            ratios: signal.ratios.as_slice().into(),
            qualifiers: signal.qualifiers.as_slice().into(),
        }
    }

    /// The scale, if that is all it takes.
    pub(super) fn plain(&self) -> Option<Scale> {
        let alone = self.ratios.is_empty() && self.qualifiers.is_empty();
        let is_text = matches!(self.register.encoding, Encoding::Ascii(_));
        self.conversion.plain().filter(|_| alone && !is_text)
    }

    /// The sample that the answers of one poll make.
    fn sample(&self, answers: &Answers) -> Sample {
        let sample = self.measured(answers).unwrap_or_else(Sample::Bad);
        self.qualifiers.iter().fold(sample, |sample, qualifier| qualify(sample, judge(qualifier, answers)))
    }

    fn measured(&self, answers: &Answers) -> Result<Sample, Reason> {
        let raw = match self.register.encoding {
            Encoding::Ascii(_) => {
                let text = answers.text(self.register).ok_or(Reason::Comm)?;
                self.conversion.text(&text).ok_or(Reason::SensorFault)?
            }
            _ => answers.raw(self.register).ok_or(Reason::Comm)?,
        };
        Ok(self.conversion.sample(raw, self.product(answers)?))
    }

    fn product(&self, answers: &Answers) -> Result<Option<Product>, Reason> {
        if self.ratios.is_empty() {
            return Ok(None);
        }
        let mut product = Product::ONE;
        for ratio in &self.ratios {
            product.take(ratio.kind, answers.raw(ratio.register))?;
        }
        Ok(Some(product))
    }
}

/// What a qualifier says. One that could not be read, or says nonsense, leaves a value that may raise an alarm and can
/// clear none: to drop the value would silence a detector for a fault of its status.
fn judge(qualifier: &Qualifier, answers: &Answers) -> Quality {
    let Some(raw) = answers.raw(qualifier.register) else { return Quality::Uncertain(Reason::Comm) };
    let Some(number) = raw.number() else { return Quality::Uncertain(Reason::SensorFault) };
    if qualifier.when.holds(number) { qualifier.quality } else { Quality::Good }
}
