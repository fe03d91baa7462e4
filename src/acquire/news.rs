//! News of a device's link: told when it changes, and not again.

use crate::model::{LinkState, Text};

/// What others must hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct News {
    /// How the device is now.
    pub(super) state: LinkState,
    /// Why, in words, unless it is up.
    pub(super) error: Option<Text>,
}

/// What others have been told last. Nothing at first: they take the device for down.
#[derive(Debug, Clone, Default)]
pub(super) struct Told(Option<News>);

impl Told {
    /// The state that others know.
    pub(super) fn state(&self) -> Option<LinkState> {
        self.0.as_ref().map(|told| told.state)
    }

    /// The news, if it is any.
    pub(super) fn tell(&mut self, state: LinkState, error: Option<Text>) -> Option<News> {
        let news = News { state, error };
        if self.0.as_ref() == Some(&news) {
            return None;
        }
        self.0 = Some(news.clone());
        Some(news)
    }
}
