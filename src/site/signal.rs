//! Where a value stands in a device, how it is written there, and what makes a reading of it: scale, current loop, numbers
//! that are none, codes, registers that scale it and registers that say whether it can be trusted.

use super::model::Range;
use crate::model::{Quality, Text};

/// A point of a Modbus device: a register, and all that makes a reading of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Signal {
    /// Where its number stands.
    pub register: Register,
    /// What the number means.
    pub conversion: Conversion,
    /// What the number is multiplied with before that.
    pub ratios: Vec<Ratio>,
    /// What says how far it can be trusted; the worst that is said holds.
    pub qualifiers: Vec<Qualifier>,
}

impl From<Register> for Signal {
    /// A register that says what it means.
    fn from(register: Register) -> Self {
        let conversion = Conversion::default();
        Self { register, conversion, ratios: Vec::new(), qualifiers: Vec::new() }
    }
}

/// A value in a Modbus device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Register {
    /// Which table.
    pub table: Table,
    /// Protocol address of the first register or bit, 0-based.
    pub address: u16,
    /// How it is written there.
    pub encoding: Encoding,
    /// Order of bytes and words.
    pub order: ByteOrder,
}

/// The four Modbus tables, by the function that reads them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Function 1.
    Coil,
    /// Function 2.
    Discrete,
    /// Function 3.
    Holding,
    /// Function 4.
    Input,
}

/// How a value is written in registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// One coil or discrete input.
    Bit,
    /// One bit of a register, 0 (least significant) to 15.
    BitOf(u8),
    /// One register, unsigned.
    U16,
    /// One register, two's complement.
    I16,
    /// Two registers, unsigned.
    U32,
    /// Two registers, two's complement.
    I32,
    /// Four registers, unsigned.
    U64,
    /// Four registers, two's complement.
    I64,
    /// Two registers, IEEE 754 single.
    F32,
    /// Four registers, IEEE 754 double.
    F64,
    /// One register, four decimal digits of four bits each.
    Bcd16,
    /// Two registers, eight decimal digits of four bits each.
    Bcd32,
    /// So many registers (at least 1), two ASCII characters each.
    Ascii(u8),
}

impl Encoding {
    /// Registers (or bits, for [`Encoding::Bit`]) that it takes.
    pub const fn width(self) -> u16 {
        match self {
            Self::Bit | Self::BitOf(_) | Self::U16 | Self::I16 | Self::Bcd16 => 1,
            Self::U32 | Self::I32 | Self::F32 | Self::Bcd32 => 2,
            Self::U64 | Self::I64 | Self::F64 => 4,
            Self::Ascii(registers) => registers as u16,
        }
    }
}

/// Order of the bytes of a value, written as the vendors' manuals do: `ABCD` is high word first, high byte first.
/// Of four registers it means the same: which end comes first, by words and by the bytes in them. Characters stand in the
/// order of their words whatever it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ByteOrder {
    /// High word first, high byte first: Modbus's own.
    #[default]
    Abcd,
    /// Low word first, high byte first.
    Cdab,
    /// High word first, low byte first.
    Badc,
    /// Low word first, low byte first.
    Dcba,
}

/// A value in a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Extract {
    /// Where in JSON: a pointer (RFC 6901) that may pick items by `[name=value]`, empty for the whole; with Sparkplug the
    /// metric's name.
    pub pointer: String,
    /// What the number means.
    pub conversion: Conversion,
}

/// What the number that a device says means. By default, itself.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Conversion {
    /// From number to value.
    pub line: Line,
    /// Numbers by which the device says that it has no value.
    pub invalid: Vec<f64>,
    /// What a code means; empty for a measurement. A code that is not here is uncertain.
    pub codes: Vec<Code>,
    /// The code meant by each word of a device that writes words.
    pub words: Vec<(String, i64)>,
}

/// The straight line from a device's number to a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Line {
    /// Value = number × scale + offset.
    Scale {
        /// Not 0.
        scale: f64,
        /// In the point's unit.
        offset: f64,
    },
    /// Through two points.
    Span(Span),
}

impl Default for Line {
    fn default() -> Self {
        Self::Scale { scale: 1.0, offset: 0.0 }
    }
}

impl Line {
    /// Scale and offset of the same line.
    pub fn scale_and_offset(self) -> (f64, f64) {
        match self {
            Self::Scale { scale, offset } => (scale, offset),
            Self::Span(Span { raw, low, high, .. }) => {
                let scale = (high - low) / (raw.high - raw.low);
                (scale, low - raw.low * scale)
            }
        }
    }
}

/// A line through two points: what the device says at either end of the instrument's span, and what it means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// Numbers of the device.
    pub raw: Range,
    /// The value at the lower number.
    pub low: f64,
    /// The value at the upper number; not the same.
    pub high: f64,
    /// Whether the ends are 4 mA and 20 mA of a current loop, which tells a broken wire by its current.
    pub current_loop: bool,
}

/// A code and what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// The number.
    pub code: i64,
    /// What people call it.
    pub label: Text,
}

/// A register of the same device that a number is multiplied with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratio {
    /// Where it stands.
    pub register: Register,
    /// How it counts.
    pub kind: RatioKind,
}

/// How the number of a [`Ratio`] counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RatioKind {
    /// Times it times this, such as the ratio of a current transformer.
    Factor(f64),
    /// That many decimal places: over 10 to its power.
    Decimals,
    /// Times 10 to its power times this.
    Exponent(f64),
}

/// A register of the same device that says how far another can be trusted.
#[derive(Debug, Clone, PartialEq)]
pub struct Qualifier {
    /// Where it stands.
    pub register: Register,
    /// What it must say.
    pub when: When,
    /// What holds then; never good.
    pub quality: Quality,
}

/// What a register says.
#[derive(Debug, Clone, PartialEq)]
pub enum When {
    /// One of these.
    Is(Vec<f64>),
    /// None of these.
    IsNot(Vec<f64>),
    /// More than this.
    Above(f64),
    /// Less than this.
    Below(f64),
}

impl When {
    /// Whether it holds of `number`.
    pub fn holds(&self, number: f64) -> bool {
        match self {
            Self::Is(numbers) => numbers.contains(&number),
            Self::IsNot(numbers) => !numbers.contains(&number),
            Self::Above(limit) => number > *limit,
            Self::Below(limit) => number < *limit,
        }
    }
}
