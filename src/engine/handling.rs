//! What people and the site's design do to an alarm beside taking note of it: set it aside and take it up again, reset it, put on record what it
//! was. Beneath, its life cycle goes on, without calling anybody:
//!
//! | set aside | by | ends | and then |
//! | --- | --- | --- | --- |
//! | shelved | a person, with a reason and a time | by hand | as it is beneath: acknowledged if its condition is present |
//! | | | by time | unacknowledged if its condition is present |
//! | | | when it becomes graver | escalated, unacknowledged |
//! | out of service | a person, with a reason | by hand | unacknowledged if its condition is present |
//! | suppressed | the site's design | by the site's design | unacknowledged if its condition is present, unless somebody had acknowledged it |
//!
//! Whoever sets an alarm aside has taken note of it. So what comes back is only what is present, and setting aside causes no flood when it ends.

use crate::model::{
    AlarmState, CommandError, Disposal, EventKind, Finding, Level, Now, Stamp, Text, Transition,
};

use super::alarm::{Alarm, Facts, Wait, Who};
use super::cycle::{self, Cause};

/// What a command to an alarm came to: what happened, if anything did.
pub(super) type Done = Result<Option<Transition>, CommandError>;

impl Alarm {
    /// Sets it aside until a moment. One that is shelved is shelved anew.
    pub(super) fn shelve(&mut self, facts: &Facts<'_>, until: Stamp, who: &Who, now: Now) -> Done {
        if self.state() == AlarmState::OutOfService {
            return Err(not_now(facts, "out of service", "put it back into service first"));
        }
        let mut transition = self.set_aside(EventKind::Shelved, facts, now, who);
        transition.shelved_level = self.level().filter(|_| self.base().is_active());
        transition.shelved_until = Some(until);
        Ok(Some(self.record(transition, self.noted(), Some(AlarmState::Shelved), facts, now)))
    }

    /// Takes it up again: a person does, or nobody because it became graver.
    pub(super) fn unshelve(&mut self, facts: &Facts<'_>, now: Now, who: Option<&Who>) -> Option<Transition> {
        if self.state() != AlarmState::Shelved {
            return None;
        }
        let transition = self.said(EventKind::Unshelved, facts, now, who);
        Some(self.record(transition, self.base(), None, facts, now))
    }

    /// Takes it out of service. Done twice it is done once.
    pub(super) fn take_out(&mut self, facts: &Facts<'_>, who: &Who, now: Now) -> Option<Transition> {
        if self.state() == AlarmState::OutOfService {
            return None;
        }
        let transition = self.set_aside(EventKind::OutOfService, facts, now, who);
        Some(self.record(transition, self.noted(), Some(AlarmState::OutOfService), facts, now))
    }

    /// Puts it back into service. Done twice it is done once.
    pub(super) fn put_back(&mut self, facts: &Facts<'_>, who: &Who, now: Now) -> Option<Transition> {
        if self.state() != AlarmState::OutOfService {
            return None;
        }
        let transition = self.said(EventKind::InService, facts, now, Some(who));
        Some(self.call_again(transition, facts, now))
    }

    /// The site's design sets it aside, or no longer does. Of one that is normal nothing is told.
    pub(super) fn suppress(&mut self, facts: &Facts<'_>, suppressed: bool, now: Now) -> Option<Transition> {
        if self.is_suppressed == suppressed {
            return None;
        }
        let was = self.state();
        self.is_suppressed = suppressed;
        if self.base() == AlarmState::Normal || self.by_hand().is_some() {
            return None;
        }
        if suppressed {
            let transition = self.said(EventKind::Suppressed, facts, now, None);
            return Some(self.record(transition, self.base(), None, facts, now));
        }
        let transition = self.said(EventKind::Unsuppressed, facts, now, None);
        let is_noted = transition.acknowledged_by.is_some() || was != AlarmState::Suppressed;
        Some(if is_noted {
            self.record(transition, self.base(), None, facts, now)
        } else {
            self.call_again(transition, facts, now)
        })
    }

