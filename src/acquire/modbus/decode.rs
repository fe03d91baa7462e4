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
