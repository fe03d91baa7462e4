//! What registers can mean: every type in every order of bytes, side by side, by the gateway's own decoder.

use hazgate::acquire::modbus::probe::interpret;
use hazgate::model::Value;
use hazgate::site::{ByteOrder, Encoding};
use serde_json::{Map, json};

use super::args::WideType;
use super::table::Cell;

/// The orders of bytes, in the order in which they are tried and shown.
pub(crate) const ORDERS: [ByteOrder; 4] =
    [ByteOrder::Abcd, ByteOrder::Cdab, ByteOrder::Badc, ByteOrder::Dcba];
/// What two registers are shown as if nothing else is asked for.
const PAIRS: [WideType; 3] = [WideType::F32, WideType::U32, WideType::I32];

/// Beyond these a float is hardly a measurement: the registers are in another order, or no float.
const PLAUSIBLE: std::ops::Range<f64> = 1e-4..1e9;

/// An order as manuals write it.
pub(crate) const fn letters(order: ByteOrder) -> &'static str {
    match order {
        ByteOrder::Abcd => "ABCD",
        ByteOrder::Cdab => "CDAB",
        ByteOrder::Badc => "BADC",
        ByteOrder::Dcba => "DCBA",
    }
}

/// A type as the site file names it.
pub(crate) const fn type_name(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Bit | Encoding::BitOf(_) => "bit",
        Encoding::U16 => "u16",
        Encoding::I16 => "i16",
        Encoding::U32 => "u32",
        Encoding::I32 => "i32",
        Encoding::F32 => "f32",
        Encoding::F64 => "f64",
        Encoding::U64 => "u64",
        Encoding::I64 => "i64",
        Encoding::Bcd16 => "bcd16",
        Encoding::Bcd32 => "bcd32",
        Encoding::Ascii(_) => "ascii",
    }
}

impl WideType {
    /// As the decoder knows it.
    pub(crate) const fn encoding(self) -> Encoding {
        match self {
            Self::F32 => Encoding::F32,
            Self::U32 => Encoding::U32,
            Self::I32 => Encoding::I32,
            Self::F64 => Encoding::F64,
            Self::U64 => Encoding::U64,
            Self::I64 => Encoding::I64,
            Self::Bcd32 => Encoding::Bcd32,
        }
    }

    /// Those asked for, or those that are shown if none is.
    pub(crate) fn or_default(asked: &[Self]) -> &[Self] {
        if asked.is_empty() { &PAIRS } else { asked }
    }
}

/// Whether a number looks like a measurement.
pub(crate) fn is_plausible(value: Value) -> bool {
    match value {
        Value::Float(x) => x == 0.0 || PLAUSIBLE.contains(&x.abs()),
        Value::Int(_) | Value::Bool(_) => true,
    }
}

/// What `words` say as `encoding` in `order`, unscaled; none for what is no number.
pub(crate) fn value(words: &[u16], encoding: Encoding, order: ByteOrder) -> Option<Value> {
    interpret(words, encoding, order, 1.0).value()
}

/// A value with every digit that it has and no other; what can hardly be meant is short.
pub(crate) fn text(value: Value, encoding: Encoding) -> String {
    match value {
        Value::Float(x) if !is_plausible(value) => format!("{x:.1e}"),
        // A single has fewer digits than the double that holds it here.
        Value::Float(x) if encoding == Encoding::F32 => (x as f32).to_string(),
        other => other.to_string(),
    }
}

/// The cell of a value.
pub(crate) fn cell(words: &[u16], encoding: Encoding, order: ByteOrder) -> Cell {
    match value(words, encoding, order) {
        None if matches!(encoding, Encoding::F32 | Encoding::F64) => Cell::dim("NaN"),
        None => Cell::dim("·"),
        Some(value) if is_plausible(value) => Cell::new(text(value, encoding)),
        Some(value) => Cell::dim(text(value, encoding)),
    }
}

/// The number that four decimal digits of a register make; none if one of them is no digit.
pub(crate) fn bcd(word: u16) -> Option<Value> {
    value(&[word], Encoding::Bcd16, ByteOrder::Abcd)
}

/// The two characters of a register; a dot for what cannot be shown.
pub(crate) fn ascii(word: u16) -> String {
    let shown = |byte: u8| if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { '.' };
    word.to_be_bytes().map(shown).iter().collect()
}

/// The bits of a register, in fours, the most significant first.
pub(crate) fn bits(word: u16) -> String {
    [12, 8, 4, 0].map(|shift| format!("{:04b}", word >> shift & 0xF)).join(" ")
}

/// Everything that the registers from one address on can mean, for machines. What is no number is null.
pub(crate) fn json(words: &[u16], types: &[WideType]) -> Map<String, serde_json::Value> {
    let mut all = Map::new();
    let Some(&word) = words.first() else { return all };
    all.insert("hex".into(), format!("{word:04X}").into());
    all.insert("u16".into(), word.into());
    all.insert("i16".into(), word.cast_signed().into());
    all.insert("bcd".into(), json!(bcd(word)));
    all.insert("ascii".into(), ascii(word).into());
    for wide in types {
        let encoding = wide.encoding();
        let Some(words) = words.get(..usize::from(encoding.width())) else { continue };
        let orders: Map<_, _> = ORDERS
            .iter()
            .map(|order| (letters(*order).to_owned(), json!(value(words, encoding, *order))))
            .collect();
        all.insert(type_name(encoding).into(), orders.into());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_register_is_shown_in_every_way_that_manuals_write() {
        let number = |number| Some(Value::Int(number));
        assert_eq!((bcd(0x2301), bcd(0x23A1), bcd(0)), (number(2301), None, number(0)));
        assert_eq!((ascii(0x4F4B), ascii(0x00FF)), ("OK".to_owned(), "..".to_owned()));
        assert_eq!(bits(0x8001), "1000 0000 0000 0001");
    }

    #[test]
    fn a_float_has_every_digit_that_it_has_and_no_other() {
        let shown = |x: f32| text(Value::Float(f64::from(x)), Encoding::F32);
        assert_eq!(shown(230.1), "230.1");
        assert_eq!(shown(1_269_349.0), "1269349");
        assert_eq!(shown(-0.5), "-0.5");
        assert_eq!(shown(0.0), "0");
        assert_eq!(shown(2.418_1e-41), "2.4e-41");
        assert_eq!(text(Value::Int(-1500), Encoding::I32), "-1500");
    }

    #[test]
    fn only_the_right_order_looks_like_a_measurement() {
        let words = [0x6666_u16, 0x4366];
        let plausible: Vec<ByteOrder> = ORDERS
            .into_iter()
            .filter(|order| value(&words, Encoding::F32, *order).is_some_and(is_plausible))
            .collect();
        assert!(plausible.contains(&ByteOrder::Cdab), "{plausible:?}");
        assert_eq!(value(&words, Encoding::F32, ByteOrder::Cdab), Some(Value::Float(f64::from(230.4_f32))));
    }

    #[test]
    fn machines_get_numbers_and_null_for_what_is_none() {
        let all = serde_json::Value::from(json(&[0x7FC0, 0, 1], &[WideType::F32, WideType::F64]));
        assert_eq!(all["f32"]["ABCD"], serde_json::Value::Null);
        assert_eq!(all["u16"], 0x7FC0);
        assert_eq!(all["hex"], "7FC0");
        assert!(all.get("f64").is_none(), "three registers are no double");
    }
}
