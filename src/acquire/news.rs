//! News of a device's link: told when it changes, and not again. What has been counted of the device goes along, and is
//! told by itself only now and then.

use crate::model::limits::COUNTERS_INTERVAL_MIN;
use crate::model::{LinkCounters, LinkState, Mono, Text};

/// What others must hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct News {
    /// How the device is now.
    pub(super) state: LinkState,
    /// Why, in words, unless it is up.
    pub(super) error: Option<Text>,
    /// What has been counted of it.
    pub(super) counters: LinkCounters,
    /// Whether state or reason are new; if not, only the counters are.
    pub(super) changed: bool,
}

/// What others have been told last. Nothing at first: they take the device for down.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    last: Option<(LinkState, Option<Text>)>,
    counters: LinkCounters,
    /// The counters as they were told last.
    counted: LinkCounters,
    /// When the counters were last told by themselves.
    recounted: Option<Mono>,
}

impl Told {
    /// The state that others know.
    pub(super) fn state(&self) -> Option<LinkState> {
        self.last.as_ref().map(|(state, _)| *state)
    }

    /// What is counted of the device.
    pub(super) fn counters(&mut self) -> &mut LinkCounters {
        &mut self.counters
    }

    /// The news, if it is any.
    pub(super) fn tell(&mut self, state: LinkState, error: Option<Text>) -> Option<News> {
        let told = Some((state, error));
        if self.last == told {
            return None;
        }
        self.last = told;
        self.news(true)
    }

    /// The counters, if there is anything new in them and they have not been told for a while. That a device was polled
    /// once more is nothing new.
    pub(super) fn recount(&mut self, now: Mono) -> Option<News> {
        let rests = self.recounted.is_some_and(|told| now - told < COUNTERS_INTERVAL_MIN);
        if rests || !self.counters.has_news_since(&self.counted) {
            return None;
        }
        self.recounted = Some(now);
        self.news(false)
    }

    fn news(&mut self, changed: bool) -> Option<News> {
        let (state, error) = self.last.clone()?;
        self.counted = self.counters;
        Some(News { state, error, counters: self.counters, changed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_told_at_a_bounded_rate_and_only_when_something_is_new() {
        let mut told = Told::default();
        told.counters().silent += 1;
        assert_eq!(told.recount(Mono::ZERO), None, "of a device that nobody has heard of");
        let told_counters = |news: Option<News>| news.map(|news| (news.counters.silent, news.changed));
        assert_eq!(told_counters(told.tell(LinkState::Up, None)), Some((1, true)));
        told.counters().polls += 1;
        assert_eq!(told.recount(Mono::ZERO + COUNTERS_INTERVAL_MIN), None);
        let mut heard = 0;
        for second in 60..660 {
            told.counters().silent += 1;
            let news = told.recount(Mono::from_start(std::time::Duration::from_secs(second)));
            heard += usize::from(news.is_some_and(|news| !news.changed));
        }
        assert_eq!(heard, 10);
    }
}
