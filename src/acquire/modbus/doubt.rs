//! Which answers may still come on a line whose frames carry no number of their question. After a question that was given
//! up, its answer may come at any time and would pass for the answer to a later question of the same unit, function
//! and length, which may be about other registers.
//!
//! What closes that hole: a unit answers in the order in which it is asked, and lines and converters keep that order. So the
//! unit that left a question open is asked another one first, of a shape that no open question has. When its answer
//! comes, every answer to the questions before it has come and gone, or never will. Only the answer to the checking
//! question itself can then still be open, and its shape is known too.
//!
//! What stays open: a unit or converter that answers out of order; and an answer later than [`LATE_ANSWER_MAX`] after the last
//! question that was given up, after which a doubt is dropped, so that a unit that leaves the checking question alone is
//! not lost for ever.

use std::collections::BTreeMap;

use super::guard::Question;
use super::plan::Span;
use crate::model::Mono;
use crate::model::limits::LATE_ANSWER_MAX;
use crate::site::Table;

/// What shows of an answer: its function, and how many bytes of data it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shape(Table, u16);

impl Shape {
    fn of(span: Span) -> Self {
        Self(span.table, if is_bits(span.table) { span.count.div_ceil(8) } else { span.count })
    }
}

const fn is_bits(table: Table) -> bool {
    matches!(table, Table::Coil | Table::Discrete)
}

/// The open questions of one unit.
#[derive(Debug, Clone)]
struct Doubt {
    /// Shapes of answers that may still come.
    open: Vec<Shape>,
    /// The shape of the checking questions since the last question of the gateway's own.
    check: Option<Shape>,
    /// When the last question was given up.
    since: Mono,
}

/// The open questions of a line, by unit.
#[derive(Debug, Clone, Default)]
pub(super) struct Doubts(BTreeMap<u8, Doubt>);

impl Doubts {
    /// Whether no unit leaves any.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What must be asked before `question`; nothing if its unit leaves no doubt.
    pub(super) fn check(&mut self, question: Question, now: Mono) -> Option<Question> {
        let doubt = self.0.get_mut(&question.unit)?;
        if now - doubt.since > LATE_ANSWER_MAX {
            self.0.remove(&question.unit);
            return None;
        }
        let span = doubt.checking(question.span);
        Some(Question { span, ..question })
    }

    /// `question` was given up at `now`: its answer may still come.
    pub(super) fn given_up(&mut self, question: Question, now: Mono) {
        let shape = Shape::of(question.span);
        let doubt =
            self.0.entry(question.unit).or_insert(Doubt { open: Vec::new(), check: None, since: now });
        doubt.since = now;
        doubt.check = None;
        doubt.add(shape);
    }

    /// The checking question of `unit` has its answer: only an answer to one like it may still come.
    pub(super) fn checked(&mut self, unit: u8) {
        if let Some(doubt) = self.0.get_mut(&unit) {
            doubt.open = doubt.check.take().into_iter().collect();
        }
    }

    /// A question of `unit` has the answer that it asked for, and so nothing older can come.
    pub(super) fn answered(&mut self, unit: u8) {
        self.0.remove(&unit);
    }
}

impl Doubt {
    fn add(&mut self, shape: Shape) {
        if !self.open.contains(&shape) {
            self.open.push(shape);
        }
    }

    /// A question of a shape that neither `span` nor any open question has; the same as the last one, where that will do.
    fn checking(&mut self, span: Span) -> Span {
        let table = span.table;
        let step = if is_bits(table) { 8 } else { 1 };
        let fits = |doubt: &Self, shape: Shape| shape != Shape::of(span) && !doubt.open.contains(&shape);
        let again = self.check.filter(|shape| shape.0 == table && fits(self, *shape));
        let Shape(_, size) = again.unwrap_or_else(|| {
            if let Some(shape) = self.check.take() {
                self.add(shape);
            }
            let mut sizes = (1..=u16::from(u8::MAX)).map(|size| Shape(table, size));
            let fresh =
                sizes.find(|shape| fits(self, *shape)).expect("there are more sizes than open questions");
            *self.check.insert(fresh)
        });
        let count = (size - 1) * step + 1;
        Span { table, start: span.start.min(u16::MAX - (count - 1)), count }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn question(table: Table, start: u16, count: u16) -> Question {
        let (span, timeout) = (Span { table, start, count }, Duration::from_millis(500));
        Question { unit: 7, span, timeout, pause: Duration::ZERO }
    }

    fn checking(doubts: &mut Doubts, question: Question) -> Span {
        doubts.check(question, Mono::ZERO).unwrap().span
    }

    #[test]
    fn a_unit_that_answers_is_in_no_doubt() {
        let mut doubts = Doubts::default();
        let asked = question(Table::Holding, 10, 3);
        assert!(doubts.check(asked, Mono::ZERO).is_none());
        doubts.given_up(asked, Mono::ZERO);
        assert!(doubts.check(Question { unit: 8, ..asked }, Mono::ZERO).is_none());
        assert!(doubts.check(asked, Mono::ZERO).is_some());
        doubts.answered(7);
        assert!(doubts.check(asked, Mono::ZERO).is_none());
    }

    #[test]
    fn p2_the_checking_question_has_the_shape_of_no_other() {
        let mut doubts = Doubts::default();
        let asked = question(Table::Holding, 10, 1);
        doubts.given_up(asked, Mono::ZERO);
        assert_eq!(checking(&mut doubts, asked), Span { count: 2, ..asked.span });
        // It goes unanswered too, and another question of its shape is to follow.
        let two = question(Table::Holding, 20, 2);
        assert_eq!(checking(&mut doubts, two), Span { count: 3, ..two.span });
        assert_eq!(checking(&mut doubts, two), Span { count: 3, ..two.span }, "the same will do again");
        doubts.checked(7);
        doubts.given_up(asked, Mono::ZERO);
        assert_eq!(checking(&mut doubts, asked), Span { count: 2, ..asked.span }, "three may still come");
    }

    #[test]
    fn bits_come_in_bytes_and_no_check_goes_beyond_the_table() {
        let mut doubts = Doubts::default();
        let asked = question(Table::Coil, u16::MAX, 1);
        doubts.given_up(asked, Mono::ZERO);
        let span = checking(&mut doubts, asked);
        assert_eq!(span, Span { table: Table::Coil, start: u16::MAX - 8, count: 9 });
    }

    #[test]
    fn a_doubt_does_not_last_for_ever() {
        let mut doubts = Doubts::default();
        let asked = question(Table::Input, 0, 4);
        doubts.given_up(asked, Mono::ZERO);
        let late = Mono::ZERO + LATE_ANSWER_MAX;
        assert!(doubts.check(asked, late).is_some());
        assert!(doubts.check(asked, late + Duration::from_millis(1)).is_none());
    }
}
