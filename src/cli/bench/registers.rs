//! From a point's registers to those of a simulated unit: where its value stands, and the registers beside it that scale it or
//! say how far it can be trusted, which say for ever that all is well.

use hazgate::site::{self, Point, Qualifier, Ratio, RatioKind, Register, Signal, Source};
use simulators::{Cell, Constant, Encoding, SignalRef, Table};

/// Numbers tried until one is found that no qualifier takes for a fault.
const HEALTHY_MAX: u16 = 1000;

/// The registers beside those of `points`, which are of one device.
pub(super) fn constants<'a>(points: impl Iterator<Item = &'a Point>) -> Vec<Constant> {
    let points: Vec<(&Point, &Signal)> = points.filter_map(|point| Some((point, modbus(point)?))).collect();
    let mut constants = Vec::new();
    for (point, signal) in &points {
        for ratio in &signal.ratios {
            add(&mut constants, ratio.register, || usual(ratio, point.decimals));
        }
    }
    let qualifiers: Vec<&Qualifier> = points.iter().flat_map(|(_, signal)| &signal.qualifiers).collect();
    for one in &qualifiers {
        let same = || qualifiers.iter().filter(|other| other.register == one.register).copied();
        add(&mut constants, one.register, || healthy(&same().collect::<Vec<_>>()));
    }
    constants
}

const fn modbus(point: &Point) -> Option<&Signal> {
    match &point.source {
        Source::Modbus(signal) => Some(signal),
        Source::Mqtt(_) | Source::Derived(_) => None,
    }
}

fn add(constants: &mut Vec<Constant>, register: Register, number: impl FnOnce() -> f64) {
    if find(constants, register).is_none() {
        constants.push(constant(register, number()));
    }
}

fn constant(register: Register, number: f64) -> Constant {
    let Register { table: at, address, encoding: how, order } = register;
    Constant { table: table(at), address, encoding: encoding(how), order: self::order(order), number }
}

fn find(constants: &[Constant], register: Register) -> Option<&Constant> {
    constants.iter().find(|known| **known == constant(register, known.number))
}

/// What a ratio's register says where nothing is transformed.
fn usual(ratio: &Ratio, decimals: u8) -> f64 {
    match ratio.kind {
        RatioKind::Factor(scale) => (1.0 / scale).round().max(1.0),
        RatioKind::Decimals => f64::from(decimals),
        RatioKind::Exponent(_) => 0.0,
    }
}

/// What a register says while none of its qualifiers finds fault.
fn healthy(qualifiers: &[&Qualifier]) -> f64 {
    let well = |number: &f64| qualifiers.iter().all(|qualifier| !qualifier.when.holds(*number));
    (0..=HEALTHY_MAX).map(f64::from).find(well).unwrap_or_default()
}

/// The cell of a point beside these constants; none if it stands in no register.
pub(super) fn cell(point: &Point, signal: SignalRef, constants: &[Constant]) -> Option<Cell> {
    let source = modbus(point)?;
    let Constant { table, address, encoding, order, .. } = constant(source.register, 0.0);
    let (scale, offset) = source.conversion.line.scale_and_offset();
    let product: f64 = source.ratios.iter().map(|ratio| worth(ratio, constants)).product();
    let codes = source.conversion.codes.iter().map(|code| code.code as f64).collect();
    let broken = source.conversion.invalid.first().copied();
    Some(Cell { table, address, encoding, order, scale: scale * product, offset, codes, broken, signal })
}

/// What a number is multiplied with by what the ratio's register says.
fn worth(ratio: &Ratio, constants: &[Constant]) -> f64 {
    let number = find(constants, ratio.register).map_or(1.0, |constant| constant.number);
    match ratio.kind {
        RatioKind::Factor(scale) => number * scale,
        RatioKind::Decimals => 10_f64.powf(-number),
        RatioKind::Exponent(scale) => 10_f64.powf(number) * scale,
    }
}

const fn table(table: site::Table) -> Table {
    match table {
        site::Table::Coil => Table::Coil,
        site::Table::Discrete => Table::Discrete,
        site::Table::Holding => Table::Holding,
        site::Table::Input => Table::Input,
    }
}

const fn encoding(encoding: site::Encoding) -> Encoding {
    match encoding {
        site::Encoding::Bit => Encoding::Bit,
        site::Encoding::BitOf(bit) => Encoding::BitOf(bit),
        site::Encoding::U16 => Encoding::U16,
        site::Encoding::I16 => Encoding::I16,
        site::Encoding::U32 => Encoding::U32,
        site::Encoding::I32 => Encoding::I32,
        site::Encoding::U64 => Encoding::U64,
        site::Encoding::I64 => Encoding::I64,
        site::Encoding::F32 => Encoding::F32,
        site::Encoding::F64 => Encoding::F64,
        site::Encoding::Bcd16 => Encoding::Bcd16,
        site::Encoding::Bcd32 => Encoding::Bcd32,
        site::Encoding::Ascii(registers) => Encoding::Ascii(registers),
    }
}

const fn order(order: site::ByteOrder) -> simulators::ByteOrder {
    match order {
        site::ByteOrder::Abcd => simulators::ByteOrder::Abcd,
        site::ByteOrder::Cdab => simulators::ByteOrder::Cdab,
        site::ByteOrder::Badc => simulators::ByteOrder::Badc,
        site::ByteOrder::Dcba => simulators::ByteOrder::Dcba,
    }
}
