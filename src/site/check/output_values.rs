//! What on and off are to a device: the raw values of an output as they go over the wire.

use super::Context;
use crate::site::defaults;
use crate::site::output::Values;
use crate::site::raw::{OrderWord, RawOutput, TypeWord};
use crate::site::signal::Table;
use crate::site::source::Spot;

/// The values of an output in its table; none after a mistake.
pub(super) fn values(
    raw: &RawOutput,
    spot: Spot,
    of_device: Option<OrderWord>,
    context: &mut Context<'_>,
) -> Option<Values> {
    let on = raw.on.unwrap_or(defaults::OUTPUT_ON);
    let off = raw.off.unwrap_or(defaults::OUTPUT_OFF);
    if on == off {
        context
            .findings
            .add(spot.key("off"), format!("on and off are both {on}"))
            .hint("give them different values");
        return None;
    }
    match (raw.register.table, raw.encoding) {
        (Table::Coil, None | Some(TypeWord::Bit)) => coil(on, off, spot, context),
        (Table::Coil, Some(_)) => wrong(spot, "type", "a coil holds a bit only", "drop `type`", context),
        (Table::Holding, word) => {
            let word = word.unwrap_or(TypeWord::U16);
            let order = raw.byte_order.or(of_device).unwrap_or(OrderWord::Abcd);
            let mut words = |key: &str, value| words(word, order, value, spot, key, context);
            let (on, off) = (words("on", on), words("off", off));
            Some(Values::Words { on: on?, off: off? })
        }
        (Table::Discrete | Table::Input, _) => {
            let hint = "use a `coil` or a `holding` register";
            wrong(spot, "register", "this table can only be read", hint, context)
        }
    }
}

fn coil(on: f64, off: f64, spot: Spot, context: &mut Context<'_>) -> Option<Values> {
    for (key, value) in [("on", on), ("off", off)] {
        if value != 0.0 && value != 1.0 {
            return wrong(spot, key, "a coil is 0 or 1", "use 0 or 1", context);
        }
    }
    Some(Values::Coil(on == 1.0))
}

fn words(
    word: TypeWord,
    order: OrderWord,
    value: f64,
    spot: Spot,
    key: &str,
    context: &mut Context<'_>,
) -> Option<Vec<u16>> {
    let bits: (u32, usize) = match word {
        TypeWord::U16 => (whole(value, 0.0, f64::from(u16::MAX), spot, key, context)?, 1),
        TypeWord::I16 => (whole(value, f64::from(i16::MIN), f64::from(i16::MAX), spot, key, context)?, 1),
        TypeWord::U32 => (whole(value, 0.0, f64::from(u32::MAX), spot, key, context)?, 2),
        TypeWord::I32 => (whole(value, f64::from(i32::MIN), f64::from(i32::MAX), spot, key, context)?, 2),
        TypeWord::F32 => ((value as f32).to_bits(), 2),
        _ => {
            let hint = "use u16, i16, u32, i32 or f32; a register is written whole";
            return wrong(spot, "type", "an output can't be written so", hint, context);
        }
    };
    Some(ordered(bits.0, bits.1, order))
}

/// The two's complement of a whole number within its bounds.
fn whole(value: f64, low: f64, high: f64, spot: Spot, key: &str, context: &mut Context<'_>) -> Option<u32> {
    if value.fract() == 0.0 && (low..=high).contains(&value) {
        return Some((value as i64) as u32);
    }
    let hint = format!("use a whole number from {low} to {high}");
    wrong(spot, key, "it does not fit the type", &hint, context)
}

/// The lowest `count` words of `bits` in the order in which the device has them.
fn ordered(bits: u32, count: usize, order: OrderWord) -> Vec<u16> {
    let both = [(bits >> 16) as u16, bits as u16];
    let mut words = both[2 - count..].to_vec();
    if matches!(order, OrderWord::Cdab | OrderWord::Dcba) {
        words.reverse();
    }
    if matches!(order, OrderWord::Badc | OrderWord::Dcba) {
        for word in &mut words {
            *word = word.swap_bytes();
        }
    }
    words
}

fn wrong<T>(spot: Spot, key: &str, message: &str, hint: &str, context: &mut Context<'_>) -> Option<T> {
    context.findings.add(spot.key(key), message).hint(hint);
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_in_the_order_of_the_device() {
        for (order, expected) in [
            (OrderWord::Abcd, [0x1234, 0x5678]),
            (OrderWord::Cdab, [0x5678, 0x1234]),
            (OrderWord::Badc, [0x3412, 0x7856]),
            (OrderWord::Dcba, [0x7856, 0x3412]),
        ] {
            assert_eq!(ordered(0x1234_5678, 2, order), expected, "{order:?}");
        }
        assert_eq!(ordered(0xFFFF_FFFE, 1, OrderWord::Abcd), [0xFFFE]);
        assert_eq!(ordered(1, 1, OrderWord::Badc), [0x0100]);
    }
}
