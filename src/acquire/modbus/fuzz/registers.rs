//! Any words in a device's registers, read in every way that a site file may ask for: encoding, order, conversion, a register
//! that scales, a register that qualifies.

use super::super::guard::Answer;
use super::super::plan::{Block, Located, plan};
use super::super::recipe::Making;
use crate::model::{PointId, Quality, Reason, Sample, Value};
use crate::site::{
    ByteOrder, Code, Conversion, Encoding, Line, ModbusDevice, Qualifier, Range, Ratio, RatioKind, Register,
    Signal, Span, Table, When,
};

const ENCODINGS: [Encoding; 14] = [
    Encoding::U16,
    Encoding::I16,
    Encoding::U32,
    Encoding::I32,
    Encoding::U64,
    Encoding::I64,
    Encoding::F32,
    Encoding::F64,
    Encoding::Bcd16,
    Encoding::Bcd32,
    Encoding::BitOf(0),
    Encoding::BitOf(15),
    Encoding::Ascii(1),
    Encoding::Ascii(32),
];
const ORDERS: [ByteOrder; 4] = [ByteOrder::Abcd, ByteOrder::Cdab, ByteOrder::Badc, ByteOrder::Dcba];
/// Where the registers stand that scale and qualify: too far away for one block.
const RATIO: u16 = 200;
const QUALIFIER: u16 = 400;

/// What is read, how, and what the device has there.
pub(crate) fn registers(data: &[u8]) {
    let Some((&[encoding, order, line, ratio, qualifier, lost, a, b, c], rest)) = data.split_first_chunk()
    else {
        return;
    };
    let at = |address, choice: u8| Register {
        table: Table::Holding,
        address,
        encoding: ENCODINGS[usize::from(choice) % ENCODINGS.len()],
        order: ORDERS[usize::from(order) % ORDERS.len()],
    };
    let signal = Signal {
        register: at(0, encoding),
        conversion: conversion(line, [a, b, c].map(|byte| f64::from(byte.cast_signed()))),
        ratios: ratio_kind(ratio, f64::from(b))
            .map(|kind| Ratio { register: at(RATIO, c), kind })
            .into_iter()
            .collect(),
        qualifiers: when(qualifier, f64::from(a))
            .map(|(when, quality)| Qualifier { register: at(QUALIFIER, b), when, quality })
            .into_iter()
            .collect(),
    };
    let mut words =
        rest.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]));
    let lost = move |address: u16| lost & 1 << (address / RATIO) != 0;
    let device: Vec<(Block, Option<Vec<u16>>)> = plan(Located::all(PointId::new(0), &signal), &limits())
        .into_iter()
        .map(|block| {
            let held: Vec<u16> = (0..block.span.count).map(|_| words.next().unwrap_or(0)).collect();
            let answered = !lost(block.span.start);
            (block, answered.then_some(held))
        })
        .collect();
    judge(&signal, &device, read(&device));
}

/// As a poll makes its sample.
fn read(device: &[(Block, Option<Vec<u16>>)]) -> Sample {
    let (mut making, mut samples) = (Making::default(), Vec::new());
    for (block, held) in device {
        let Some(answer) = held.clone().map(Answer::Words) else {
            let unread = block.points.iter().filter(|located| !located.is_part());
            samples.extend(unread.map(|_| Sample::Bad(Reason::Comm)));
            continue;
        };
        for located in &block.points {
            let place = samples.len();
            samples.extend(making.sample(place, located, &answer, block));
        }
        making.keep(block, answer);
    }
    for (place, sample) in making.finish() {
        samples[place] = sample;
    }
    let [sample] = samples[..] else { panic!("one point and {samples:?}") };
    sample
}

/// No number that is none, nothing good without all that it takes, and of a register that says what it means just that.
fn judge(signal: &Signal, device: &[(Block, Option<Vec<u16>>)], sample: Sample) {
    if let Sample::Good(Value::Float(number)) | Sample::Uncertain(Value::Float(number), _) = sample {
        assert!(number.is_finite(), "{number} of {signal:?}");
    }
    let held = |address| {
        device.iter().find(|(block, _)| block.span.start == address).and_then(|(_, held)| held.as_deref())
    };
    let is_whole = device.iter().all(|(_, held)| held.is_some());
    assert!(is_whole || !matches!(sample, Sample::Good(_)), "{sample:?} in part, of {signal:?}");
    match held(0) {
        None => assert_eq!(sample, Sample::Bad(Reason::Comm)),
        Some(words) if *signal == Signal::from(signal.register) => {
            if let Some(expected) = expected(words, signal.register) {
                assert_eq!(sample, expected, "{words:04x?} as {:?}", signal.register);
            }
        }
        Some(_) => {}
    }
}