    /// Lets go of what is latched. Done twice it is done once.
    pub(super) fn reset(&mut self, facts: &Facts<'_>, who: &Who, now: Now) -> Done {
        let base = self.base();
        if base == AlarmState::LatchedUnacknowledged {
            return Err(not_now(facts, "latched, unacknowledged", "acknowledge it first"));
        }
        if base.is_active() {
            return Err(not_now(
                facts,
                "active",
                "its condition is still present; it can be reset once that is gone",
            ));
        }
        let manner = self.manner(facts, Level::Journal);
        let Some((event, base)) = cycle::next(base, Cause::Reset, manner) else { return Ok(None) };
        let transition = self.said(event, facts, now, Some(who));
        Ok(Some(self.record(transition, base, self.by_hand(), facts, now)))
    }

    /// Puts on record what an instance of it was, whether that stands or is over. The alarm stands as it stood.
    pub(super) fn dispose(
        &mut self,
        facts: &Facts<'_>,
        instance: Option<Stamp>,
        finding: Finding,
        who: &Who,
        now: Now,
    ) -> Done {
        let Some(raised_at) = instance.or(self.last.as_ref().map(|last| last.raised_at)) else {
            return Err(not_now(facts, "normal", "say in `raised_at` which instance it is about"));
        };
        let mut transition = self.said(EventKind::Disposed, facts, now, Some(who));
        transition.disposal = Some(Disposal { raised_at, finding });
        if self.last.is_none() {
            transition.raised_at = raised_at;
        }
        Ok(Some(transition))
    }

    /// What it waited for has not come in time.
    pub(super) fn lose_patience(&mut self, wait: Wait, facts: &Facts<'_>, now: Now) -> Option<Transition> {
        let at = facts.stamp(now);
        match wait {
            Wait::Shelf if self.state() == AlarmState::Shelved => {
                let transition = self.said(EventKind::Unshelved, facts, now, None);
                Some(self.call_again(transition, facts, now))
            }
            Wait::Note if self.state() == AlarmState::Unacknowledged => {
                let mut transition = self.again(EventKind::Escalated, at, None)?;
                transition.level = transition.level.graver(1);
                transition.overdue_levels += 1;
                transition.reason = Some("not acknowledged in time / 超时未确认".to_owned());
                transition.message = overdue(&transition.message);
                Some(self.record(transition, self.base(), None, facts, now))
            }
            Wait::End => {
                let manner = self.manner(facts, self.level()?);
                let (event, base) = cycle::next(self.base(), Cause::Remind, manner)?;
                let mut transition = self.again(event, at, None)?;
                transition.acknowledged_by = None;
                Some(self.record(transition, base, self.by_hand(), facts, now))
            }
            Wait::Shelf | Wait::Note => None,
        }
    }

    /// It is no longer set aside, and if its condition is present somebody is to take note of it.
    fn call_again(&mut self, mut transition: Transition, facts: &Facts<'_>, now: Now) -> Transition {
        let wants_note = facts.rule.handling.acknowledge && transition.level != Level::Journal;
        let base = match self.base() {
            AlarmState::Acknowledged if wants_note => {
                transition.acknowledged_by = None;
                AlarmState::Unacknowledged
            }
            base => base,
        };
        self.record(transition, base, None, facts, now)
    }

    fn set_aside(&self, event: EventKind, facts: &Facts<'_>, now: Now, who: &Who) -> Transition {
        let mut transition = self.said(event, facts, now, Some(who));
        if self.noted() != self.base() {
            transition.acknowledged_by = Some(who.by.clone());
        }
        transition
    }

    /// Where its life cycle stands once somebody has taken note of it.
    fn noted(&self) -> AlarmState {
        match self.base() {
            AlarmState::Unacknowledged => AlarmState::Acknowledged,
            AlarmState::ReturnedUnacknowledged => AlarmState::Normal,
            AlarmState::LatchedUnacknowledged => AlarmState::LatchedAcknowledged,
            base => base,
        }
    }
}

fn not_now(facts: &Facts<'_>, state: &'static str, why: &'static str) -> CommandError {
    CommandError::NotNow { alarm: facts.rule.name.clone(), state, why }
}

fn overdue(message: &Text) -> Text {
    const MARK: (&str, &str) = ("超时未确认：", "Not acknowledged in time: ");
    if message.zh.starts_with(MARK.0) {
        return message.clone();
    }
    Text::new(format!("{}{}", MARK.0, message.zh), format!("{}{}", MARK.1, message.en))
}
