//! How well an alarm system serves its people: the measures by which IEC 62682 and ISA-18.2 judge one, from the transitions of its alarms.
//!
//! Counted are alarms that call somebody: raised, not only for the record, and not set aside. What is remembered is bounded by the number of
//! alarms and by the last ten minutes.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

use crate::model::habit::{CHATTER_RAISES, CHATTER_SPAN, FLEETING_SPAN, FLOOD_BEGIN, FLOOD_END, FLOOD_SPAN};
use crate::model::limits::ANNUNCIATIONS_REMEMBERED_MAX;
use crate::model::{EventKind, Level, Transition, Wall};

/// The span in which alarms are counted.
const SPAN_MS: i64 = FLOOD_SPAN.as_millis() as i64;
const CHATTER_MS: i64 = CHATTER_SPAN.as_millis() as i64;
const FLEETING_MS: i64 = FLEETING_SPAN.as_millis() as i64;
const DAY_MS: i64 = 86_400_000;
/// Alarms that make up the top of the list.
const TOP: usize = 10;

/// What is counted while alarms come and go, in the order of their going.
#[derive(Debug, Default)]
pub struct Measures {
    begun: Option<Wall>,
    now: Wall,
    alarms: BTreeMap<String, Record>,
    /// When somebody was called, within the last ten minutes.
    recent: VecDeque<Wall>,
    peak: usize,
    flood_since: Option<Wall>,
    floods: u64,
    flood_ms: i64,
    by_level: [u64; 4],
    /// What the clock has been put back by over all, in ms: what it shows plus this never goes back.
    behind_ms: i64,
}

/// What is known of one alarm.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Record {
    /// How often it was raised.
    pub raised: u64,
    /// How long its condition was present over all, in ms.
    pub total_ms: i64,
    /// How long it was present at most, in ms.
    pub longest_ms: i64,
    /// When it was raised first.
    pub first: Option<Wall>,
    /// When it was raised last.
    pub last: Option<Wall>,
    /// How often it was raised for the third time within a minute.
    pub chattering: u64,
    /// How often it was gone again within ten seconds without anybody's doing.
    pub fleeting: u64,
    /// How often it stood for more than a day.
    pub stale: u64,
    #[serde(skip)]
    since: Option<Wall>,
    #[serde(skip)]
    raises: VecDeque<Wall>,
}

/// One measure beside its target.
#[derive(Debug, Clone, Serialize)]
pub struct Measure {
    /// Which, in Chinese and in English.
    pub name: crate::model::Text,
    /// What it came to.
    pub value: f64,
    /// What is aimed at, at most: the figures that are commonly given after ISA-18.2 and EEMUA 191 for one operator's position.
    pub target: f64,
}

impl Measures {
    /// Nothing yet; counting begins at this moment.
    pub fn from(begin: Wall) -> Self {
        Self { begun: Some(begin), now: begin, ..Self::default() }
    }

    /// Takes what happened next.
    pub fn take(&mut self, what: &Transition) {
        self.until(what.at.wall);
        let at = self.line(what.at.wall);
        let record = self.alarms.entry(what.alarm.clone()).or_default();
        match what.event {
            EventKind::Raised => {
                record.raise(at, what.at.wall);
                if what.calls() {
                    self.call(at, what.level);
                }
            }
            EventKind::Cleared => record.clear(at, what.acknowledged_by.is_none()),
            _ => {}
        }
    }

    /// The clock has been put forward by so many ms, or back if negative: no time has passed.
    pub const fn clock_moved(&mut self, by_ms: i64) {
        self.behind_ms = self.behind_ms.saturating_sub(by_ms);
    }

    /// The same moment as if the clock had never been put.
    const fn line(&self, at: Wall) -> Wall {
        Wall(at.0.saturating_add(self.behind_ms))
    }

    /// Lets time pass.
    pub fn until(&mut self, now: Wall) {
        let now = self.line(now);
        self.begun.get_or_insert(now);
        self.now = self.now.max(now);
        while let Some(oldest) = self.recent.front().copied().filter(|at| at.0 + SPAN_MS <= self.now.0) {
            self.recent.pop_front();
            if self.recent.len() < FLOOD_END
                && let Some(since) = self.flood_since.take()
            {
                // It ended when the call that is ten minutes old now fell out of the span.
                self.flood_ms += oldest.0 + SPAN_MS - since.0;
            }
        }
    }

