//! The decision core: readings, news of links and commands in; conditioned readings, alarm transitions, device states
//! and the risk picture out. It does no I/O and has no clock: the same inputs at the same times give the same outputs,
//! live, in replay and in tests. Each mechanism has its own file; this one only passes things between them.

mod alarm;
mod attend;
mod binding;
mod comparator;
mod cycle;
mod derive;
mod evaluate;
mod flood;
mod groups;
mod handling;
mod hold;
mod index;
mod instance;
mod links;
mod loss;
mod memory;
mod message;
mod orders;
mod outputs;
mod points;
mod rests;
mod risk;
mod stops;
mod switching;
mod time;
mod timers;
mod watch;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use crate::model::{
    AlarmId, AlarmState, Batch, ClockChange, DeviceId, HealthReport, Input, Mono, Now, Output, PointId,
    Reading, Reason, Sample, Snapshot, Stamp, Standing, Transition, Wall,
};
use crate::site::{RuleKind, Site};

use alarm::Alarm;
use binding::Bindings;
pub(crate) use derive::Counter;
use derive::Derivations;
use evaluate::Answer;
use flood::Flood;
use groups::{Group, Groups};
use hold::{Delays, News};
use index::Index;
use links::Links;
use outputs::Outputs;
use points::Points;
use risk::RiskBook;
use stops::Stops;
use time::TimeBook;
use timers::{Timer, Timers};
use watch::Watch;

/// The engine of one site. The one owner of all alarm state.
#[derive(Debug)]
pub struct Engine {
    site: Arc<Site>,
    index: Index,
    points: Points,
    derivations: Derivations,
    bindings: Bindings,
    /// Whether anything is derived from, or bound to, any point.
    has_dependents: bool,
    groups: Groups,
    stops: Stops,
    links: Links,
    alarms: Vec<Alarm>,
    outputs: Outputs,
    timers: Timers,
    risk: RiskBook,
    time: TimeBook,
    flood: Flood,
    /// The minute of the wall clock that was last looked at.
    minute: i64,
    /// Rules of which a point has said something at the present moment: what they make of it is found when all of them have.
    asked: Vec<AlarmId>,
    /// How many alarms of each group stand.
    standing_of_groups: Vec<u32>,
    /// Alarms of which other on-delays run since the last input.
    delays_moved: Vec<AlarmId>,
    /// What the alarm that is being attended to tells.
    told: Vec<Transition>,
    /// Transitions of the present moment.
    decided: Vec<(AlarmId, Transition)>,
    /// Points that went stale at the present moment.
    lapsed: Vec<Reading>,
}

impl Engine {
    /// An engine that starts `now`. `standing` is what stood when the gateway last ran: its alarms go on where they stood,
    /// and clear only when good data says so; its outputs are ordered anew. Puts out every device's and every output's
    /// state, the risk picture, and the end of alarms whose rule is gone.
    pub fn new(site: Arc<Site>, standing: impl Into<Standing>, now: Now, out: &mut Output) -> Self {
        let Standing { alarms: standing, outputs: kept, memories } = standing.into();
        let index = Index::new(&site);
        let groups = Groups::new(&site);
        let mut engine = Self {
            points: Points::new(&site),
            derivations: Derivations::new(&site),
            bindings: Bindings::new(&site),
            has_dependents: !site.derived.is_empty() || site.rules.iter().any(|rule| rule.binding.is_some()),
            links: Links::new(&site, now.wall.stamp(&site.identity.zone), now.mono),
            outputs: Outputs::new(&site, now.wall.stamp(&site.identity.zone)),
            alarms: site.rules.iter().map(|rule| Alarm::new(&rule.kind)).collect(),
            timers: Timers::new(site.rules.len(), groups.len(), site.outputs.len()),
            risk: RiskBook::new(&site, index.by_name()),
            time: TimeBook::default(),
            flood: Flood::default(),
            minute: i64::MIN,
            asked: Vec::new(),
            standing_of_groups: vec![0; groups_of(&site)],
            delays_moved: Vec::new(),
            told: Vec::new(),
            decided: Vec::new(),
            lapsed: Vec::new(),
            stops: Stops::new(index.of_stops().len()),
            index,
            groups,
            site,
        };
        engine.restore(standing, now, out);
        engine.recall(memories, now, out);
        engine.take_up_orders();
        engine.resume_flood(now);
        engine.start_devices(now, out);
        engine.begin_outputs(&kept, now, out);
        engine.settle(now, out);
        engine.show_risk(now, out);
        engine
    }

