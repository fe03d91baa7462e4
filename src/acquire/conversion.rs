//! From the number that a device says to a sample: scale, current loop, numbers that are none, codes, and the trust that
//! other values of the same device put in it. The same for every protocol.

use crate::model::limits::RATIO_DECIMALS_MAX;
use crate::model::{Quality, Reason, Sample, Value};
use crate::site::{self, Line, RatioKind, Span};

/// What a device says, before anybody knows what it means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Raw {
    /// A switch.
    Switch(bool),
    /// A whole number.
    Whole(i64),
    /// A number, perhaps none: an instrument may say that it has none.
    Real(f64),
}

impl Raw {
    /// An unsigned number; one beyond 2^63 is no counter that anybody counts with.
    pub(super) fn unsigned(number: u64) -> Self {
        i64::try_from(number).map_or(Self::Real(number as f64), Self::Whole)
    }

    /// As a number for comparison; none if it is not finite.
    pub(super) fn number(self) -> Option<f64> {
        let number = match self {
            Self::Switch(on) => f64::from(u8::from(on)),
            Self::Whole(number) => number as f64,
            Self::Real(number) => number,
        };
        number.is_finite().then_some(number)
    }
}

/// What has no value: the instrument says so, or says nonsense.
const FAULTY: Sample = Sample::Bad(Reason::SensorFault);

/// A point's scale and offset, prepared for use: value = raw × scale + offset.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    factor: Factor,
    offset: f64,
}

/// A decimal scale such as 0.1 has no exact binary form, its inverse has: 2301 / 10 is 230.1, and 2301 × 0.1
/// is 230.10000000000002.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Factor {
    One,
    Times(f64),
    Over(f64),
}

impl Factor {
    fn new(scale: f64) -> Self {
        let inverse = (1.0 / scale).round();
        if scale == 1.0 {
            Self::One
        } else if inverse.abs() > 1.0 && 1.0 / inverse == scale {
            Self::Over(inverse)
        } else {
            Self::Times(scale)
        }
    }

    fn times(self, number: f64) -> f64 {
        match self {
            Self::One => number,
            Self::Times(scale) => number * scale,
            Self::Over(inverse) => number / inverse,
        }
    }
}

impl Scale {
    /// The scale and offset of a point.
    pub(super) fn new(scale: f64, offset: f64) -> Self {
        Self { factor: Factor::new(scale), offset }
    }

    /// The sample. A switch is one whatever the scale; a whole number stays one if nothing is to be scaled, so that
    /// counters and codes read as such; what is not finite is no measurement.
    #[inline]
    pub(super) fn sample(&self, raw: Raw) -> Sample {
        match raw {
            Raw::Switch(on) => Sample::Good(Value::Bool(on)),
            Raw::Whole(whole) if self.factor == Factor::One && self.offset == 0.0 => {
                Sample::Good(Value::Int(whole))
            }
            Raw::Whole(whole) => self.float(whole as f64),
            Raw::Real(real) => self.float(real),
        }
    }

    fn float(self, number: f64) -> Sample {
        let scaled = self.factor.times(number);
        finite(if self.offset == 0.0 { scaled } else { scaled + self.offset })
    }
}

fn finite(value: f64) -> Sample {
    if value.is_finite() { Sample::Good(Value::Float(value)) } else { FAULTY }
}

/// Currents of NAMUR NE 43, in mA: a measurement is said with 3.8 to 20.5, a failure with at most 3.6 or at least 21.
/// What lies between is neither: the instrument is at its limit, and its value is uncertain (our choice).
mod current {
    pub(super) const FAILED_LOW: f64 = 3.6;
    pub(super) const MEASURES_FROM: f64 = 3.8;
    pub(super) const MEASURES_TO: f64 = 20.5;
    pub(super) const FAILED_HIGH: f64 = 21.0;
    /// What is lost on the way from counts to mA must not decide.
    pub(super) const ROUNDING: f64 = 1e-9;
}

/// The value on the line through both ends of the span.
fn on_span(span: &Span, number: f64) -> Sample {
    let Span { raw, low, high, current_loop } = *span;
    let share = (number - raw.low) / (raw.high - raw.low);
    let value = Value::Float(low + (number - raw.low) * (high - low) / (raw.high - raw.low));
    if !share.is_finite() || !value.as_f64().is_finite() {
        return FAULTY;
    }
    let ma = 4.0 + share * 16.0;
    let (from, to) = (current::MEASURES_FROM - current::ROUNDING, current::MEASURES_TO + current::ROUNDING);
    let (broken, burnt) = (current::FAILED_LOW + current::ROUNDING, current::FAILED_HIGH - current::ROUNDING);
    match current_loop {
        true if ma < broken || ma > burnt => FAULTY,
        true if ma < from || ma > to => Sample::Uncertain(value, Reason::Range),
        _ => Sample::Good(value),
    }
}

