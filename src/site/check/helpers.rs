//! `scale_by` and `status`: the registers of a device that scale a point's number, or say how far it can be trusted.

use super::Context;
use super::devices::Detail;
use super::points::Detailed;
use super::registers::Written;
use crate::site::raw::{RatioWord, RawRatio, RawStatus, TypeWord};
use crate::site::signal::{Encoding, Qualifier, Ratio, RatioKind, Register, When};
use crate::site::source::Place;

/// What a point's number is multiplied with.
pub(super) fn ratios(detailed: &Detailed<'_>, device: &Detail<'_>, context: &mut Context<'_>) -> Vec<Ratio> {
    let written = detailed.get(|raw| raw.scale_by.as_ref());
    let entries = written.into_iter().flatten().enumerate();
    entries.map(|(index, raw)| ratio(raw, &|key| nested(detailed, index, key), device, context)).collect()
}

fn nested(detailed: &Detailed<'_>, index: usize, key: &str) -> Place {
    detailed.place(&format!("scale_by[{index}].{key}"))
}

fn ratio(
    raw: &RawRatio,
    place: &dyn Fn(&str) -> Place,
    device: &Detail<'_>,
    context: &mut Context<'_>,
) -> Ratio {
    let written = Written {
        at: raw.register,
        word: raw.encoding,
        bit: None,
        length: None,
        order: raw.byte_order,
        place,
    };
    let register = number(&written, device, context);
    let kind = raw.kind.unwrap_or(RatioWord::Factor);
    let scale = raw.scale.unwrap_or(1.0);
    if raw.scale.is_some() && kind == RatioWord::Decimals {
        let hint = "drop `scale`, or write it with the point";
        context.findings.add(place("scale"), "decimal places can't be scaled").hint(hint);
    } else if scale <= 0.0 {
        let message = format!("a ratio times {scale} is none");
        context.findings.add(place("scale"), message).hint("use a number greater than 0");
    }
    let kind = match kind {
        RatioWord::Factor => RatioKind::Factor(scale),
        RatioWord::Decimals => RatioKind::Decimals,
        RatioWord::Exponent => RatioKind::Exponent(scale),
    };
    Ratio { register, kind }
}

/// A register that holds a number.
fn number(written: &Written<'_>, device: &Detail<'_>, context: &mut Context<'_>) -> Register {
    if written.word == Some(TypeWord::Ascii) {
        let message = "only a number can do this, and this is text";
        context.findings.add((written.place)("type"), message).hint("use a type of numbers");
        return Written { word: None, ..*written }.locate(device, context);
    }
    written.locate(device, context)
}

/// What says how far a point can be trusted: its own entries, and its device's unless the point stands in the very register
/// that they look at.
pub(super) fn qualifiers(
    detailed: &Detailed<'_>,
    own: Register,
    device: &Detail<'_>,
    context: &mut Context<'_>,
) -> Vec<Qualifier> {
    let written = detailed.get(|raw| raw.status.as_ref()).into_iter().flatten().enumerate();
    let place = |index: usize, key: &str| detailed.place(&format!("status[{index}].{key}"));
    let mut qualifiers: Vec<Qualifier> =
        written.map(|(index, raw)| qualifier(raw, &|key| place(index, key), device, context)).collect();
    let others = device.status.iter().filter(|shared| !overlap(shared.register, own));
    qualifiers.extend(others.cloned());
    qualifiers
}

/// Whether two values have a register in common.
fn overlap(one: Register, other: Register) -> bool {
    let ends = |register: Register| {
        let start = u32::from(register.address);
        (start, start + u32::from(register.encoding.width()))
    };
    let ((a, b), (c, d)) = (ends(one), ends(other));
    one.table == other.table && a < d && c < b
}

/// One entry of `status`.
pub(super) fn qualifier(
    raw: &RawStatus,
    place: &dyn Fn(&str) -> Place,
    device: &Detail<'_>,
    context: &mut Context<'_>,
) -> Qualifier {
    let written = Written {
        at: raw.register,
        word: raw.encoding,
        bit: raw.bit,
        length: None,
        order: raw.byte_order,
        place,
    };
    let register = number(&written, device, context);
    let when = when(raw, register.encoding, place, context);
    Qualifier { register, when, quality: raw.quality.0 }
}

/// What the register must say; by default, anything but 0.
fn when(
    raw: &RawStatus,
    encoding: Encoding,
    place: &dyn Fn(&str) -> Place,
    context: &mut Context<'_>,
) -> When {
    let tests = [
        ("is", raw.is.clone().map(When::Is)),
        ("is_not", raw.is_not.clone().map(When::IsNot)),
        ("above", raw.above.map(When::Above)),
        ("below", raw.below.map(When::Below)),
    ];
    let mut tests = tests.into_iter().filter_map(|(key, when)| Some((key, when?)));
    let Some((first, when)) = tests.next() else { return When::IsNot(vec![0.0]) };
    if let Some((second, _)) = tests.next() {
        let hint = "write one entry for each";
        context.findings.add(place(second), format!("`{first}` and `{second}` are two tests")).hint(hint);
    }
    if matches!(encoding, Encoding::Bit | Encoding::BitOf(_)) && never(&when) {
        let message = format!("a bit is 0 or 1: `{first}` is always or never so");
        context.findings.add(place(first), message).hint("write `is = [1]` or `is = [0]`");
    }
    if matches!(&when, When::Is(numbers) | When::IsNot(numbers) if numbers.is_empty()) {
        context.findings.add(place(first), format!("`{first}` holds no number")).hint("write `is = [1]`");
    }
    when
}

/// Whether a bit can't decide a test.
fn never(when: &When) -> bool {
    when.holds(0.0) == when.holds(1.0)
}