    /// Takes one input. What is due by `now` is decided first, in the order in which it fell due and with the stamp of
    /// that moment: a late wake changes nothing. `now.mono` never goes back.
    pub fn apply(&mut self, now: Now, input: Input, out: &mut Output) {
        self.fall_due(now, out);
        match input {
            Input::Readings(batch) => self.read(now, batch, out),
            Input::Link(report) => self.link(now, report, out),
            Input::Health(report) => self.health(now, report),
            Input::Output(report) => self.output(now, report, out),
            Input::Command(command) => {
                let result = self.command(now, command, out);
                out.results.push(result);
            }
            Input::Clock(change) => self.follow_clock(now, &change, out),
            Input::Wake => {}
        }
        self.settle(now, out);
    }

    /// When to call again with [`Input::Wake`] if nothing else comes before. May be early, never late.
    pub fn next_deadline(&self) -> Option<Mono> {
        self.timers.next()
    }

    /// The latest of every point and destination.
    pub fn snapshot(&self, now: Now) -> Snapshot {
        Snapshot { at: self.stamp(now), points: self.points.latest(), uplinks: self.links.uplinks() }
    }

    fn restore(&mut self, standing: Vec<Transition>, now: Now, out: &mut Output) {
        let at = self.stamp(now);
        for last in standing.into_iter().filter(|last| last.state != AlarmState::Normal) {
            let Some(id) = self.index.named(&self.site, &last.alarm) else {
                out.transitions.push(alarm::orphaned(last, at));
                continue;
            };
            let alarm = &mut self.alarms[id.index()];
            alarm.restore(last, &self.site.alarms, now);
            self.risk.change(id, self.site.rule(id).hazard, None, alarm.risk());
            if let Some(group) = self.site.rule(id).handling.group.filter(|_| alarm.stands()) {
                self.standing_of_groups[group as usize] += 1;
            }
            let is_suppressed = alarm.is_suppressed;
            if let Some(deadline) = alarm.deadline() {
                self.timers.arm(Timer::Alarm(id), deadline);
            }
            if is_suppressed {
                self.resume_suppression(now, id);
            }
        }
    }

    fn fall_due(&mut self, now: Now, out: &mut Output) {
        while let Some(due) = self.timers.next().filter(|due| *due <= now.mono) {
            let then = back_to(now, due);
            while let Some(timer) = self.timers.pop(due) {
                match timer {
                    Timer::Alarm(alarm) => {
                        self.alarms[alarm.index()].watch.advance(due);
                        self.decide(then, alarm);
                    }
                    Timer::Group(group) => self.age(then, group),
                    Timer::Output(output) => self.expire(then, output, out),
                    Timer::Minute => {}
                    Timer::Flood => self.review_flood(then),
                }
            }
            self.settle(then, out);
        }
    }

    fn read(&mut self, now: Now, mut batch: Batch, out: &mut Output) {
        for reading in &mut batch.readings {
            if self.points.slot_mut(reading.point).take(now.mono, reading) {
                self.expect(reading.point);
                self.examine(now, reading.point);
            }
            if self.has_dependents {
                self.note(reading.point);
            }
        }
        let answered = batch.readings.iter().any(|reading| reading.sample != Sample::Bad(Reason::Comm));
        if self.links.hear(batch.device, answered, now.mono) {
            self.review_link(now, batch.device);
        }
        out.batches.push(batch);
    }

    /// Sees to it that the point is found stale in time if nothing is heard of it.
    fn expect(&mut self, point: PointId) {
        if let Some(deadline) = self.points.slot(point).stale_at() {
            self.timers.arm(Timer::Group(self.groups.of(point)), deadline);
        }
    }

    /// Looks after the points of a group: those whose data is too old are stale.
    fn age(&mut self, now: Now, group: usize) {
        let site = Arc::clone(&self.site);
        let Group { device, places } = self.groups.get(group);
        let mut next: Option<Mono> = None;
        for &point in &site.device(device).points[places] {
            let slot = self.points.slot_mut(point);
            match slot.stale_at() {
                Some(deadline) if deadline <= now.mono => {
                    self.lapsed.extend(slot.spoil(point, now.wall, Reason::Stale));
                    self.note(point);
                    self.examine(now, point);
                }
                Some(deadline) => next = Some(next.map_or(deadline, |next| next.min(deadline))),
                None => {}
            }
        }
        if let Some(deadline) = next {
            self.timers.arm(Timer::Group(group), deadline);
        }
    }

