//! From registers and bits to samples: every encoding in every order of bytes and words.

use super::guard::Answer;
use super::plan::{Block, Located};
use crate::model::{Reason, Sample, Value};
use crate::site::{ByteOrder, Encoding};

/// What `point`, which stands in `block`, says in the answer to that block. The guard has seen to it that
/// the answer is as long as the question; a point outside it could not be read.
pub(super) fn sample(answer: &Answer, block: &Block, point: &Located) -> Sample {
    let at = usize::from(point.span.start.saturating_sub(block.span.start));
    let found = match answer {
        Answer::Bits(bits) => bits.get(at).map(|on| Sample::Good(Value::Bool(*on))),
        Answer::Words(words) => {
            words.get(at..at + usize::from(point.span.count)).and_then(|words| number(words, point))
        }
    };
    found.unwrap_or(Sample::Bad(Reason::Comm))
}

/// The sample in exactly the words of `point`.
fn number(words: &[u16], point: &Located) -> Option<Sample> {
    let Located { encoding, order, scale, .. } = *point;
    Some(match encoding {
        Encoding::Bit => Sample::Good(Value::Bool(one(words, order)? != 0)),
        Encoding::BitOf(bit) => Sample::Good(Value::Bool(one(words, order)? >> (bit & 15) & 1 == 1)),
        Encoding::U16 => scale.integer(i64::from(one(words, order)?)),
        Encoding::I16 => scale.integer(i64::from(one(words, order)?.cast_signed())),
        Encoding::U32 => scale.integer(i64::from(two(words, order)?)),
        Encoding::I32 => scale.integer(i64::from(two(words, order)?.cast_signed())),
        Encoding::F32 => scale.float(f64::from(f32::from_bits(two(words, order)?))),
        Encoding::F64 => scale.float(f64::from_bits(four(words, order)?)),
    })
}

fn one(words: &[u16], order: ByteOrder) -> Option<u16> {
    let [word] = words else { return None };
    Some(match order {
        ByteOrder::Abcd | ByteOrder::Cdab => *word,
        ByteOrder::Badc | ByteOrder::Dcba => word.swap_bytes(),
    })
}

fn two(words: &[u16], order: ByteOrder) -> Option<u32> {
    let [first, second] = words else { return None };
    let (first, second) = (u32::from(*first), u32::from(*second));
    let big = first << 16 | second;
    Some(match order {
        ByteOrder::Abcd => big,
        ByteOrder::Cdab => big.rotate_left(16),
        ByteOrder::Badc => big.swap_bytes().rotate_left(16),
        ByteOrder::Dcba => big.swap_bytes(),
    })
}

/// Of four words the order means the same: which end comes first, by words and by the bytes in them.
fn four(words: &[u16], order: ByteOrder) -> Option<u64> {
    let [a, b, c, d] = words else { return None };
    let (front, back) = (two(&[*a, *b], order)?, two(&[*c, *d], order)?);
    Some(match order {
        ByteOrder::Abcd | ByteOrder::Badc => u64::from(front) << 32 | u64::from(back),
        ByteOrder::Cdab | ByteOrder::Dcba => u64::from(back) << 32 | u64::from(front),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::PointId;
    use crate::site::{Register, Table};

    const ORDERS: [ByteOrder; 4] = [ByteOrder::Abcd, ByteOrder::Cdab, ByteOrder::Badc, ByteOrder::Dcba];

    fn decode(words: &[u16], encoding: Encoding, order: ByteOrder, scale: f64, offset: f64) -> Sample {
        let register = Register { table: Table::Holding, address: 100, encoding, order, scale, offset };
        let point = Located::new(PointId::new(0), &register);
        sample(&Answer::Words(words.to_vec()), &Block::single(point), &point)
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
        let register = Register {
            table: Table::Coil,
            address: 9,
            encoding: Encoding::Bit,
            order: ByteOrder::Abcd,
            scale: 1.0,
            offset: 0.0,
        };
        let point = Located::new(PointId::new(0), &register);
        let block = Block::single(point);
        assert_eq!(sample(&Answer::Bits(vec![]), &block, &point), Sample::Bad(Reason::Comm));
        assert_eq!(sample(&Answer::Bits(vec![true]), &block, &point), Sample::Good(Value::Bool(true)));
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