    /// Since when a flood lasts, if one does.
    pub const fn flood(&self) -> Option<Wall> {
        self.flood_since
    }

    fn call(&mut self, at: Wall, level: Level) {
        if self.recent.len() == ANNUNCIATIONS_REMEMBERED_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(at);
        self.peak = self.peak.max(self.recent.len());
        if let Some(number) = level.number() {
            self.by_level[usize::from(number) - 1] += 1;
        }
        if self.recent.len() > FLOOD_BEGIN && self.flood_since.is_none() {
            self.flood_since = Some(at);
            self.floods += 1;
        }
    }

    /// Each alarm that was ever raised, by name. One that still stands counts up to now.
    pub fn alarms(&self) -> BTreeMap<String, Record> {
        let mut alarms = self.alarms.clone();
        alarms.retain(|_, record| record.raised > 0);
        for record in alarms.values_mut() {
            record.stand(self.now);
        }
        alarms
    }

    /// How many alarms called somebody.
    pub fn calls(&self) -> u64 {
        self.by_level.iter().sum()
    }

    /// How many floods there were.
    pub const fn floods(&self) -> u64 {
        self.floods
    }

    /// The measures beside their targets.
    pub fn report(&self) -> Vec<Measure> {
        let alarms = self.alarms();
        let span_ms = (self.now.0 - self.begun.unwrap_or(self.now).0).max(1);
        let calls = self.calls();
        let flood_ms = self.flood_ms + self.flood_since.map_or(0, |since| self.now.0 - since.0);
        let mut counts: Vec<u64> = alarms.values().map(|record| record.raised).collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        let (top, all): (u64, u64) = (counts.iter().take(TOP).sum(), counts.iter().sum());
        let share = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 * 100.0 };
        let many =
            |which: fn(&Record) -> u64| alarms.values().filter(|record| which(record) > 0).count() as f64;
        let measure = |zh: &str, en: &str, value: f64, target: f64| Measure {
            name: crate::model::Text::new(zh, en),
            value,
            target,
        };
        let mut measures = vec![
            measure(
                "平均每 10 分钟报警数",
                "alarms per 10 minutes, mean",
                calls as f64 * SPAN_MS as f64 / span_ms as f64,
                1.0,
            ),
            measure(
                "平均每小时报警数",
                "alarms per hour, mean",
                calls as f64 * 3_600_000.0 / span_ms as f64,
                6.0,
            ),
            measure("任意 10 分钟内最多报警数", "alarms in 10 minutes, at most", self.peak as f64, 10.0),
            measure(
                "泛滥时间占比（%）",
                "share of time in flood, %",
                flood_ms as f64 / span_ms as f64 * 100.0,
                1.0,
            ),
            measure("抖动报警个数", "chattering alarms", many(|record| record.chattering), 0.0),
            measure("瞬时报警个数", "fleeting alarms", many(|record| record.fleeting), 0.0),
            measure(
                "持续 24 小时以上的报警个数",
                "alarms that stood for over 24 h",
                many(|record| record.stale),
                5.0,
            ),
            measure("一级（红）占比（%）", "share of level 1 (red), %", share(self.by_level[0], calls), 5.0),
        ];
        // Of few alarms, ten are always most of them.
        if counts.len() > TOP {
            measures.push(measure(
                "前十位报警占比（%）",
                "share of the ten most frequent, %",
                share(top, all),
                5.0,
            ));
        }
        measures
    }
}

impl Record {
    fn raise(&mut self, at: Wall, shown: Wall) {
        self.raised += 1;
        self.first.get_or_insert(shown);
        self.last = Some(shown);
        self.since = Some(at);
        self.raises.push_back(at);
        if self.raises.len() > CHATTER_RAISES {
            self.raises.pop_front();
        }
        let is_chatter = self.raises.len() == CHATTER_RAISES && at.0 - self.raises[0].0 <= CHATTER_MS;
        self.chattering += u64::from(is_chatter);
    }

    fn clear(&mut self, at: Wall, is_unseen: bool) {
        if let Some(since) = self.since {
            self.fleeting += u64::from(is_unseen && at.0 - since.0 <= FLEETING_MS);
        }
        self.stand(at);
        self.since = None;
    }