/// What the ratios of a point come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Product {
    times: f64,
    over: f64,
}

impl Product {
    /// Of no ratio at all.
    pub(super) const ONE: Self = Self { times: 1.0, over: 1.0 };

    /// Multiplies with what a ratio's register says; none where it could not be read. Without it there is no value: a
    /// number that is not scaled is another number.
    pub(super) fn take(&mut self, kind: RatioKind, raw: Option<Raw>) -> Result<(), Reason> {
        let number = raw.ok_or(Reason::Comm)?.number().ok_or(Reason::SensorFault)?;
        let ratio = match kind {
            RatioKind::Factor(scale) => number * scale,
            RatioKind::Decimals => {
                self.over *= power(number).filter(|_| number >= 0.0).ok_or(Reason::SensorFault)?;
                return Ok(());
            }
            RatioKind::Exponent(scale) if number < 0.0 => {
                self.over *= power(-number).ok_or(Reason::SensorFault)?;
                scale
            }
            RatioKind::Exponent(scale) => power(number).ok_or(Reason::SensorFault)? * scale,
        };
        self.times *= ratio;
        // A transformer of ratio 0 is a register that nobody has set: every value would be 0.
        if ratio.is_finite() && ratio > 0.0 { Ok(()) } else { Err(Reason::SensorFault) }
    }
}

/// 10 to the power of `exponent`, if that is a whole number and no nonsense.
fn power(exponent: f64) -> Option<f64> {
    let whole = exponent as i32;
    (f64::from(whole) == exponent && (0..=RATIO_DECIMALS_MAX).contains(&whole)).then(|| 10_f64.powi(whole))
}

/// A point's conversion, prepared for use.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Conversion {
    line: Prepared,
    invalid: Box<[f64]>,
    codes: Box<[i64]>,
    words: Box<[(String, i64)]>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Prepared {
    Scale(Scale),
    Span(Span),
}

impl Conversion {
    /// The conversion of a point.
    pub(super) fn new(conversion: &site::Conversion) -> Self {
        let line = match conversion.line {
            Line::Scale { scale, offset } => Prepared::Scale(Scale::new(scale, offset)),
            Line::Span(span) => Prepared::Span(span),
        };
        Self {
            line,
            invalid: conversion.invalid.as_slice().into(),
            codes: conversion.codes.iter().map(|code| code.code).collect(),
            words: conversion.words.as_slice().into(),
        }
    }

    /// The scale, if that is all there is to it.
    pub(super) fn plain(&self) -> Option<Scale> {
        match self.line {
            Prepared::Scale(scale) if self.invalid.is_empty() && self.codes.is_empty() => Some(scale),
            _ => None,
        }
    }

    /// The sample that `raw` makes, multiplied with `ratios` if there are any.
    pub(super) fn sample(&self, raw: Raw, ratios: Option<Product>) -> Sample {
        if raw.number().is_none_or(|number| self.invalid.contains(&number)) {
            return FAULTY;
        }
        let raw = match (ratios, raw.number()) {
            (Some(Product { times, over }), Some(number)) => Raw::Real(number * times / over),
            _ => raw,
        };
        match (self.line, raw.number()) {
            (Prepared::Span(span), Some(number)) => on_span(&span, number),
            (Prepared::Scale(scale), Some(_)) => self.known(scale.sample(raw)),
            (_, None) => FAULTY,
        }
    }

    /// A code that nobody knows is no measurement, but it is what the device says.
    fn known(&self, sample: Sample) -> Sample {
        match sample {
            Sample::Good(value @ Value::Int(code))
                if !self.codes.is_empty() && !self.codes.contains(&code) =>
            {
                Sample::Uncertain(value, Reason::Range)
            }
            sample => sample,
        }
    }

    /// The code of a word, if it is known.
    pub(super) fn word(&self, text: &str) -> Option<Raw> {
        self.words.iter().find(|(word, _)| word == text).map(|(_, code)| Raw::Whole(*code))
    }

    /// What a text says: the code of a word, or a number. Any other text is no reading.
    pub(super) fn text(&self, text: &str) -> Option<Raw> {
        let text = text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\0');
        if let Some(code) = self.word(text) {
            return Some(code);
        }
        // Rust also reads `inf` and `nan` as numbers; no instrument means one by them.
        let digits = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
        if !text.chars().all(digits) {
            return None;
        }
        text.parse().map(Raw::Whole).or_else(|_| text.parse().map(Raw::Real)).ok()
    }
}

