//! What a replay is expected to bring: a unit test of a site's rules.

use std::path::Path;

use anyhow::Context as _;
use hazgate::model::{EventKind, Level, Text, Transition, Wall};
use serde::Deserialize;

/// A file of expectations.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expectations {
    expect: Vec<Expectation>,
}

/// What is expected of one alarm. With no count: that it is raised at least once.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expectation {
    alarm: String,
    /// Exactly so often; 0: not at all.
    raised: Option<u64>,
    at_least: Option<u64>,
    at_most: Option<u64>,
    /// Counted are only those that reach this level or a graver one.
    level: Option<u8>,
    /// Counted are only those that are raised in this span.
    after: Option<jiff::Timestamp>,
    before: Option<jiff::Timestamp>,
    #[serde(skip)]
    found: u64,
    #[serde(skip)]
    counted: Option<Wall>,
}

impl Expectations {
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("{} is no file of expectations", path.display()))
    }

    pub(super) fn take(&mut self, what: &Transition) {
        if !matches!(what.event, EventKind::Raised | EventKind::Escalated) {
            return;
        }
        for one in self.expect.iter_mut().filter(|one| one.alarm == what.alarm) {
            let grave = one.level.and_then(Level::from_number).is_none_or(|level| what.level >= level);
            let at = what.raised_at.wall.0;
            let in_time = one.after.is_none_or(|after| at >= after.as_millisecond())
                && one.before.is_none_or(|before| at < before.as_millisecond());
            // An instance that escalates is one.
            if grave && in_time && one.counted != Some(what.raised_at.wall) {
                one.counted = Some(what.raised_at.wall);
                one.found += 1;
            }
        }
    }

    /// What did not come as expected, in words.
    pub(super) fn unmet(&self) -> Vec<Text> {
        self.expect.iter().filter_map(Expectation::unmet).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.expect.len()
    }
}

impl Expectation {
    fn unmet(&self) -> Option<Text> {
        let found = self.found;
        let wanted = match (self.raised, self.at_least, self.at_most) {
            (Some(wanted), _, _) if found != wanted => {
                Text::new(format!("{wanted} 次"), format!("{wanted} times"))
            }
            (_, Some(least), _) if found < least => {
                Text::new(format!("至少 {least} 次"), format!("at least {least} times"))
            }
            (_, _, Some(most)) if found > most => {
                Text::new(format!("至多 {most} 次"), format!("at most {most} times"))
            }
            (None, None, None) if found == 0 => Text::new("至少一次", "at least once"),
            _ => return None,
        };
        let level = self.level.map_or(Text::default(), |level| {
            Text::new(format!("（{level} 级及以上）"), format!(" at level {level}"))
        });
        let alarm = &self.alarm;
        Some(Text::new(
            format!("{alarm}{}：预期{}，实际报警 {found} 次", level.zh, wanted.zh),
            format!("{alarm}{}: expected {}, raised {found} times", level.en, wanted.en),
        ))
    }
}
