//! From registers and bits to numbers and samples: every encoding in every order of bytes and words.

use super::super::conversion::{Raw, Scale};
use super::guard::Answer;
use crate::model::{Reason, Sample};
use crate::site::{ByteOrder, Encoding, Register};

/// What a scaled register says in an answer, `at` so many registers or bits from its start. The guard has seen to it that
/// the answer is as long as the question; a register outside it could not be read.
pub(super) fn sample(answer: &Answer, at: usize, register: Register, scale: &Scale) -> Sample {
    raw(answer, at, register).map_or(Sample::Bad(Reason::Comm), |raw| scale.sample(raw))
}

/// The number of a register in an answer, `at` so many from its start; none if it is not there, or is a text.
pub(super) fn raw(answer: &Answer, at: usize, register: Register) -> Option<Raw> {
    match answer {
        Answer::Bits(bits) => bits.get(at).map(|on| Raw::Switch(*on)),
        Answer::Words(words) => number(words, at, register),
    }
}

/// The text of a register in an answer; none if it is not there, or is none.
pub(super) fn text(answer: &Answer, at: usize, register: Register) -> Option<String> {
    let Answer::Words(words) = answer else { return None };
    let words = words.get(at..)?.get(..usize::from(register.encoding.width()))?;
    let bytes = words.iter().flat_map(|word| single(*word, register.order).to_be_bytes());
    Some(bytes.map(char::from).collect())
}

fn number(words: &[u16], at: usize, register: Register) -> Option<Raw> {
    let Register { encoding, order, .. } = register;
    let one = || Some(single(*words.get(at)?, order));
    let two = || Some(double(*words.get(at..)?.first_chunk()?, order));
    let four = || Some(quadruple(*words.get(at..)?.first_chunk()?, order));
    let whole = |number: i64| Some(Raw::Whole(number));
    match encoding {
        Encoding::Bit => Some(Raw::Switch(one()? != 0)),
        Encoding::BitOf(bit) => Some(Raw::Switch(one()? >> (bit & 15) & 1 == 1)),
        Encoding::U16 => whole(i64::from(one()?)),
        Encoding::I16 => whole(i64::from(one()?.cast_signed())),
        Encoding::U32 => whole(i64::from(two()?)),
        Encoding::I32 => whole(i64::from(two()?.cast_signed())),
        Encoding::U64 => Some(Raw::unsigned(four()?)),
        Encoding::I64 => whole(four()?.cast_signed()),
        Encoding::F32 => Some(Raw::Real(f64::from(f32::from_bits(two()?)))),
        Encoding::F64 => Some(Raw::Real(f64::from_bits(four()?))),
        Encoding::Bcd16 => Some(decimal(u32::from(one()?))),
        Encoding::Bcd32 => Some(decimal(two()?)),
        Encoding::Ascii(_) => None,
    }
}

/// Eight decimal digits of four bits each. What is no digit makes no number.
fn decimal(digits: u32) -> Raw {
    let mut number = 0;
    for place in (0..8).rev() {
        let digit = digits >> (4 * place) & 0xF;
        if digit > 9 {
            return Raw::Real(f64::NAN);
        }
        number = number * 10 + i64::from(digit);
    }
    Raw::Whole(number)
}

const fn single(word: u16, order: ByteOrder) -> u16 {
    match order {
        ByteOrder::Abcd | ByteOrder::Cdab => word,
        ByteOrder::Badc | ByteOrder::Dcba => word.swap_bytes(),
    }
}

fn double([first, second]: [u16; 2], order: ByteOrder) -> u32 {
    let big = u32::from(first) << 16 | u32::from(second);
    match order {
        ByteOrder::Abcd => big,
        ByteOrder::Cdab => big.rotate_left(16),
        ByteOrder::Badc => big.swap_bytes().rotate_left(16),
        ByteOrder::Dcba => big.swap_bytes(),
    }
}