/// The sample, once another value of the device has said `quality` of it: trust is only ever lost.
pub(super) fn qualify(sample: Sample, quality: Quality) -> Sample {
    match (sample, quality) {
        (Sample::Bad(_), _) | (_, Quality::Good) | (Sample::Uncertain(..), Quality::Uncertain(_)) => sample,
        (_, Quality::Bad(reason)) => Sample::Bad(reason),
        (Sample::Good(value), Quality::Uncertain(reason)) => Sample::Uncertain(value, reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Text;
    use crate::site::{Code, Range};

    fn scaled(scale: f64, offset: f64, raw: Raw) -> Sample {
        Scale::new(scale, offset).sample(raw)
    }

    const fn good(value: f64) -> Sample {
        Sample::Good(Value::Float(value))
    }

    #[test]
    fn decimal_scales_give_the_decimal_that_a_person_expects() {
        assert_eq!(scaled(0.1, 0.0, Raw::Whole(2301)), good(230.1));
        assert_eq!(scaled(0.001, 0.0, Raw::Whole(-1)), good(-0.001));
        assert_eq!(scaled(0.1, -40.0, Raw::Whole(650)), good(25.0));
        assert_eq!(scaled(2.5, 1.0, Raw::Whole(2)), good(6.0));
        assert_eq!(scaled(-0.5, 0.0, Raw::Whole(3)), good(-1.5));
    }

    #[test]
    fn an_unscaled_integer_stays_one() {
        assert_eq!(scaled(1.0, 0.0, Raw::Whole(7)), Sample::Good(Value::Int(7)));
        assert_eq!(scaled(1.0, 0.5, Raw::Whole(7)), good(7.5));
        assert_eq!(scaled(1.0, 0.0, Raw::unsigned(u64::MAX)), good(u64::MAX as f64));
    }

    #[test]
    fn p2_what_is_not_finite_has_no_value() {
        for raw in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(scaled(1.0, 0.0, Raw::Real(raw)), FAULTY);
            assert_eq!(Conversion::new(&site::Conversion::default()).sample(Raw::Real(raw), None), FAULTY);
        }
        assert_eq!(scaled(10.0, 0.0, Raw::Real(f64::MAX)), FAULTY);
    }

    fn span(raw: (f64, f64), low: f64, high: f64, current_loop: bool) -> Conversion {
        let raw = Range { low: raw.0, high: raw.1 };
        let line = Line::Span(Span { raw, low, high, current_loop });
        Conversion::new(&site::Conversion { line, ..site::Conversion::default() })
    }

    #[test]
    fn a_raw_range_is_drawn_onto_the_instruments() {
        let level = span((0.0, 27_648.0), 0.0, 12.0, false);
        assert_eq!(level.sample(Raw::Whole(13_824), None), good(6.0));
        assert_eq!(level.sample(Raw::Whole(-27_648), None), good(-12.0));
        let inverse = span((4000.0, 20_000.0), 10.0, 0.0, false);
        assert_eq!(inverse.sample(Raw::Whole(8000), None), good(7.5));
    }

    #[test]
    fn p2_a_current_loop_tells_a_broken_wire_from_a_low_value() {
        let doubtful = |value| Sample::Uncertain(Value::Float(value), Reason::Range);
        let loops = span((4000.0, 20_000.0), 0.0, 16.0, true);
        for (microamperes, expected) in [
            (0, FAULTY),
            (3599, FAULTY),
            (3600, FAULTY),
            (3601, doubtful(-0.399)),
            (3799, doubtful(-0.201)),
            (3800, good(-0.2)),
            (4000, good(0.0)),
            (12_000, good(8.0)),
            (20_500, good(16.5)),
            (20_501, doubtful(16.501)),
            (20_999, doubtful(16.999)),
            (21_000, FAULTY),
            (32_767, FAULTY),
        ] {
            let got = loops.sample(Raw::Whole(microamperes), None);
            assert_eq!(got.quality(), expected.quality(), "{microamperes} µA");
            let of = |sample: Sample| sample.value().map_or(0.0, Value::as_f64);
            assert!((of(got) - of(expected)).abs() < 1e-9, "{microamperes} µA: {got:?}");
        }
        // Counts of a module for which 4 mA is 0: a broken wire is below it.
        let counts = span((0.0, 27_648.0), 0.0, 100.0, true);
        assert_eq!(counts.sample(Raw::Whole(0), None), good(0.0));
        assert_eq!(counts.sample(Raw::Whole(-692), None), FAULTY);
        assert_eq!(counts.sample(Raw::Whole(-691), None).quality(), Quality::Uncertain(Reason::Range));
    }

    #[test]
    fn p2_numbers_that_mean_none_have_no_value() {
        let invalid = vec![32_767.0, 65_535.0];
        let conversion = Conversion::new(&site::Conversion { invalid, ..site::Conversion::default() });
        assert_eq!(conversion.sample(Raw::Whole(32_767), None), FAULTY);
        assert_eq!(conversion.sample(Raw::Real(65_535.0), None), FAULTY);
        assert_eq!(conversion.sample(Raw::Whole(32_766), None), Sample::Good(Value::Int(32_766)));
        assert_eq!(conversion.plain(), None);
    }

    fn states() -> Conversion {
        let code = |code, word| Code { code, label: Text::same(word) };
        Conversion::new(&site::Conversion {
            codes: vec![code(0, "stopped"), code(1, "running")],
            words: vec![("STOP".into(), 0), ("RUN".into(), 1)],
            ..site::Conversion::default()
        })
    }

    #[test]
    fn a_code_stays_a_code_and_a_strange_one_is_in_doubt() {
        let strange = Sample::Uncertain(Value::Int(2), Reason::Range);
        assert_eq!(states().sample(Raw::Whole(1), None), Sample::Good(Value::Int(1)));
        assert_eq!(states().sample(Raw::Whole(2), None), strange);
        assert_eq!(states().sample(Raw::Switch(true), None), Sample::Good(Value::Bool(true)));
    }

    #[test]
    fn p2_a_text_is_a_number_a_known_word_or_nothing() {
        for (text, expected) in [
            ("RUN \0", Some(Raw::Whole(1))),
            ("STOP", Some(Raw::Whole(0))),
            ("run", None),
            (" 12.5 ", Some(Raw::Real(12.5))),
            ("-0040", Some(Raw::Whole(-40))),
            ("1e3", Some(Raw::Real(1000.0))),
            ("", None),
            ("inf", None),
            ("nan", None),
            ("12,5", None),
            ("--", None),
        ] {
            assert_eq!(states().text(text), expected, "{text:?}");
        }
    }

    #[test]
    fn ratios_multiply_and_decimals_stay_exact() {
        let volts = Conversion::new(&site::Conversion {
            line: Line::Scale { scale: 0.1, offset: 0.0 },
            ..site::Conversion::default()
        });
        let mut product = Product::ONE;
        assert_eq!(product.take(RatioKind::Factor(1.0), Some(Raw::Whole(30))), Ok(()));
        assert_eq!(product.take(RatioKind::Decimals, Some(Raw::Whole(2))), Ok(()));
        assert_eq!(volts.sample(Raw::Whole(2301), Some(product)), good(69.03));
        let mut exponent = Product::ONE;
        assert_eq!(exponent.take(RatioKind::Exponent(1.0), Some(Raw::Whole(-1))), Ok(()));
        assert_eq!(exponent.take(RatioKind::Exponent(0.5), Some(Raw::Whole(2))), Ok(()));
        assert_eq!(volts.sample(Raw::Whole(100), Some(exponent)), good(50.0));
    }

    #[test]
    fn p2_without_its_ratio_there_is_no_value() {
        for (kind, raw, expected) in [
            (RatioKind::Factor(1.0), None, Reason::Comm),
            (RatioKind::Factor(1.0), Some(Raw::Whole(0)), Reason::SensorFault),
            (RatioKind::Factor(1.0), Some(Raw::Whole(-3)), Reason::SensorFault),
            (RatioKind::Factor(1.0), Some(Raw::Real(f64::NAN)), Reason::SensorFault),
            (RatioKind::Decimals, None, Reason::Comm),
            (RatioKind::Decimals, Some(Raw::Whole(10)), Reason::SensorFault),
            (RatioKind::Decimals, Some(Raw::Whole(-1)), Reason::SensorFault),
            (RatioKind::Decimals, Some(Raw::Real(1.5)), Reason::SensorFault),
            (RatioKind::Exponent(1.0), Some(Raw::Whole(-10)), Reason::SensorFault),
        ] {
            assert_eq!(Product::ONE.clone().take(kind, raw), Err(expected), "{kind:?} {raw:?}");
        }
    }

    #[test]
    fn p2_trust_is_only_ever_lost() {
        let (good, comm) = (Sample::Good(Value::Int(1)), Sample::Bad(Reason::Comm));
        let doubtful = Sample::Uncertain(Value::Int(1), Reason::Range);
        let (maintenance, fault) =
            (Quality::Uncertain(Reason::Maintenance), Quality::Bad(Reason::SensorFault));
        assert_eq!(qualify(good, Quality::Good), good);
        assert_eq!(qualify(good, maintenance), Sample::Uncertain(Value::Int(1), Reason::Maintenance));
        assert_eq!(qualify(doubtful, maintenance), doubtful);
        assert_eq!(qualify(doubtful, fault), FAULTY);
        assert_eq!(qualify(comm, fault), comm);
    }
}