    /// Holds the latest of a point against every rule on it.
    fn examine(&mut self, now: Now, point: PointId) {
        let unwatched = self.links.is_down(self.site.point(point).device);
        let mut idle = true;
        for place in self.index.of_point(point) {
            let alarm = self.index.at(place);
            if self.observe(now.mono, alarm, point, unwatched) {
                self.decide(now, alarm);
            }
            idle &= self.alarms[alarm.index()].watch.is_idle();
        }
        let slot = self.points.slot_mut(point);
        slot.set_calm(idle && slot.is_good());
    }

    /// Whether a rule is to be asked only when everything that came at this moment is in: it looks at several points, or may cease to be
    /// active by what another says.
    fn is_of_the_whole_moment(&self, alarm: AlarmId) -> bool {
        let rule = self.site.rule(alarm);
        match rule.kind {
            RuleKind::Condition(_) => true,
            RuleKind::Limits(_) => rule.binding.is_some(),
            _ => false,
        }
    }

    /// Tells a rule what its point says. Returns whether there may be something new to find.
    fn observe(&mut self, at: Mono, alarm: AlarmId, point: PointId, unwatched: bool) -> bool {
        if !self.bindings.is_active(alarm) {
            return false;
        }
        if self.is_of_the_whole_moment(alarm) {
            self.asked.push(alarm);
            return false;
        }
        let delays = self.delays(alarm);
        let slot = self.points.slot(point);
        match (&mut self.alarms[alarm.index()].watch, slot.sample()) {
            (Watch::Limits(watch), Some(sample)) => return watch.observe(at, sample, delays),
            (Watch::Limits(_), None) => return false,
            (Watch::Single { hold, .. }, _) if unwatched => hold.suspend(),
            (Watch::Single { hold, .. }, _) if slot.is_awaited() => hold.doubt(),
            (Watch::Single { hold, .. }, _) if slot.is_good() => hold.absent(at, delays),
            (Watch::Single { hold, .. }, _) => hold.present(at, delays),
        }
        true
    }

    fn health(&mut self, now: Now, report: HealthReport) {
        let (source, failed) = (report.source, report.error.is_some());
        self.links.health(report, self.stamp(now));
        self.judge(now, self.index.of_part(source), News::of(failed));
    }

    /// Stamps are what others see and nothing is decided by, so a step changes no alarm. It is told; and what was stamped
    /// while nothing vouched for the clock is put right where it is still shown.
    fn follow_clock(&mut self, now: Now, change: &ClockChange, out: &mut Output) {
        if change.restamps && change.by_ms != 0 {
            self.points.restamp(change.by_ms);
            self.links.restamp(change.by_ms, &self.site.identity.zone);
            let statuses = (0..self.site.devices.len()).map(DeviceId::new);
            out.devices.extend(statuses.map(|d| self.links.status(&self.site, d, self.stamp(now))));
            self.outputs.restamp(change.by_ms, &self.site.identity.zone);
            self.show_outputs(now, out);
            self.risk.show_again();
            self.show_risk(now, out);
        }
        if change.by_ms != 0 {
            self.remember_all_delays();
            self.derivations.keep_anew();
        }
        out.transitions.extend(self.time.events(change, self.stamp(now)));
    }

    /// What rests on a point that has spoken is to be looked at.
    fn note(&mut self, point: PointId) {
        self.derivations.note(point);
        self.bindings.note(point);
    }

    /// Asks the rules of which a point has spoken that are of the whole moment. All that came in one batch is one moment: none of them is
    /// asked between one point and the next.
    fn ask(&mut self, now: Now) {
        if self.asked.is_empty() {
            return;
        }
        let (site, mut asked) = (Arc::clone(&self.site), std::mem::take(&mut self.asked));
        asked.sort_unstable();
        asked.dedup();
        for &alarm in &asked {
            if !self.bindings.is_active(alarm) {
                continue;
            }
            let delays = self.delays(alarm);
            match (&site.rule(alarm).kind, &mut self.alarms[alarm.index()].watch) {
                (RuleKind::Condition(rule), Watch::Single { hold, .. }) => {
                    let condition = if hold.counts() { &rule.stays } else { &rule.when };
                    match evaluate::answer(condition, &self.points) {
                        Answer::Holds => hold.present(now.mono, delays),
                        Answer::Fails => hold.absent(now.mono, delays),
                        Answer::Unknown => hold.doubt(),
                    }
                }
                (RuleKind::Limits(limits), Watch::Limits(watch)) => {
                    if let Some(sample) = self.points.slot(limits.point).sample() {
                        watch.observe(now.mono, sample, delays);
                    }
                }
                _ => continue,
            }
            self.decide(now, alarm);
        }
        asked.clear();
        self.asked = asked;
    }

