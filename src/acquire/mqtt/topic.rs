//! Which devices a message is for: topics against topic filters, by the rules of MQTT (4.7).

use std::collections::HashMap;

/// Whether `topic` matches `filter`.
pub(super) fn matches(filter: &str, topic: &str) -> bool {
    // Topics of the broker's own are not part of "everything".
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut levels = topic.split('/');
    for wanted in filter.split('/') {
        match (wanted, levels.next()) {
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (wanted, Some(level)) if wanted == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

/// From a topic to whoever listens to it, without a look at every filter where there is no wildcard.
#[derive(Debug, Default)]
pub(super) struct Routes {
    exact: HashMap<String, Vec<usize>>,
    wild: Vec<(String, usize)>,
}

impl Routes {
    /// The routes by their filters to listeners, each known by its place.
    pub(super) fn new<'a>(filters: impl IntoIterator<Item = (&'a str, usize)>) -> Self {
        let mut routes = Self::default();
        for (filter, listener) in filters {
            if filter.contains(['+', '#']) {
                routes.wild.push((filter.to_owned(), listener));
            } else {
                routes.exact.entry(filter.to_owned()).or_default().push(listener);
            }
        }
        routes
    }

    /// Everyone who listens to `topic`.
    pub(super) fn to(&self, topic: &str) -> Vec<usize> {
        let exact = self.exact.get(topic).into_iter().flatten().copied();
        let wild =
            self.wild.iter().filter(|(filter, _)| matches(filter, topic)).map(|(_, listener)| *listener);
        exact.chain(wild).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_match_as_the_standard_says() {
        for (filter, topic, expected) in [
            ("a/b", "a/b", true),
            ("a/b", "a/b/c", false),
            ("a/b/c", "a/b", false),
            ("a/+", "a/b", true),
            ("a/+", "a", false),
            ("a/+", "a/", true),
            ("a/+/c", "a/b/c", true),
            ("a/+/c", "a/b/d", false),
            ("+/+", "/a", true),
            ("+", "/a", false),
            ("a/#", "a", true),
            ("a/#", "a/b/c", true),
            ("a/#", "ab", false),
            ("#", "a/b", true),
            ("#", "$SYS/uptime", false),
            ("+/uptime", "$SYS/uptime", false),
            ("$SYS/#", "$SYS/uptime", true),
            ("a//b", "a//b", true),
            ("A", "a", false),
        ] {
            assert_eq!(matches(filter, topic), expected, "{filter} {topic}");
        }
    }

    #[test]
    fn a_message_goes_to_every_listener_whose_filter_matches() {
        let routes = Routes::new([("gas/1", 0), ("gas/+", 1), ("dust/1", 2), ("gas/1", 3)]);
        let mut listeners = routes.to("gas/1");
        listeners.sort_unstable();
        assert_eq!(listeners, [0, 1, 3]);
        assert!(routes.to("water/1").is_empty());
    }
}
