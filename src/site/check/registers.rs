//! A register: whether its table, address, type and byte order fit together.

use super::Context;
use super::devices::Detail;
use super::points::Detailed;
use crate::model::limits::TEXT_REGISTERS_MAX;
use crate::site::raw::{OrderWord, RawPoint, TypeWord};
use crate::site::signal::{ByteOrder, Encoding, Register, Table};
use crate::site::source::Place;
use crate::site::values::RegisterAt;

/// Addresses of one Modbus table.
const ADDRESSES: u32 = 65_536;

/// A register as it is written: of a point, or of a table in a point.
pub(super) struct Written<'w> {
    pub(super) at: RegisterAt,
    pub(super) word: Option<TypeWord>,
    pub(super) bit: Option<u8>,
    pub(super) length: Option<u8>,
    pub(super) order: Option<OrderWord>,
    /// Where its keys stand.
    pub(super) place: &'w dyn Fn(&str) -> Place,
}

/// The register of a point on a Modbus device.
pub(super) fn register(detailed: &Detailed<'_>, device: &Detail<'_>, context: &mut Context<'_>) -> Register {
    refuse_mqtt(detailed, context);
    let Some(at) = detailed.get(|raw| raw.register) else {
        context
            .findings
            .add(detailed.whole(), "`register` is missing")
            .hint("add `register = \"holding:40\"`: table and address of the first register");
        return Register {
            table: Table::Holding,
            address: 0,
            encoding: Encoding::U16,
            order: ByteOrder::Abcd,
        };
    };
    let written = Written {
        at,
        word: detailed.get(|raw| raw.encoding),
        bit: detailed.get(|raw| raw.bit),
        length: detailed.get(|raw| raw.length),
        order: detailed.get(|raw| raw.byte_order),
        place: &|key| detailed.place(key),
    };
    written.locate(device, context)
}

impl Written<'_> {
    /// The register, if its table, address and type fit together; what does not is noted.
    pub(super) fn locate(&self, device: &Detail<'_>, context: &mut Context<'_>) -> Register {
        let encoding = self.encoding(context);
        let order = self.order.or(device.byte_order).map(order).unwrap_or_default();
        let address = self.address(device.address_base, encoding, context);
        Register { table: self.at.table, address, encoding, order }
    }

    fn encoding(&self, context: &mut Context<'_>) -> Encoding {
        let of_bits = matches!(self.at.table, Table::Coil | Table::Discrete);
        if self.length.is_some() && self.word != Some(TypeWord::Ascii) {
            let hint = "drop it, or write `type = \"ascii\"`";
            self.wrong(
                "length",
                "`length` is for texts: other types have a length of their own",
                hint,
                context,
            );
        }
        match (of_bits, self.word, self.bit) {
            (true, None | Some(TypeWord::Bit), None) => Encoding::Bit,
            (true, _, Some(_)) => {
                self.wrong("bit", "coils and discrete inputs are bits already", "drop `bit`", context)
            }
            (true, Some(_), None) => {
                let hint = "drop `type`, or read an `input` or `holding` register";
                self.wrong("type", "coils and discrete inputs hold bits only", hint, context)
            }
            (false, None | Some(TypeWord::Bit), Some(bit)) => Encoding::BitOf(bit),
            (false, Some(TypeWord::Bit), None) => {
                let hint = "say which with `bit = 0` to `bit = 15`";
                self.wrong("type", "a register has sixteen bits", hint, context)
            }
            (false, Some(_), Some(_)) => {
                let message = "`bit` goes with `type = \"bit\"` only";
                self.wrong("bit", message, "drop `bit` or `type`", context)
            }
            (false, Some(TypeWord::Ascii), None) => self.text(context),
            (false, None, None) => Encoding::U16,
            (false, Some(word), None) => whole(word),
        }
    }

    fn text(&self, context: &mut Context<'_>) -> Encoding {
        if let Some(length @ 1..=TEXT_REGISTERS_MAX) = self.length {
            return Encoding::Ascii(length);
        }
        let hint = "add `length = 4`: how many registers it takes, two characters in each";
        self.wrong("type", "the length of the text is missing", hint, context)
    }

    fn wrong(&self, key: &str, message: &str, hint: &str, context: &mut Context<'_>) -> Encoding {
        context.findings.add((self.place)(key), message).hint(hint);
        Encoding::U16
    }

    /// The protocol's own address, 0-based, of a value that fits into its table.
    fn address(&self, base: u8, encoding: Encoding, context: &mut Context<'_>) -> u16 {
        let written = self.at.address;
        let Some(address) = written.checked_sub(u32::from(base)) else {
            context
                .findings
                .add((self.place)("register"), "address 0 does not exist where the first register is 1")
                .hint("the device has address_base = 1: addresses are 1 to 65536");
            return 0;
        };
        let width = u32::from(encoding.width());
        if address + width > ADDRESSES {
            let last = ADDRESSES - width + u32::from(base);
            let message = format!("a value of {width} at {written} ends beyond the table");
            context
                .findings
                .add((self.place)("register"), message)
                .hint(format!("the last address for it is {last}"));
            return 0;
        }
        u16::try_from(address).unwrap_or(0)
    }
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
    const SAYS: &str = "a message says what a value is: drop it";
    let keys: [(&str, Present, &str); 8] = [
        ("register", |raw| raw.register.is_some(), "write `pointer` instead"),
        ("type", |raw| raw.encoding.is_some(), SAYS),
        ("bit", |raw| raw.bit.is_some(), SAYS),
        ("byte_order", |raw| raw.byte_order.is_some(), SAYS),
        ("length", |raw| raw.length.is_some(), SAYS),
        (
            "scale_by",
            |raw| raw.scale_by.is_some(),
            "what is published on its own need not be of one moment: use `scale`, or have the device publish scaled values",
        ),
        (
            "status",
            |raw| raw.status.is_some(),
            "what is published on its own need not be of one moment: make the status a [[point]] with `codes`, and name in \
             `invalid` what the value says when it is none",
        ),
        (
            "poll",
            |raw| raw.poll.is_some(),
            "a publisher speaks when it will: `max_age` says how old a value may be",
        ),
    ];
    for (key, present, hint) in keys {
        if detailed.get(|raw| present(raw).then_some(())).is_some() {
            context
                .findings
                .add(detailed.place(key), format!("`{key}` is for a Modbus device, and this is none"))
                .hint(hint);
        }
    }
}

const fn whole(word: TypeWord) -> Encoding {
    match word {
        TypeWord::Bit => Encoding::Bit,
        TypeWord::U16 | TypeWord::Ascii => Encoding::U16,
        TypeWord::I16 => Encoding::I16,
        TypeWord::U32 => Encoding::U32,
        TypeWord::I32 => Encoding::I32,
        TypeWord::U64 => Encoding::U64,
        TypeWord::I64 => Encoding::I64,
        TypeWord::F32 => Encoding::F32,
        TypeWord::F64 => Encoding::F64,
        TypeWord::Bcd16 => Encoding::Bcd16,
        TypeWord::Bcd32 => Encoding::Bcd32,
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