    fn stand(&mut self, until: Wall) {
        let Some(since) = self.since else { return };
        let ms = until.0 - since.0;
        self.total_ms += ms;
        self.longest_ms = self.longest_ms.max(ms);
        self.stale += u64::from(ms > DAY_MS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::AlarmState;

    fn at(alarm: &str, event: EventKind, ms: i64) -> Transition {
        let state = match event {
            EventKind::Raised => AlarmState::Unacknowledged,
            _ => AlarmState::ReturnedUnacknowledged,
        };
        let at = Wall(ms).stamp(&jiff::tz::TimeZone::UTC);
        Transition {
            state,
            level: Level::Orange,
            ..Transition::new(at, event, alarm, crate::model::Text::default())
        }
    }

    fn value(measures: &Measures, name: &str) -> f64 {
        measures
            .report()
            .into_iter()
            .find(|measure| measure.name.en == name)
            .map_or(f64::NAN, |measure| measure.value)
    }

    #[test]
    fn a_flood_begins_with_the_eleventh_alarm_and_ends_with_the_fifth_last() {
        let mut measures = Measures::from(Wall(0));
        for n in 0..11 {
            assert_eq!(measures.flood(), None);
            measures.take(&at(&format!("a{n}"), EventKind::Raised, n * 1000));
        }
        assert_eq!(measures.flood(), Some(Wall(10_000)));
        measures.until(Wall(605_999));
        assert!(measures.flood().is_some(), "five are left");
        measures.until(Wall(606_000));
        assert!(measures.flood().is_none(), "four are left");
        measures.until(Wall(6_000_000));
        assert!((value(&measures, "share of time in flood, %") - 596.0 / 60.0).abs() < 1e-9);
        assert_eq!((measures.floods(), value(&measures, "alarms in 10 minutes, at most")), (1, 11.0));
        assert!((value(&measures, "alarms per 10 minutes, mean") - 1.1).abs() < 1e-9);
    }

    #[test]
    fn chattering_fleeting_and_stale_alarms_are_told_apart() {
        let mut measures = Measures::from(Wall(0));
        for n in 0..3 {
            measures.take(&at("chatters", EventKind::Raised, n * 30_000));
            measures.take(&at("chatters", EventKind::Cleared, n * 30_000 + 20_000));
        }
        measures.take(&at("slow", EventKind::Raised, 100_000));
        measures.take(&at("flies", EventKind::Raised, 100_000));
        measures.take(&at("flies", EventKind::Cleared, 110_000));
        measures.until(Wall(100_000 + DAY_MS + 1));
        let alarms = measures.alarms();
        let of = |name: &str| &alarms[name];
        assert_eq!(
            (of("chatters").chattering, of("chatters").fleeting, of("chatters").total_ms),
            (1, 0, 60_000)
        );
        assert_eq!((of("flies").chattering, of("flies").fleeting), (0, 1));
        assert_eq!((of("slow").stale, of("slow").longest_ms), (1, DAY_MS + 1));
    }

    #[test]
    fn p2_a_clock_that_is_put_back_shortens_nothing() {
        let mut measures = Measures::from(Wall(DAY_MS));
        measures.take(&at("a", EventKind::Raised, DAY_MS + 1000));
        measures.clock_moved(-DAY_MS);
        measures.take(&at("b", EventKind::Raised, 2000));
        measures.take(&at("a", EventKind::Cleared, 61_000));
        let alarms = measures.alarms();
        assert_eq!((alarms["a"].total_ms, alarms["a"].fleeting, alarms["b"].total_ms), (60_000, 0, 59_000));
        assert_eq!(alarms["b"].first, Some(Wall(2000)), "as it was shown");
        assert_eq!(measures.recent.len(), 2, "within the same ten minutes");
    }

    #[test]
    fn what_is_set_aside_or_only_for_the_record_calls_nobody() {
        let mut measures = Measures::from(Wall(0));
        let mut shelved = at("a", EventKind::Raised, 1000);
        shelved.state = AlarmState::Shelved;
        measures.take(&shelved);
        let mut note = at("b", EventKind::Raised, 2000);
        note.level = Level::Journal;
        measures.take(&note);
        assert_eq!((measures.calls(), measures.alarms().len()), (0, 2));
    }

    #[test]
    fn p5_what_is_remembered_is_bounded() {
        let mut measures = Measures::from(Wall(0));
        for n in 0..ANNUNCIATIONS_REMEMBERED_MAX as i64 + 100 {
            measures.take(&at("a", EventKind::Raised, n));
        }
        assert_eq!(measures.recent.len(), ANNUNCIATIONS_REMEMBERED_MAX);
    }
}
