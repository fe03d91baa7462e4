//! Blocks in which every point is one register and a scale. What is known of their points before the answer comes is put
//! down in a row, so that reading a register takes no more than fetching, scaling and storing it: 25 instructions where the general way takes 117,
//! which asks of every register anew what it is.

use super::super::conversion::{Raw, Scale};
use super::plan::{How, Located, Span};
use crate::model::{PointId, Reading, Reason, Sample, Wall};
use crate::site::{ByteOrder, Encoding};

/// One point of such a block.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Word {
    point: PointId,
    /// Registers from the start of the answer.
    at: u16,
    is_signed: bool,
    is_swapped: bool,
    scale: Scale,
}

/// The points of such a block, in its order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plain(Box<[Word]>);

impl Plain {
    /// The points of a block over `span`, if all of them are plain.
    pub(super) fn of(span: Span, points: &[Located]) -> Option<Self> {
        points.iter().map(|located| word(span, located)).collect::<Option<Box<[Word]>>>().map(Self)
    }

    /// The readings of an answer that came `at`.
    pub(super) fn readings(&self, words: &[u16], at: Wall) -> impl ExactSizeIterator<Item = Reading> {
        self.0.iter().map(move |word| Reading { point: word.point, at, sample: word.sample(words) })
    }
}

fn word(span: Span, located: &Located) -> Option<Word> {
    let How::Scaled(scale) = located.how else { return None };
    let is_signed = match located.register.encoding {
        Encoding::U16 => false,
        Encoding::I16 => true,
        _ => return None,
    };
    let is_swapped = matches!(located.register.order, ByteOrder::Badc | ByteOrder::Dcba);
    let at = u16::try_from(span.place_of(located.span)?).ok()?;
    Some(Word { point: located.point, at, is_signed, is_swapped, scale })
}

impl Word {
    /// In line, so that the sample is made where it stays: copied, it would be read back before it is written.
    #[inline]
    fn sample(&self, words: &[u16]) -> Sample {
        let Some(&word) = words.get(usize::from(self.at)) else { return Sample::Bad(Reason::Comm) };
        let word = if self.is_swapped { word.swap_bytes() } else { word };
        let whole = if self.is_signed { i64::from(word.cast_signed()) } else { i64::from(word) };
        self.scale.sample(Raw::Whole(whole))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::decode;
    use super::super::guard::Answer;
    use super::*;
    use crate::site::{Register, Table};

    fn located(n: usize, encoding: Encoding, order: ByteOrder, scale: Scale) -> Located {
        let register = Register { table: Table::Holding, address: 100 + n as u16, encoding, order };
        Located { point: PointId::new(n), span: Span::of(register), register, how: How::Scaled(scale) }
    }

    proptest! {
        /// The short way comes to what the general way comes to, also where the answer is too short.
        #[test]
        fn p2_a_plain_register_reads_as_the_general_way_reads_it(
            points in prop::collection::vec((any::<bool>(), 0..4_usize, 0..4_usize), 1..20),
            words in prop::collection::vec(any::<u16>(), 0..20),
        ) {
            let orders = [ByteOrder::Abcd, ByteOrder::Cdab, ByteOrder::Badc, ByteOrder::Dcba];
            let scales = [(1.0, 0.0), (0.1, 0.0), (1.0, -40.0), (f64::MAX, 5.0)];
            let points: Vec<Located> = points
                .iter()
                .enumerate()
                .map(|(n, (signed, order, scale))| {
                    let encoding = if *signed { Encoding::I16 } else { Encoding::U16 };
                    located(n, encoding, orders[*order], Scale::new(scales[*scale].0, scales[*scale].1))
                })
                .collect();
            let span = Span { table: Table::Holding, start: 100, count: points.len() as u16 };
            let plain = Plain::of(span, &points).expect("all are plain");
            let answer = Answer::Words(words.clone());
            for ((n, located), reading) in points.iter().enumerate().zip(plain.readings(&words, Wall(7))) {
                let How::Scaled(scale) = &located.how else { unreachable!() };
                let sample = decode::sample(&answer, n, located.register, scale);
                prop_assert_eq!(reading, Reading { point: located.point, at: Wall(7), sample });
            }
        }
    }

    #[test]
    fn what_is_more_than_a_register_and_a_scale_is_not_plain() {
        let span = Span { table: Table::Holding, start: 100, count: 4 };
        let scale = Scale::new(1.0, 0.0);
        let plain = |encoding| Plain::of(span, &[located(0, encoding, ByteOrder::Abcd, scale)]).is_some();
        assert!(plain(Encoding::U16) && plain(Encoding::I16));
        assert!(!plain(Encoding::F32) && !plain(Encoding::BitOf(3)) && !plain(Encoding::Bcd16));
        let part = Located { how: How::Part, ..located(0, Encoding::U16, ByteOrder::Abcd, scale) };
        assert!(Plain::of(span, &[part]).is_none());
    }
}
