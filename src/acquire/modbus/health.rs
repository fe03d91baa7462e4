//! Whether a device is up, as one machine without I/O: what each poll came to goes in, what others must hear
//! comes out, and only when it changes.

use std::time::Duration;

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
    /// Nothing was asked; why.
    Unasked(Text),
    /// Nothing was answered; why.
    Nothing(Text),
}

/// A poll that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Of which of the device's rates.
    pub(super) group: usize,
    /// When it began.
    pub(super) begun: Mono,
    /// When it ended.
    pub(super) ended: Mono,
    /// What it came to.
    pub(super) outcome: Outcome,
}

/// What is known of one device.
#[derive(Debug, Clone)]
pub(super) struct Health {
    told: Told,
    /// What was wrong at the last poll of each of its rates.
    complaints: Vec<Option<Text>>,
    /// Polls in a row, at whichever rates, that nothing came of.
    missed: u32,
    /// When the first of them began.
    missed_since: Option<Mono>,
    /// How long nothing must come before the device is down, however fast it is polled.
    patience: Duration,
}

impl Health {
    /// A device of which nothing is known, with so many rates, that may take `timeout` to answer a question.
    pub(super) fn new(rates: usize, timeout: Duration) -> Self {
        Self {
            told: Told::default(),
            complaints: vec![None; rates],
            missed: 0,
            missed_since: None,
            patience: timeout * MISSED_POLLS_MAX,
        }
    }

    /// Whether the device answers, as far as others have been told.
    pub(super) fn answers(&self) -> bool {
        self.told.state().is_some_and(|state| state != LinkState::Down)
    }

    /// Whether others have been told that it is down.
    pub(super) fn is_down(&self) -> bool {
        self.told.state() == Some(LinkState::Down)
    }

    /// Whether nothing came of its last poll.
    pub(super) fn is_missed(&self) -> bool {
        self.missed > 0
    }