    /// Tells the rule of a device or a part, if there is one, what is known of its condition.
    fn judge(&mut self, now: Now, alarm: Option<AlarmId>, news: News) {
        self.judge_not_before(now, alarm, news, Mono::ZERO);
    }

    /// The same, of a condition that must not count before a moment.
    fn judge_not_before(&mut self, now: Now, alarm: Option<AlarmId>, news: News, least: Mono) {
        let Some(alarm) = alarm else { return };
        let delays = self.delays(alarm);
        let delays = Delays { on: delays.on.max(least - now.mono), ..delays };
        if let Watch::Single { hold, .. } = &mut self.alarms[alarm.index()].watch {
            hold.postpone(least);
            hold.take(news, now.mono, delays);
        }
        self.decide(now, alarm);
    }

    /// Puts out what was decided at one moment: transitions by alarm, what outputs are to be, what went stale, the risk if
    /// it changed.
    fn settle(&mut self, now: Now, out: &mut Output) {
        self.look_at_clock(now);
        self.derive(now, out);
        self.review_bindings(now);
        self.ask(now);
        for stale in self.lapsed.chunk_by(|a, b| self.device_of(a) == self.device_of(b)) {
            let device = self.device_of(&stale[0]);
            out.batches.push(Batch { device, at: now.wall, readings: stale.to_vec() });
        }
        self.lapsed.clear();
        if !self.decided.is_empty() {
            self.put_out(now, out);
            self.show_risk(now, out);
        }
        self.remember_delays(now, out);
        self.remember_stops(out);
    }

    /// Puts out what has moved, and what moves because of that.
    fn put_out(&mut self, now: Now, out: &mut Output) {
        // What an output is to be may end its own alarm, which others may be behind.
        while !self.decided.is_empty() {
            self.decided.sort_by_key(|(alarm, _)| *alarm);
            let calls = self.decided.iter().filter(|(_, transition)| transition.calls()).count();
            let moved: Vec<_> = self.decided.iter().map(|(alarm, what)| (*alarm, what.event)).collect();
            out.transitions.extend(self.decided.drain(..).map(|(_, transition)| transition));
            self.call_outputs(now, &moved, out);
            self.count_calls(now, calls);
        }
    }

    /// What goes by the wall clock is looked at once a minute.
    fn look_at_clock(&mut self, now: Now) {
        let minute = now.wall.0.div_euclid(60_000);
        let has_stops = !self.index.of_stops().is_empty();
        if minute == self.minute
            || !(has_stops || self.bindings.has_times() || self.derivations.has_clocked())
        {
            return;
        }
        self.minute = minute;
        self.bindings.note_minute();
        self.derivations.note_minute(now);
        self.look_at_stops(now);
        let left = 60_000 - now.wall.0.rem_euclid(60_000);
        self.timers.arm(Timer::Minute, now.mono + Duration::from_millis(left.unsigned_abs()));
    }

    fn show_risk(&mut self, now: Now, out: &mut Output) {
        let at = self.stamp(now);
        if let Some(risk) = self.risk.picture(&self.site, at) {
            out.risk = Some(risk);
        }
    }

    fn device_of(&self, reading: &Reading) -> DeviceId {
        self.site.point(reading.point).device
    }

    fn delays(&self, alarm: AlarmId) -> Delays {
        Delays::of(self.site.rule(alarm))
    }

    fn stamp(&self, now: Now) -> Stamp {
        now.wall.stamp(&self.site.identity.zone)
    }
}

/// How many groups of alarms the site has.
fn groups_of(site: &Site) -> usize {
    site.rules.iter().filter_map(|rule| rule.handling.group).max().map_or(0, |last| last as usize + 1)
}

/// Both clocks at a moment of the monotonic clock not after `now`.
fn back_to(now: Now, moment: Mono) -> Now {
    let late = i64::try_from((now.mono - moment).as_millis()).unwrap_or(i64::MAX);
    Now { mono: moment, wall: Wall(now.wall.0.saturating_sub(late)) }
}
