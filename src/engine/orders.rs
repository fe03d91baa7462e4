//! Orders to stop, and their lifting. An order that stands is an alarm of level `journal` for as long as it does: so it is journalled, told to every centre,
//! and stands again after a restart, like any other. Derived points that ask the calendar about stops hear of it.

use crate::model::{CommandError, CommandResult, HazardId, Now, Transition};
use crate::site::RuleKind;

use super::Engine;
use super::alarm::{Alarm, Facts, Who};
use super::hold::{Delays, News};
use super::watch::Watch;

impl Engine {
    /// Orders a hazard, or the whole site, to stand still, or lifts that. Done twice it is done once.
    pub(super) fn order_stop(
        &mut self,
        now: Now,
        hazard: Option<String>,
        stands: bool,
        who: &Who,
    ) -> CommandResult {
        if who.reason.is_none() {
            return Err(CommandError::NoReason);
        }
        let place = match &hazard {
            None => None,
            Some(name) => match self.site.hazards.iter().position(|hazard| hazard.name == *name) {
                Some(place) => Some(HazardId::new(place)),
                None => return Err(CommandError::UnknownHazard(name.clone())),
            },
        };
        let alarm = self.index.of_orders().iter().find(|alarm| self.site.rule(**alarm).hazard == place);
        let Some(&alarm) = alarm else { return Err(CommandError::NoStops(hazard)) };
        self.change(alarm, |alarm, facts, told| {
            alarm.order(facts, stands, who, now, told);
            Ok(())
        })?;
        self.take_up_orders();
        Ok(())
    }

    /// Tells derived points which orders stand.
    pub(super) fn take_up_orders(&mut self) {
        let alarms = self.index.of_orders().iter();
        let standing = alarms.filter(|alarm| self.alarms[alarm.index()].base().is_active());
        let orders = standing.map(|alarm| self.site.rule(*alarm).hazard).collect();
        self.derivations.take_orders(orders);
    }
}

impl Alarm {
    /// The order of this alarm stands from now on, or no longer does.
    fn order(&mut self, facts: &Facts<'_>, stands: bool, who: &Who, now: Now, told: &mut Vec<Transition>) {
        debug_assert!(matches!(facts.rule.kind, RuleKind::StopOrder), "only an order is given");
        if let Watch::Single { hold, .. } = &mut self.watch {
            hold.take(News::of(stands), now.mono, Delays::of(facts.rule));
        }
        let before = told.len();
        self.follow(facts, now, told);
        for transition in &mut told[before..] {
            transition.by = Some(who.by.clone());
            transition.reason.clone_from(&who.reason);
        }
    }
}