    /// Whether this poll would take down a device that is not down.
    pub(super) fn is_fatal(&self, verdict: &Verdict) -> bool {
        let since = self.missed_since.unwrap_or(verdict.begun);
        matches!(verdict.outcome, Outcome::Nothing(_))
            && !self.is_down()
            && self.missed + 1 >= MISSED_POLLS_MAX
            && verdict.ended - since >= self.patience
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
    pub(super) fn polled(&mut self, verdict: Verdict) -> Option<News> {
        let fatal = self.is_fatal(&verdict);
        let complaint = &mut self.complaints[verdict.group];
        match verdict.outcome {
            Outcome::Whole => *complaint = None,
            Outcome::Part(error) => *complaint = Some(error),
            Outcome::Unasked(error) => {
                *complaint = Some(error);
                return if self.answers() && self.missed == 0 { self.tell_complaint() } else { None };
            }
            Outcome::Nothing(error) => {
                *complaint = Some(error.clone());
                return self.missed(verdict.begun, error, fatal);
            }
        }
        (self.missed, self.missed_since) = (0, None);
        self.tell_complaint()
    }

    /// Takes note that a probe went unanswered.
    pub(super) fn unanswered(&mut self, error: Text) -> Option<News> {
        self.lose(error)
    }

    /// Takes note that there is no connection to it.
    pub(super) fn unreachable(&mut self, error: Text) -> Option<News> {
        (self.missed, self.missed_since) = (0, None);
        self.lose(error)
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

    fn missed(&mut self, begun: Mono, error: Text, fatal: bool) -> Option<News> {
        self.missed = self.missed.saturating_add(1);
        self.missed_since.get_or_insert(begun);
        if fatal || self.is_down() {
            self.lose(error)
        } else if self.answers() {
            self.told.tell(LinkState::Degraded, Some(error))
        } else {
            None
        }
    }

    fn lose(&mut self, error: Text) -> Option<News> {
        self.complaints.fill(None);
        self.told.tell(LinkState::Down, Some(error))
    }

    /// It answers: in whole, or not.
    fn tell_complaint(&mut self) -> Option<News> {
        let complaint = self.complaints.iter().flatten().next().cloned();
        let state = if complaint.is_some() { LinkState::Degraded } else { LinkState::Up };
        self.told.tell(state, complaint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_millis(500);

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

    fn part(words: &str) -> Outcome {
        Outcome::Part(Text::same(words))
    }

    /// Polls of a device with these many rates, half a second each.
    struct Polls {
        health: Health,
        now: Mono,
    }

    impl Polls {
        fn new(rates: usize) -> Self {
            Self { health: Health::new(rates, TIMEOUT), now: Mono::ZERO }
        }

        fn poll_for(&mut self, group: usize, outcome: Outcome, time: Duration) -> Option<News> {
            let begun = self.now;
            self.now = self.now + time;
            self.health.polled(Verdict { group, begun, ended: self.now, outcome })
        }

        fn poll(&mut self, outcome: Outcome) -> Option<News> {
            self.poll_for(0, outcome, TIMEOUT)
        }
    }

    #[test]
    fn p2_two_missed_polls_take_a_device_down_and_one_answer_brings_it_back() {
        let mut polls = Polls::new(1);
        assert_eq!(told(polls.poll(Outcome::Whole)), up());
        assert_eq!(told(polls.poll(nothing())), degraded("no answer"));
        assert_eq!(told(polls.poll(nothing())), down("no answer"));
        assert!(polls.health.is_down());
        assert_eq!(told(polls.poll(Outcome::Whole)), up());
    }

    #[test]
    fn p2_a_device_that_never_answered_is_down_after_two_polls_and_never_up_before() {
        let mut polls = Polls::new(1);
        assert_eq!(polls.poll(nothing()), None);
        assert_eq!(told(polls.poll(nothing())), down("no answer"));
    }

    #[test]
    fn one_lost_poll_between_answers_takes_nobody_down() {
        let mut polls = Polls::new(1);
        for _ in 0..10 {
            assert_eq!(told(polls.poll(Outcome::Whole)), up());
            assert_eq!(told(polls.poll(nothing())), degraded("no answer"));
        }
    }

    #[test]
    fn only_changes_are_told() {
        let mut polls = Polls::new(1);
        assert_eq!(told(polls.poll(part("exception 6"))), degraded("exception 6"));
        assert_eq!(polls.poll(part("exception 6")), None);
        assert_eq!(told(polls.poll(part("exception 4"))), degraded("exception 4"));
        assert_eq!(told(polls.health.unreachable(Text::same("refused"))), down("refused"));
        assert_eq!(polls.health.unreachable(Text::same("refused")), None);
        assert_eq!(told(polls.poll(nothing())), down("no answer"));
        assert_eq!(polls.poll(nothing()), None);
    }

    #[test]
    fn p3_a_moments_silence_takes_no_fast_device_down() {
        let mut polls = Polls::new(1);
        let quick = Duration::from_millis(50);
        polls.poll_for(0, Outcome::Whole, quick);
        // A serial server says at once that its unit did not answer it.
        for _ in 0..19 {
            polls.poll_for(0, nothing(), quick);
            assert!(!polls.health.is_down(), "{:?}", polls.now);
        }
        assert_eq!(told(polls.poll_for(0, nothing(), quick)), down("no answer"), "two timeouts");
    }

    #[test]
    fn p2_a_device_is_as_good_as_the_worst_of_its_rates_and_lost_when_none_answers() {
        let mut polls = Polls::new(2);
        let mut poll = |group, outcome| told(polls.poll_for(group, outcome, TIMEOUT));
        assert_eq!(poll(0, Outcome::Whole), up());
        assert_eq!(poll(1, part("exception 2")), degraded("exception 2"));
        assert_eq!(poll(0, Outcome::Whole), (None, String::new()), "the other is as it was");
        assert_eq!(poll(1, Outcome::Whole), up());
        assert_eq!(poll(1, nothing()), degraded("no answer"));
        assert_eq!(poll(0, Outcome::Whole), (None, String::new()));
        assert_eq!(poll(0, nothing()), (None, String::new()));
        assert_eq!(poll(1, nothing()), down("no answer"));
        assert_eq!(poll(0, Outcome::Whole), up(), "what was wrong before the loss is not held against it");
    }

    #[test]
    fn a_poll_that_asks_for_nothing_proves_nothing() {
        let mut polls = Polls::new(2);
        polls.poll_for(0, Outcome::Whole, TIMEOUT);
        polls.poll_for(0, nothing(), TIMEOUT);
        let unasked = Outcome::Unasked(Text::same("left alone"));
        assert_eq!(told(polls.poll_for(1, unasked, TIMEOUT)), (None, String::new()));
        assert_eq!(told(polls.poll_for(0, nothing(), TIMEOUT)), down("no answer"));
    }
}
