//! What the engine must know again after a restart, beside what alarms and outputs say themselves: the on-delays that run, which declared stops
//! have begun (`stops.rs`), and what derived points have counted for the present stretch of the clock (`derive/clocked.rs`). It is put out
//! when it changes and handed back at the start. An on-delay goes on over the time in which nobody watched, as it goes on while a
//! sensor is in doubt, and is completed by the next news that the condition is present. An off-delay begins anew: nothing clears over
//! time that nobody watched.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{AlarmId, Memory, Mono, Now, Output, Wall};
use crate::site::RuleKind;

use super::Engine;
use super::watch::Rising;

/// What keys of on-delays begin with; the alarm's name follows.
const DELAY: &str = "delay.";
/// The limits by their place in [`Rising`]. A rule with one condition has the first.
const BOUNDS: [&str; 4] = ["l", "h", "ll", "hh"];
/// For so long after a start, and after a link is back, a delay of the loss of a device is not over: it must have had time to be heard of.
pub(super) const HEARING: Duration = Duration::from_secs(3);

impl Engine {
    /// Puts out the on-delays that have changed.
    pub(super) fn remember_delays(&mut self, now: Now, out: &mut Output) {
        if self.delays_moved.is_empty() {
            return;
        }
        let mut moved = std::mem::take(&mut self.delays_moved);
        moved.sort_unstable();
        moved.dedup();
        out.memories.extend(moved.iter().map(|alarm| self.memory_of(now, *alarm)));
        moved.clear();
        self.delays_moved = moved;
    }

    /// Has every on-delay put out anew: it is kept by the wall clock, which has stepped.
    pub(super) fn remember_all_delays(&mut self) {
        let running = |alarm: &AlarmId| self.alarms[alarm.index()].watch.rising() != Rising::default();
        let all: Vec<AlarmId> = (0..self.alarms.len()).map(AlarmId::new).filter(running).collect();
        self.delays_moved.extend(all);
    }

    fn memory_of(&self, now: Now, alarm: AlarmId) -> Memory {
        let ms = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        // One of the two differences is zero: a delay that doubt keeps from completing may be over.
        let wall =
            |due: Mono| now.wall.0.saturating_add(ms(due - now.mono)).saturating_sub(ms(now.mono - due));
        let Rising(dues) = self.alarms[alarm.index()].watch.rising();
        let running: BTreeMap<&str, i64> =
            BOUNDS.into_iter().zip(dues).filter_map(|(bound, due)| Some((bound, wall(due?)))).collect();
        let body = (!running.is_empty())
            .then(|| serde_json::to_string(&running).expect("plain data always serializes"));
        Memory { key: format!("{DELAY}{}", self.site.rule(alarm).name), body }
    }

    /// Takes up what the last engine put out. What belongs to nothing at this site any more is to be forgotten.
    pub(super) fn recall(&mut self, memories: Vec<Memory>, now: Now, out: &mut Output) {
        for memory in memories {
            let is_known = self.resume(&memory, now)
                || self.recall_stop(&memory)
                || self.derivations.recall(&self.site, &memory, now);
            if !is_known {
                out.memories.push(Memory { body: None, ..memory });
            }
        }
    }

    /// Takes up on-delays, if the memory is one of such and its alarm is there.
    fn resume(&mut self, memory: &Memory, now: Now) -> bool {
        let Some(name) = memory.key.strip_prefix(DELAY) else { return false };
        let Some(id) = self.index.named(&self.site, name) else { return false };
        let running: Option<BTreeMap<String, Wall>> =
            memory.body.as_deref().and_then(|body| serde_json::from_str(body).ok());
        let Some(running) = running else { return false };
        let rule = self.site.rule(id);
        let least = match &rule.kind {
            RuleKind::Limits(_) | RuleKind::Condition(_) | RuleKind::Signal { .. } => Duration::ZERO,
            _ => rule.on_delay.min(HEARING),
        };
        let due = |wall: &Wall| {
            let left = Duration::from_millis(u64::try_from(wall.0 - now.wall.0).unwrap_or(0));
            // No longer than from the beginning: the clock may have been put back, the delay made shorter.
            now.mono + left.clamp(least, rule.on_delay.max(least))
        };
        let rising = Rising(BOUNDS.map(|bound| running.get(bound).map(due)));
        self.alarms[id.index()].resume(rising);
        true
    }
}
