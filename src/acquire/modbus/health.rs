//! Whether a device is up, as one machine without I/O: what each poll came to goes in, what others must hear
//! comes out, and only when it changes.

use super::super::news::{News, Told};
use super::guard::Failure;
use crate::model::limits::MISSED_POLLS_MAX;
use crate::model::{LinkCounters, LinkState, Mono, Text};

/// What a poll came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Everything was answered.
    Whole,
    /// Something was answered; why not the rest.
    Part(Text),
    /// Nothing was answered; why.
    Nothing(Text),
}

/// What is known of one device.
#[derive(Debug, Clone, Default)]
pub(super) struct Health {
    told: Told,
    missed: u32,
}

impl Health {
    /// Whether the device answers, as far as others have been told.
    pub(super) fn answers(&self) -> bool {
        self.told.state().is_some_and(|state| state != LinkState::Down)
    }

    /// Whether others have been told that it is down.
    pub(super) fn is_down(&self) -> bool {
        self.told.state() == Some(LinkState::Down)
    }

    /// What is counted of the device.
    pub(super) fn counters(&mut self) -> &mut LinkCounters {
        self.told.counters()
    }

    /// What has been counted, if it is time to say so.
    pub(super) fn recount(&mut self, now: Mono) -> Option<News> {
        self.told.recount(now)
    }

    /// Takes note of a poll.
    pub(super) fn polled(&mut self, outcome: Outcome) -> Option<News> {
        match outcome {
            Outcome::Whole => self.answered(LinkState::Up, None),
            Outcome::Part(error) => self.answered(LinkState::Degraded, Some(error)),
            Outcome::Nothing(error) => self.missed(error),
        }
    }

    /// Takes note that there is no connection to it.
    pub(super) fn unreachable(&mut self, error: Text) -> Option<News> {
        self.missed = 0;
        self.told.tell(LinkState::Down, Some(error))
    }

    /// Counts a question that got no answer.
    pub(super) fn count(&mut self, failure: &Failure) {
        let counters = self.told.counters();
        let counter = match failure {
            Failure::Refused(_) => &mut counters.refused,
            Failure::Silent(_) => &mut counters.silent,
            Failure::Lost(_) => &mut counters.lost,
            Failure::Garbled(_) => &mut counters.malformed,
            // Nothing was asked.
            Failure::Unreachable(_) => return,
        };
        *counter = counter.saturating_add(1);
    }

    fn answered(&mut self, state: LinkState, error: Option<Text>) -> Option<News> {
        self.missed = 0;
        self.told.tell(state, error)
    }

    fn missed(&mut self, error: Text) -> Option<News> {
        self.missed = self.missed.saturating_add(1);
        if self.is_down() || self.missed >= MISSED_POLLS_MAX {
            self.told.tell(LinkState::Down, Some(error))
        } else if self.answers() {
            self.told.tell(LinkState::Degraded, Some(error))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was told: the state, and its reason where it has one.
    fn told(news: Option<News>) -> (Option<LinkState>, String) {
        news.map_or((None, String::new()), |news| (Some(news.state), news.error.unwrap_or_default().en))
    }

    fn up() -> (Option<LinkState>, String) {
        (Some(LinkState::Up), String::new())
    }

    fn degraded(words: &str) -> (Option<LinkState>, String) {
        (Some(LinkState::Degraded), words.to_owned())
    }

    fn down(words: &str) -> (Option<LinkState>, String) {
        (Some(LinkState::Down), words.to_owned())
    }

    fn nothing() -> Outcome {
        Outcome::Nothing(Text::same("no answer"))
    }

    #[test]
    fn p2_two_missed_polls_take_a_device_down_and_one_answer_brings_it_back() {
        let mut health = Health::default();
        assert_eq!(told(health.polled(Outcome::Whole)), up());
        assert_eq!(told(health.polled(nothing())), degraded("no answer"));
        assert_eq!(told(health.polled(nothing())), down("no answer"));
        assert!(health.is_down());
        assert_eq!(told(health.polled(Outcome::Whole)), up());
    }

    #[test]
    fn p2_a_device_that_never_answered_is_down_after_two_polls_and_never_up_before() {
        let mut health = Health::default();
        assert_eq!(health.polled(nothing()), None);
        assert_eq!(told(health.polled(nothing())), down("no answer"));
    }

    #[test]
    fn one_lost_poll_between_answers_takes_nobody_down() {
        let mut health = Health::default();
        for _ in 0..10 {
            assert_eq!(told(health.polled(Outcome::Whole)), up());
            assert_eq!(told(health.polled(nothing())), degraded("no answer"));
        }
    }

    #[test]
    fn only_changes_are_told() {
        let mut health = Health::default();
        let part = || Outcome::Part(Text::same("exception 6"));
        assert_eq!(told(health.polled(part())), degraded("exception 6"));
        assert_eq!(health.polled(part()), None);
        assert_eq!(told(health.polled(Outcome::Part(Text::same("exception 4")))), degraded("exception 4"));
        assert_eq!(told(health.unreachable(Text::same("refused"))), down("refused"));
        assert_eq!(health.unreachable(Text::same("refused")), None);
        assert_eq!(told(health.polled(nothing())), down("no answer"));
        assert_eq!(health.polled(nothing()), None);
    }
}
