//! An alarm's instances: their names, and whether they come too often. An instance is named by the moment it was raised; two of one millisecond must differ, and
//! so must two of the same hour when the clock was put back in between.

use std::collections::VecDeque;

use crate::model::habit::{CHATTER_RAISES, CHATTER_SPAN, FLEETING_SPAN};
use crate::model::limits::INSTANCES_REMEMBERED_MAX;
use crate::model::{Habit, Mono, Stamp, Wall};

/// The names that one alarm has given.
#[derive(Debug, Default)]
pub(super) struct Instances {
    recent: VecDeque<Wall>,
    /// The latest of the names that are no longer among `recent`.
    forgotten: Option<Wall>,
    /// When the last instances were raised in this run, as many as make it chatter.
    raises: VecDeque<Mono>,
}

impl Instances {
    /// A name was given before.
    pub(super) fn note(&mut self, name: Wall) {
        if self.recent.len() == INSTANCES_REMEMBERED_MAX {
            self.forgotten = self.forgotten.max(self.recent.pop_front());
        }
        self.recent.push_back(name);
    }

    /// An instance is raised. Says so if the alarm chatters.
    pub(super) fn raise(&mut self, at: Mono) -> Option<Habit> {
        self.raises.push_back(at);
        if self.raises.len() > CHATTER_RAISES {
            self.raises.pop_front();
        }
        let chatters = self.raises.len() == CHATTER_RAISES && at - self.raises[0] <= CHATTER_SPAN;
        chatters.then_some(Habit::Chattering)
    }

    /// The last instance is gone, and nobody had acknowledged it. Says so if it was fleeting.
    pub(super) fn clear(&self, at: Mono) -> Option<Habit> {
        let raised = self.raises.back()?;
        (at - *raised <= FLEETING_SPAN).then_some(Habit::Fleeting)
    }

    /// The name of an instance that is raised at this moment: the moment itself if it is free, else the next that surely is.
    pub(super) fn name(&mut self, at: Stamp) -> Stamp {
        let mut name = at;
        if let Some(forgotten) = self.forgotten.filter(|forgotten| name.wall <= *forgotten) {
            name.wall = Wall(forgotten.0 + 1);
        }
        while self.recent.contains(&name.wall) {
            name.wall.0 += 1;
        }
        self.note(name.wall);
        name
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn p1_no_name_is_given_twice_however_the_clock_is_put() {
        let mut random = fastrand::Rng::with_seed(11);
        let mut instances = Instances::default();
        let mut given = HashSet::new();
        let mut wall = 1_000_000;
        for _ in 0..5000 {
            wall += random.i64(-40..40);
            let at = Wall(wall).stamp(&jiff::tz::TimeZone::UTC);
            assert!(given.insert(instances.name(at).wall));
        }
    }

    #[test]
    fn a_moment_that_is_free_is_the_name_even_after_the_clock_was_put_back() {
        let at = |ms| Wall(ms).stamp(&jiff::tz::TimeZone::UTC);
        let mut instances = Instances::default();
        for (raised, named) in [(9000, 9000), (9000, 9001), (2000, 2000), (2000, 2001), (9001, 9002)] {
            assert_eq!(instances.name(at(raised)), at(named));
        }
    }
}