/// What the words say, read without the gateway's help; none of a text.
fn expected(words: &[u16], Register { encoding, order, .. }: Register) -> Option<Sample> {
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
    match order {
        ByteOrder::Abcd => {}
        ByteOrder::Badc => bytes.chunks_mut(2).for_each(<[u8]>::reverse),
        ByteOrder::Dcba => bytes.reverse(),
        ByteOrder::Cdab => {
            bytes.reverse();
            bytes.chunks_mut(2).for_each(<[u8]>::reverse);
        }
    }
    let bits = bytes.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
    let whole = |number: i64| Sample::Good(Value::Int(number));
    let real = |number: f64| {
        if number.is_finite() { Sample::Good(Value::Float(number)) } else { Sample::Bad(Reason::SensorFault) }
    };
    let digits = || {
        let hex = format!("{bits:x}");
        hex.parse().map_or(Sample::Bad(Reason::SensorFault), whole)
    };
    Some(match encoding {
        Encoding::Ascii(_) => return None,
        Encoding::Bit => Sample::Good(Value::Bool(bits != 0)),
        Encoding::BitOf(bit) => Sample::Good(Value::Bool(bits >> bit & 1 == 1)),
        Encoding::U16 | Encoding::U32 | Encoding::I64 => whole(bits as i64),
        Encoding::I16 => whole(i64::from(bits as u16 as i16)),
        Encoding::I32 => whole(i64::from(bits as u32 as i32)),
        Encoding::U64 => i64::try_from(bits).map_or_else(|_| real(bits as f64), whole),
        Encoding::F32 => real(f64::from(f32::from_bits(bits as u32))),
        Encoding::F64 => real(f64::from_bits(bits)),
        Encoding::Bcd16 | Encoding::Bcd32 => digits(),
    })
}

/// A conversion as the check lets it through.
fn conversion(choice: u8, [a, b, c]: [f64; 3]) -> Conversion {
    let label = crate::model::Text::same("label");
    let none = Conversion::default();
    let scale = if a == 0.0 { 0.1 } else { a / 100.0 };
    let span = Span {
        raw: Range { low: a, high: a + b.abs() + 1.0 },
        low: c,
        high: c + 16.0,
        current_loop: choice & 8 != 0,
    };
    match choice % 5 {
        0 => none,
        1 => Conversion { line: Line::Scale { scale, offset: b }, ..none },
        2 => Conversion { line: Line::Span(span), ..none },
        3 => Conversion { invalid: vec![a, 32_767.0, 65_535.0], ..none },
        _ => Conversion {
            codes: vec![Code { code: b as i64, label }],
            words: vec![("RUN".to_owned(), b as i64)],
            ..none
        },
    }
}

fn ratio_kind(choice: u8, scale: f64) -> Option<RatioKind> {
    match choice % 4 {
        0 => None,
        1 => Some(RatioKind::Factor((scale + 1.0) / 10.0)),
        2 => Some(RatioKind::Decimals),
        _ => Some(RatioKind::Exponent((scale + 1.0) / 10.0)),
    }
}

fn when(choice: u8, number: f64) -> Option<(When, Quality)> {
    let quality = if choice & 8 == 0 {
        Quality::Bad(Reason::SensorFault)
    } else {
        Quality::Uncertain(Reason::Maintenance)
    };
    let when = match choice % 5 {
        0 => return None,
        1 => When::Is(vec![number]),
        2 => When::IsNot(vec![number]),
        3 => When::Above(number),
        _ => When::Below(number),
    };
    Some((when, quality))
}

fn limits() -> ModbusDevice {
    use std::time::Duration;
    let (poll, timeout) = (Duration::from_secs(1), Duration::from_millis(500));
    ModbusDevice { unit: 1, poll, pause: Duration::ZERO, timeout, registers_max: 125, gap_max: 8 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2048))]

        #[test]
        fn p2_any_words_read_in_any_way_are_what_they_say_or_nothing(
            how in any::<[u8; 9]>(),
            words in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            registers(&[&how[..], &words].concat());
            // Nothing lost, nothing that scales or qualifies, each number as it stands there.
            let [encoding, order, ..] = how;
            registers(&[&[encoding, order, 0, 0, 0, 0, 0, 0, 0][..], &words].concat());
        }
    }
}
