//! A point's register: whether its table, address, type and byte order fit together.

use super::Context;
use super::devices::Detail;
use super::points::Detailed;
use crate::site::raw::{OrderWord, RawPoint, TypeWord};
use crate::site::signal::{ByteOrder, Encoding, Register, Table};

/// Addresses of one Modbus table.
const ADDRESSES: u32 = 65_536;

/// The register of a point on a Modbus device.
pub(super) fn register(detailed: &Detailed<'_>, device: &Detail<'_>, context: &mut Context<'_>) -> Register {
    refuse_mqtt(detailed, context);
    let Some(at) = detailed.get(|raw| raw.register) else {
        context
            .findings
            .add(detailed.whole(), "`register` is missing")
            .hint("add `register = \"holding:40\"`: table and address of the first register");
        return placeholder();
    };
    let encoding = encoding(detailed, at.table, context);
    let order = detailed.get(|raw| raw.byte_order).or(device.byte_order).map(order).unwrap_or_default();
    let address = address(detailed, at.address, device.address_base, encoding, context);
    Register { table: at.table, address, encoding, order }
}

/// Refuses what only an MQTT device has.
fn refuse_mqtt(detailed: &Detailed<'_>, context: &mut Context<'_>) {
    let pointer = detailed.get(|raw| raw.pointer.as_ref()).map(|_| "pointer");
    let metric = detailed.get(|raw| raw.metric.as_ref()).map(|_| "metric");
    for key in [pointer, metric].into_iter().flatten() {
        context
            .findings
            .add(detailed.place(key), format!("`{key}` is for an MQTT device, and this is none"))
            .hint("write `register` instead");
    }
}

/// Refuses what only a Modbus device has.
pub(super) fn refuse_modbus(detailed: &Detailed<'_>, context: &mut Context<'_>) {
    type Present = fn(&RawPoint) -> bool;
    let keys: [(&str, Present); 5] = [
        ("register", |raw| raw.register.is_some()),
        ("type", |raw| raw.encoding.is_some()),
        ("bit", |raw| raw.bit.is_some()),
        ("byte_order", |raw| raw.byte_order.is_some()),
        ("poll", |raw| raw.poll.is_some()),
    ];
    for (key, present) in keys {
        if detailed.get(|raw| present(raw).then_some(())).is_some() {
            context
                .findings
                .add(detailed.place(key), format!("`{key}` is for a Modbus device, and this is none"))
                .hint("write `pointer` instead");
        }
    }
}

fn encoding(detailed: &Detailed<'_>, table: Table, context: &mut Context<'_>) -> Encoding {
    let word = detailed.get(|raw| raw.encoding);
    let bit = detailed.get(|raw| raw.bit);
    let of_bits = matches!(table, Table::Coil | Table::Discrete);
    match (of_bits, word, bit) {
        (true, None | Some(TypeWord::Bit), None) => Encoding::Bit,
        (true, _, Some(_)) => {
            wrong(detailed, "bit", "coils and discrete inputs are bits already", "drop `bit`", context)
        }
        (true, Some(_), None) => {
            let hint = "drop `type`, or read an `input` or `holding` register";
            wrong(detailed, "type", "coils and discrete inputs hold bits only", hint, context)
        }
        (false, None | Some(TypeWord::Bit), Some(bit)) => Encoding::BitOf(bit),
        (false, Some(TypeWord::Bit), None) => wrong(
            detailed,
            "type",
            "a register has sixteen bits",
            "say which with `bit = 0` to `bit = 15`",
            context,
        ),
        (false, Some(_), Some(_)) => {
            wrong(detailed, "bit", "`bit` goes with `type = \"bit\"` only", "drop `bit` or `type`", context)
        }
        (false, None, None) => Encoding::U16,
        (false, Some(word), None) => whole(word),
    }
}

fn wrong(
    detailed: &Detailed<'_>,
    key: &str,
    message: &str,
    hint: &str,
    context: &mut Context<'_>,
) -> Encoding {
    context.findings.add(detailed.place(key), message).hint(hint);
    Encoding::U16
}

const fn whole(word: TypeWord) -> Encoding {
    match word {
        TypeWord::Bit => Encoding::Bit,
        TypeWord::U16 => Encoding::U16,
        TypeWord::I16 => Encoding::I16,
        TypeWord::U32 => Encoding::U32,
        TypeWord::I32 => Encoding::I32,
        TypeWord::F32 => Encoding::F32,
        TypeWord::F64 => Encoding::F64,
    }
}

const fn order(word: OrderWord) -> ByteOrder {
    match word {
        OrderWord::Abcd => ByteOrder::Abcd,
        OrderWord::Cdab => ByteOrder::Cdab,
        OrderWord::Badc => ByteOrder::Badc,
        OrderWord::Dcba => ByteOrder::Dcba,
    }
}

/// The protocol's own address, 0-based, of a value that fits into its table.
fn address(
    detailed: &Detailed<'_>,
    written: u32,
    base: u8,
    encoding: Encoding,
    context: &mut Context<'_>,
) -> u16 {
    let Some(address) = written.checked_sub(u32::from(base)) else {
        context
            .findings
            .add(detailed.place("register"), "address 0 does not exist where the first register is 1")
            .hint("the device has address_base = 1: addresses are 1 to 65536");
        return 0;
    };
    let width = u32::from(encoding.width());
    if address + width > ADDRESSES {
        let last = ADDRESSES - width + u32::from(base);
        context
            .findings
            .add(detailed.place("register"), format!("a value of {width} at {written} ends beyond the table"))
            .hint(format!("the last address for it is {last}"));
        return 0;
    }
    u16::try_from(address).unwrap_or(0)
}

/// Stands in for a register that is missing: the site is refused anyway.
const fn placeholder() -> Register {
    Register { table: Table::Holding, address: 0, encoding: Encoding::U16, order: ByteOrder::Abcd }
}
