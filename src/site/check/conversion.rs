//! What makes a value of a point's number: scale or span, current loop, numbers that are none, codes; whether they fit together
//! and the number can say them.

use std::collections::BTreeMap;

use super::Context;
use super::points::Detailed;
use crate::model::Text;
use crate::site::defaults;
use crate::site::model::Range;
use crate::site::raw::RawPoint;
use crate::site::signal::{Code, Conversion, Encoding, Line, Span};
use crate::site::values::Words;

/// Where a current loop ends, as shares of its span of 16 mA: 3.6 mA and 21 mA (NAMUR NE 43).
const LOOP_ENDS: (f64, f64) = (-0.4 / 16.0, 17.0 / 16.0);

/// The conversion of a point whose number is written as `encoding`; of a message nobody knows that.
pub(super) fn conversion(
    detailed: &Detailed<'_>,
    encoding: Option<Encoding>,
    context: &mut Context<'_>,
) -> Conversion {
    let mut maker = Maker { detailed, encoding, context };
    let line = maker.line();
    let invalid = maker.invalid();
    let codes = maker.codes(line);
    let words = maker.words(&codes);
    Conversion { line, invalid, codes, words }
}

/// The range of a point: what is written, or what its current loop can say beyond it. The loop judges its ends itself.
pub(super) fn range(written: Range, conversion: &Conversion, is_span: bool) -> Range {
    let Line::Span(Span { low, high, current_loop: true, .. }) = conversion.line else { return written };
    if !is_span {
        return written;
    }
    let ends = [LOOP_ENDS.0, LOOP_ENDS.1].map(|share| low + share * (high - low));
    Range { low: ends[0].min(ends[1]), high: ends[0].max(ends[1]) }
}

struct Maker<'a, 'c, 'v> {
    detailed: &'a Detailed<'a>,
    encoding: Option<Encoding>,
    context: &'c mut Context<'v>,
}

