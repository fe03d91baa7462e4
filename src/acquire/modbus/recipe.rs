//! A reading that takes more than a scale: its own register and those that scale it or say how far it can be trusted, all of
//! one poll. Where one of them could not be read, the reading says so; it is never made without it.

use super::super::conversion::{Conversion, Product, Raw, Scale, qualify};
use super::decode;
use super::guard::Answer;
use super::plan::Span;
use crate::model::{Quality, Reason, Sample};
use crate::site::{Encoding, Qualifier, Ratio, Register, Signal};

/// What a poll has been answered, block by block.
#[derive(Debug, Default)]
pub(super) struct Answers(Vec<(Span, Answer)>);

impl Answers {
    /// Keeps an answer about `span`.
    pub(super) fn keep(&mut self, span: Span, answer: Answer) {
        self.0.push((span, answer));
    }

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
    pub(super) fn sample(&self, answers: &Answers) -> Sample {
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
