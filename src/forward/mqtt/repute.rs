//! What is to be thought of a broker over its connections: whether it takes what it is sent, and why it counts as failing for
//! a while though it does.

use crate::forward::Health;
use crate::model::limits::REFUSAL_TOLD_FOR;
use crate::model::{Mono, Text};

/// What is known.
#[derive(Debug, Default)]
pub(super) struct Repute {
    /// What is wrong, and until when that is told.
    doubt: Option<(Mono, Text)>,
    /// What is told of it as long as it stands in for another.
    stands_in: Option<Text>,
    /// Whether it has acknowledged something on this connection.
    has_acknowledged: bool,
}

impl Repute {
    /// A connection begins.
    pub(super) fn begin(&mut self) {
        self.has_acknowledged = false;
    }

    /// It stands in for another, which is told even while it takes everything.
    pub(super) fn stands_in(&mut self, words: Text) {
        self.stands_in = Some(words);
    }

    /// Whether it has acknowledged something on this connection.
    pub(super) const fn has_acknowledged(&self) -> bool {
        self.has_acknowledged
    }

    /// It has acknowledged something. Not sooner: a broker that lets us in and acknowledges nothing does not work.
    pub(super) fn acknowledged(&mut self, health: &Health, now: Mono) {
        self.has_acknowledged = true;
        match (&self.doubt, &self.stands_in) {
            (Some((until, words)), _) if now < *until => health.fails(words),
            (_, Some(words)) => health.fails(words),
            (_, None) => {
                self.doubt = None;
                health.works();
            }
        }
    }

    /// It counts as failing for so long as people need to see it, in the words of the first time.
    pub(super) fn doubt(&mut self, words: &Text, health: &Health, now: Mono) {
        let words = match self.doubt.take() {
            Some((until, first)) if now < until => first,
            _ => words.clone(),
        };
        health.fails(&words);
        self.doubt = Some((now + REFUSAL_TOLD_FOR, words));
    }
}