impl Maker<'_, '_, '_> {
    fn complain(&mut self, key: &str, message: impl Into<String>, hint: impl Into<String>) {
        self.context.findings.add(self.detailed.place(key), message).hint(hint);
    }

    /// The line; where a site file and its template each write one, the site file's.
    fn line(&mut self) -> Line {
        let spans = self.layer(|raw| raw.raw.is_some());
        let scales = self.layer(|raw| raw.scale.is_some() || raw.offset.is_some());
        if let (Some(span), Some(scale)) = (spans, scales)
            && span == scale
        {
            let key = if self.detailed.get(|raw| raw.scale).is_some() { "scale" } else { "offset" };
            self.complain(
                key,
                format!("`{key}` and `raw` both say what the numbers mean"),
                "drop one of them",
            );
        }
        match spans {
            Some(span) if scales.is_none_or(|scale| span <= scale) => self.span(),
            _ => {
                self.alone();
                self.scale()
            }
        }
    }

    /// The first of site file and template that has something.
    fn layer(&self, has: impl Fn(&RawPoint) -> bool) -> Option<usize> {
        self.detailed.layers().position(has)
    }

    fn scale(&mut self) -> Line {
        let scale = self.detailed.get(|raw| raw.scale).unwrap_or(defaults::SCALE);
        let offset = self.detailed.get(|raw| raw.offset).unwrap_or(defaults::OFFSET);
        if scale == 0.0 {
            self.complain("scale", "a scale of 0 makes every value the same", "value = raw × scale + offset");
        }
        Line::Scale { scale, offset }
    }

    /// Refuses what has no meaning without `raw`.
    fn alone(&mut self) {
        if self.detailed.get(|raw| raw.span).is_some() {
            self.complain(
                "span",
                "`span` says nothing without `raw`",
                "add `raw = [0, 4095]`: the numbers at its ends",
            );
        }
        if self.detailed.get(|raw| raw.current_loop).is_some() {
            let hint = "add `raw = [4000, 20000]`: what the device says at 4 mA and at 20 mA";
            self.complain("loop", "the numbers of a current loop are not known", hint);
        }
    }

    fn span(&mut self) -> Line {
        let [from, to] = self.detailed.get(|raw| raw.raw).unwrap_or_default();
        let raw = Range { low: from, high: to };
        if raw.low >= raw.high {
            let hint = "write [low, high] with low < high; where the value falls while the number rises, turn \
                        `span` round";
            self.complain("raw", format!("the raw range [{from}, {to}] is empty"), hint);
            return Line::default();
        }
        let ends = self.detailed.get(|raw| raw.span).or_else(|| self.detailed.get(|raw| raw.range));
        let Some([low, high]) = ends else {
            let hint = "add `range = [0, 10]`: the values at its two ends";
            self.complain("raw", "nobody says what the ends of `raw` mean", hint);
            return Line::default();
        };
        if low == high {
            let key = if self.detailed.get(|raw| raw.span).is_some() { "span" } else { "range" };
            self.complain(key, "both ends of `raw` mean the same", "write the values at its two ends");
        }
        if self.detailed.get(|raw| raw.scale_by.as_ref()).is_some_and(|ratios| !ratios.is_empty()) {
            self.complain(
                "scale_by",
                "`raw` says already what the numbers mean",
                "drop `raw`, and write `scale`",
            );
        }
        self.number_only("raw");
        let current_loop = self.detailed.get(|raw| raw.current_loop).is_some();
        if current_loop {
            self.visible(raw);
        }
        Line::Span(Span { raw, low, high, current_loop })
    }

    /// A broken wire must be something that the register can say.
    fn visible(&mut self, raw: Range) {
        let Some((least, most)) = self.encoding.and_then(bounds) else { return };
        let at = |share: f64| raw.low + share * (raw.high - raw.low);
        let (broken, burnt) = (at(LOOP_ENDS.0), at(LOOP_ENDS.1));
        if broken < least {
            let message = format!(
                "a broken wire would not be seen: 3.6 mA is {broken:.0}, and the type has no number below {least}"
            );
            let hint = "use a type with a sign if the module has one, or another range of the module, \
                        such as 0–20 mA; or drop `loop`";
            self.complain("loop", message, hint);
        }
        if burnt > most {
            let message = format!(
                "a failure would not be seen: 21 mA is {burnt:.0}, and the type has no number above {most}"
            );
            self.complain("loop", message, "use a wider type if the module has one, or drop `loop`");
        }
    }

    /// Refuses what only a number can have.
    fn number_only(&mut self, key: &str) {
        if matches!(self.encoding, Some(Encoding::Bit | Encoding::BitOf(_))) {
            self.complain(key, format!("`{key}` is for numbers, and a bit is none"), format!("drop `{key}`"));
        }
    }

    fn invalid(&mut self) -> Vec<f64> {
        let written = self.detailed.get(|raw| raw.invalid.as_ref());
        if written.is_some_and(|numbers| !numbers.is_empty()) {
            self.number_only("invalid");
        }
        let mut numbers = Vec::new();
        for (index, number) in written.into_iter().flatten().enumerate() {
            if let Some(number) = self.sayable(*number) {
                numbers.push(number);
            } else {
                let message = format!("the register never says {number}");
                let hint = "write the number as the device says it, before any scale, such as 0x7FFF";
                self.complain(&format!("invalid[{index}]"), message, hint);
            }
        }
        numbers
    }

    /// The number as the type says it: a manual writes 0xFFFF for what is −1 in two's complement.
    fn sayable(&self, number: f64) -> Option<f64> {
        let Some((least, most)) = self.encoding.and_then(bounds) else { return Some(number) };
        let turned = number - 2.0 * (most + 1.0);
        match number {
            _ if number.fract() != 0.0 => None,
            _ if (least..=most).contains(&number) => Some(number),
            _ if least < 0.0 && number > most && turned < 0.0 => Some(turned),
            _ => None,
        }
    }

    fn codes(&mut self, line: Line) -> Vec<Code> {
        let Some(written) = self.detailed.get(|raw| raw.codes.as_ref()) else { return Vec::new() };
        let ratios = self.detailed.get(|raw| raw.scale_by.as_ref()).is_some_and(|ratios| !ratios.is_empty());
        if matches!(self.encoding, Some(Encoding::F32 | Encoding::F64)) {
            self.complain("codes", "a code is a whole number, and this type is none", "drop `codes`");
        } else if line != Line::default() || ratios {
            let hint = "drop `codes`, or what scales it";
            self.complain("codes", "a code can't be scaled", hint);
        }
        self.list(written)
    }

    fn list(&mut self, written: &BTreeMap<String, Words>) -> Vec<Code> {
        let mut codes = Vec::new();
        for (key, label) in written {
            let code = key.parse::<i64>().ok().and_then(|code| self.sayable(code as f64));
            if let Some(code) = code {
                codes.push(Code { code: code as i64, label: Text::from(label.clone()) });
            } else {
                let message = format!("the device never says the code `{key}`");
                let hint = "write a whole number that the type can hold: `codes = { 0 = \"…\" }`";
                self.complain(&format!("codes.{key}"), message, hint);
            }
        }
        codes.sort_by_key(|code| code.code);
        codes
    }

    fn words(&mut self, codes: &[Code]) -> Vec<(String, i64)> {
        let Some(written) = self.detailed.get(|raw| raw.words.as_ref()) else { return Vec::new() };
        if !matches!(self.encoding, None | Some(Encoding::Ascii(_))) {
            let hint = "drop `words`, or write `type = \"ascii\"`";
            self.complain("words", "`words` is for text, and this type is none", hint);
        }
        for (word, code) in written {
            if !codes.iter().any(|known| known.code == *code) {
                let hint = format!("add it to `codes`: `{code} = \"…\"`");
                self.complain(&format!("words.{word}"), format!("`{word}` is no known code: {code}"), hint);
            }
        }
        written.iter().map(|(word, code)| (word.clone(), *code)).collect()
    }
}

/// The least and the greatest number of a type; none of one with fractions, and of a text.
const fn bounds(encoding: Encoding) -> Option<(f64, f64)> {
    Some(match encoding {
        Encoding::Bit | Encoding::BitOf(_) => (0.0, 1.0),
        Encoding::U16 => (0.0, u16::MAX as f64),
        Encoding::I16 => (i16::MIN as f64, i16::MAX as f64),
        Encoding::U32 => (0.0, u32::MAX as f64),
        Encoding::I32 => (i32::MIN as f64, i32::MAX as f64),
        Encoding::U64 => (0.0, u64::MAX as f64),
        Encoding::I64 => (i64::MIN as f64, i64::MAX as f64),
        Encoding::Bcd16 => (0.0, 9999.0),
        Encoding::Bcd32 => (0.0, 99_999_999.0),
        Encoding::F32 | Encoding::F64 | Encoding::Ascii(_) => return None,
    })
}