/// Of four words the order means the same: which end comes first, by words and by the bytes in them.
fn quadruple([a, b, c, d]: [u16; 4], order: ByteOrder) -> u64 {
    let (front, back) = (double([a, b], order), double([c, d], order));
    match order {
        ByteOrder::Abcd | ByteOrder::Badc => u64::from(front) << 32 | u64::from(back),
        ByteOrder::Cdab | ByteOrder::Dcba => u64::from(back) << 32 | u64::from(front),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Value;
    use crate::site::Table;

    const ORDERS: [ByteOrder; 4] = [ByteOrder::Abcd, ByteOrder::Cdab, ByteOrder::Badc, ByteOrder::Dcba];

    fn register(encoding: Encoding, order: ByteOrder) -> Register {
        Register { table: Table::Holding, address: 100, encoding, order }
    }

    fn decode(words: &[u16], encoding: Encoding, order: ByteOrder, scale: f64, offset: f64) -> Sample {
        sample(&Answer::Words(words.to_vec()), 0, register(encoding, order), &Scale::new(scale, offset))
    }

    fn plain(words: &[u16], encoding: Encoding, order: ByteOrder) -> Sample {
        decode(words, encoding, order, 1.0, 0.0)
    }

    /// The registers in which a device of this order writes these bytes, which are given high byte first.
    fn written(bytes: &[u8], order: ByteOrder) -> Vec<u16> {
        let mut words: Vec<u16> =
            bytes.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
        if matches!(order, ByteOrder::Cdab | ByteOrder::Dcba) {
            words.reverse();
        }
        if matches!(order, ByteOrder::Badc | ByteOrder::Dcba) {
            words = words.into_iter().map(u16::swap_bytes).collect();
        }
        words
    }

    #[test]
    fn the_orders_are_those_of_the_manuals() {
        // 123456.0 is 0x47F12000.
        for (words, order) in [
            ([0x47F1, 0x2000], ByteOrder::Abcd),
            ([0x2000, 0x47F1], ByteOrder::Cdab),
            ([0xF147, 0x0020], ByteOrder::Badc),
            ([0x0020, 0xF147], ByteOrder::Dcba),
        ] {
            assert_eq!(
                plain(&words, Encoding::F32, order),
                Sample::Good(Value::Float(123_456.0)),
                "{order:?}"
            );
        }
    }

    #[test]
    fn field_devices_are_read_as_their_manuals_say() {
        // A three-phase meter: 230.1 V, -1.5 kW.
        let volts = decode(&[2301], Encoding::U16, ByteOrder::Abcd, 0.1, 0.0);
        assert_eq!(volts, Sample::Good(Value::Float(230.1)));
        let power = decode(&[0xFFFF, 0xFA24], Encoding::I32, ByteOrder::Abcd, 0.001, 0.0);
        assert_eq!(power, Sample::Good(Value::Float(-1.5)));
        // A temperature transmitter below zero.
        let cold = decode(&[0xFF9C], Encoding::I16, ByteOrder::Abcd, 0.1, 0.0);
        assert_eq!(cold, Sample::Good(Value::Float(-10.0)));
        // A gas controller's code for the unit of its reading.
        assert_eq!(plain(&[5], Encoding::U16, ByteOrder::Abcd), Sample::Good(Value::Int(5)));
        // Run and fault bits of one status word.
        for (bit, on) in [(0, true), (1, false), (15, true)] {
            assert_eq!(
                plain(&[0x8001], Encoding::BitOf(bit), ByteOrder::Abcd),
                Sample::Good(Value::Bool(on))
            );
        }
        assert_eq!(plain(&[0x0100], Encoding::BitOf(0), ByteOrder::Badc), Sample::Good(Value::Bool(true)));
    }

    #[test]
    fn p2_what_is_not_a_number_is_a_fault_of_the_sensor() {
        for bits in [f32::NAN.to_bits(), f32::INFINITY.to_bits(), 0xFFC0_0000] {
            let words = [(bits >> 16) as u16, bits as u16];
            assert_eq!(plain(&words, Encoding::F32, ByteOrder::Abcd), Sample::Bad(Reason::SensorFault));
        }
        assert_eq!(
            plain(&[0x7FF8, 0, 0, 0], Encoding::F64, ByteOrder::Abcd),
            Sample::Bad(Reason::SensorFault)
        );
    }

    #[test]
    fn p2_an_answer_that_is_too_short_gives_no_value() {
        assert_eq!(plain(&[1], Encoding::F32, ByteOrder::Abcd), Sample::Bad(Reason::Comm));
        let (coil, scale) = (register(Encoding::Bit, ByteOrder::Abcd), Scale::new(1.0, 0.0));
        assert_eq!(sample(&Answer::Bits(vec![]), 0, coil, &scale), Sample::Bad(Reason::Comm));
        assert_eq!(sample(&Answer::Bits(vec![true]), 0, coil, &scale), Sample::Good(Value::Bool(true)));
    }

    #[test]
    fn decimal_digits_are_read_as_such_and_others_are_a_fault() {
        assert_eq!(plain(&[0x1234], Encoding::Bcd16, ByteOrder::Abcd), Sample::Good(Value::Int(1234)));
        assert_eq!(plain(&[0x3412], Encoding::Bcd16, ByteOrder::Badc), Sample::Good(Value::Int(1234)));
        let words = [0x9876, 0x5432];
        assert_eq!(plain(&words, Encoding::Bcd32, ByteOrder::Abcd), Sample::Good(Value::Int(98_765_432)));
        assert_eq!(plain(&words, Encoding::Bcd32, ByteOrder::Cdab), Sample::Good(Value::Int(54_329_876)));
        for wrong in [0x000A, 0xF000, 0xFFFF] {
            let got = plain(&[wrong], Encoding::Bcd16, ByteOrder::Abcd);
            assert_eq!(got, Sample::Bad(Reason::SensorFault), "{wrong:04X}");
        }
    }

    #[test]
    fn characters_stand_in_the_order_of_their_words() {
        let read = |words: &[u16], order| {
            text(&Answer::Words(words.to_vec()), 0, register(Encoding::Ascii(2), order))
        };
        for order in [ByteOrder::Abcd, ByteOrder::Cdab] {
            assert_eq!(read(&[0x5255, 0x4E00], order).as_deref(), Some("RUN\0"));
        }
        for order in [ByteOrder::Badc, ByteOrder::Dcba] {
            assert_eq!(read(&[0x5552, 0x204E], order).as_deref(), Some("RUN "));
        }
        assert_eq!(read(&[0x5255], ByteOrder::Abcd), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(raw in any::<u64>()) {
            for order in ORDERS {
                let read = |bytes: &[u8], encoding| plain(&written(bytes, order), encoding, order);
                let int = |value| Sample::Good(Value::Int(value));
                let (word, pair) = (raw as u16, raw as u32);
                prop_assert_eq!(read(&word.to_be_bytes(), Encoding::U16), int(i64::from(word)));
                prop_assert_eq!(read(&word.to_be_bytes(), Encoding::I16), int(i64::from(word as i16)));
                prop_assert_eq!(read(&pair.to_be_bytes(), Encoding::U32), int(i64::from(pair)));
                prop_assert_eq!(read(&pair.to_be_bytes(), Encoding::I32), int(i64::from(pair as i32)));
                prop_assert_eq!(read(&raw.to_be_bytes(), Encoding::I64), int(raw as i64));
                prop_assert_eq!(read(&(raw >> 1).to_be_bytes(), Encoding::U64), int((raw >> 1) as i64));
                let single = f32::from_bits(pair);
                if single.is_finite() {
                    let expected = Sample::Good(Value::Float(f64::from(single)));
                    prop_assert_eq!(read(&single.to_be_bytes(), Encoding::F32), expected);
                }
                let double = f64::from_bits(raw);
                if double.is_finite() {
                    let expected = Sample::Good(Value::Float(double));
                    prop_assert_eq!(read(&double.to_be_bytes(), Encoding::F64), expected);
                }
            }
        }
    }
}
