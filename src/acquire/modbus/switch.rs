//! One output as one machine without I/O: orders and what was found at the device go in; what to do next, and what others must
//! hear, comes out.
//!
//! - Only the newest order is known; it takes the place of any other, done or not.
//! - Whatever is written is read back. After a write that failed in any way the device is asked first: it may have been done.
//! - `on` is written again whenever it is found off. `off` is written until it has been found once: who switches on after
//!   that has their reasons, and is told of only.
//! - An order with a limit is not begun after it.

use super::super::backoff::Backoff;
use crate::model::limits::OUTPUT_LOOK_INTERVAL;
use crate::model::{Mono, OutputId, OutputOrder, OutputReport, Text};

/// What to do at the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Write what is wanted.
    Write,
    /// Look what is there.
    Look,
}

/// One output.
#[derive(Debug)]
pub(super) struct Switch {
    order: OutputOrder,
    /// Whether it has been found as ordered.
    settled: bool,
    step: Step,
    due: Mono,
    /// Why the last write of this order was not done, as far as is known.
    error: Option<Text>,
    wrote: bool,
    backoff: Backoff,
    told: Option<OutputReport>,
}

impl Switch {
    /// An output that is ordered for the first time in this run.
    pub(super) fn new(order: OutputOrder, now: Mono) -> Self {
        let mut switch = Self {
            order,
            settled: false,
            step: Step::Look,
            due: now,
            error: None,
            wrote: false,
            backoff: Backoff::default(),
            told: None,
        };
        switch.begin(now);
        switch
    }

    /// Takes the order that stands. One that says the same as the last goes on where that was.
    pub(super) fn take(&mut self, order: OutputOrder, now: Mono) {
        let last = std::mem::replace(&mut self.order, order);
        if order.on != last.on || (order.until.is_some() && order.until != last.until) {
            self.begin(now);
        }
    }

    fn begin(&mut self, now: Mono) {
        self.settled = !self.order.write;
        self.step = if self.order.write { Step::Write } else { Step::Look };
        self.due = now;
        (self.error, self.wrote, self.told) = (None, false, None);
        self.backoff.reset();
    }

    /// Its device answers again: what is there now, nobody knows.
    pub(super) fn found(&mut self, now: Mono) {
        (self.step, self.due, self.wrote, self.told) = (Step::Look, now, false, None);
        self.backoff.reset();
    }

    /// When there is something to do.
    pub(super) fn due(&self) -> Mono {
        self.due
    }

    /// What there is to do now.
    pub(super) fn next(&self, now: Mono) -> Step {
        if self.step == Step::Write && self.may_write(now) { Step::Write } else { Step::Look }
    }

    /// On or off.
    pub(super) fn on(&self) -> bool {
        self.order.on
    }

    pub(super) fn output(&self) -> OutputId {
        self.order.output
    }

    /// The device was written to; `error` says what went wrong, if something did. Look at once what came of it.
    pub(super) fn written(&mut self, error: Option<Text>, now: Mono) {
        self.error = error;
        (self.wrote, self.step, self.due) = (true, Step::Look, now);
    }

    /// The device was asked, and this was found; none if it is neither on nor off.
    pub(super) fn looked(
        &mut self,
        on: Option<bool>,
        now: Mono,
        rng: &mut fastrand::Rng,
    ) -> Option<OutputReport> {
        if on == Some(self.order.on) {
            self.settled = true;
            (self.error, self.wrote) = (None, false);
            self.backoff.reset();
            self.due = now + OUTPUT_LOOK_INTERVAL;
            return self.tell(on, None);
        }
        if !self.may_write(now) {
            self.due = now + OUTPUT_LOOK_INTERVAL;
            let error = self.error.clone().or_else(|| on.is_none().then(neither));
            return self.tell(on, error);
        }
        self.step = Step::Write;
        if std::mem::take(&mut self.wrote) {
            self.due = now + self.backoff.next(rng);
            let error = self.error.clone().unwrap_or_else(|| unlike(on));
            return self.tell(on, Some(error));
        }
        self.due = now;
        self.tell(on, on.is_none().then(neither))
    }

    /// The device was asked, and this went wrong: nothing came, or it refused to be read.
    pub(super) fn not_seen(
        &mut self,
        error: Text,
        is_silence: bool,
        now: Mono,
        rng: &mut fastrand::Rng,
    ) -> Option<OutputReport> {
        let error = self.error.clone().unwrap_or(error);
        self.rest(now, rng);
        // A device that answers and can't be read would otherwise be written once and never again.
        if !is_silence && !self.settled {
            self.step = Step::Write;
        }
        self.tell(None, Some(error))
    }

    /// Leaves the device alone for a while; then it is asked before anything is written.
    pub(super) fn rest(&mut self, now: Mono, rng: &mut fastrand::Rng) {
        (self.step, self.wrote) = (Step::Look, false);
        self.due = now + self.backoff.next(rng);
    }

    fn may_write(&self, now: Mono) -> bool {
        if self.settled {
            self.order.on
        } else {
            self.order.write && self.order.until.is_none_or(|until| now < until)
        }
    }

    fn tell(&mut self, on: Option<bool>, error: Option<Text>) -> Option<OutputReport> {
        let report = OutputReport { output: self.order.output, on, error };
        if self.told.as_ref() == Some(&report) {
            return None;
        }
        self.told = Some(report.clone());
        Some(report)
    }
}

fn neither() -> Text {
    Text::new("读回值既不是开也不是关", "what is read back is neither on nor off")
}

fn unlike(on: Option<bool>) -> Text {
    match on {
        Some(true) => Text::new("已写入，但读回仍为开", "written, but still on when read back"),
        Some(false) => Text::new("已写入，但读回仍为关", "written, but still off when read back"),
        None => neither(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::limits::BACKOFF_MAX;

    fn at(seconds: u64) -> Mono {
        Mono::from_start(Duration::from_secs(seconds))
    }

    fn order(on: bool, write: bool, until: Option<Mono>) -> OutputOrder {
        OutputOrder { output: OutputId::new(0), on, write, until }
    }

    fn rng() -> fastrand::Rng {
        fastrand::Rng::with_seed(1)
    }

    /// Serves a switch until `end` at a device that does what `act` says; the moments at which it was written.
    fn serve(switch: &mut Switch, end: Mono, mut act: impl FnMut(Step) -> Option<bool>) -> Vec<Mono> {
        let (mut rng, mut writes) = (rng(), Vec::new());
        let mut now = Mono::ZERO;
        loop {
            now = now.max(switch.due());
            if now >= end {
                return writes;
            }
            let step = switch.next(now);
            let seen = act(step);
            if step == Step::Write {
                writes.push(now);
                switch.written(None, now);
            } else {
                switch.looked(seen, now, &mut rng);
            }
        }
    }

    #[test]
    fn p2_what_is_written_is_read_back_at_once_and_looked_at_from_time_to_time() {
        let mut switch = Switch::new(order(true, true, None), at(0));
        assert_eq!(switch.next(at(0)), Step::Write);
        switch.written(None, at(0));
        assert_eq!((switch.next(at(0)), switch.due()), (Step::Look, at(0)));
        let report = switch.looked(Some(true), at(0), &mut rng()).expect("it is told");
        assert_eq!((report.on, report.error), (Some(true), None));
        assert_eq!(switch.due(), at(0) + OUTPUT_LOOK_INTERVAL);
        assert_eq!(switch.looked(Some(true), at(10), &mut rng()), None, "told once");
    }

    #[test]
    fn p2_a_device_that_takes_a_write_and_does_not_do_it_is_told_of_and_written_with_back_off() {
        let mut switch = Switch::new(order(true, true, None), at(0));
        let writes = serve(&mut switch, at(3600), |_| Some(false));
        assert!((3600 / 30..3600 / 5).contains(&(writes.len() as u64)), "{} writes", writes.len());
        let waits = writes.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(waits.max() <= Some(BACKOFF_MAX), "it is never given up while it is wanted");
        let told = switch.told.expect("it is told").error.expect("it failed");
        assert_eq!(told.en, "written, but still off when read back");
    }

    #[test]
    fn on_is_asserted_and_off_is_left_to_whoever_switches_on_later() {
        let mut is_on = true;
        let mut switch = Switch::new(order(false, true, None), at(0));
        let plant = |step| {
            is_on &= step != Step::Write;
            Some(is_on)
        };
        assert_eq!(serve(&mut switch, at(60), plant).len(), 1);
        let report = switch.looked(Some(true), at(70), &mut rng()).expect("it is told");
        assert_eq!(report.on, Some(true));
        assert_eq!(serve(&mut switch, at(120), |_| Some(true)).len(), 0, "somebody else switched it on");
        switch.take(order(true, true, None), at(120));
        assert_eq!(serve(&mut switch, at(130), |_| Some(true)).len(), 1);
        assert_eq!(switch.looked(Some(false), at(140), &mut rng()).expect("it is told").on, Some(false));
        assert_eq!(switch.next(at(140)), Step::Write, "what must be on is switched on again");
    }

    #[test]
    fn p6_an_order_that_only_watches_never_writes() {
        let mut switch = Switch::new(order(false, false, None), at(0));
        assert_eq!(serve(&mut switch, at(3600), |_| Some(true)).len(), 0);
        assert_eq!(switch.told.expect("it is told").on, Some(true));
    }

    #[test]
    fn p2_a_command_is_not_begun_after_its_limit_and_what_it_did_stands_without() {
        let mut late = Switch::new(order(true, true, Some(at(10))), at(0));
        late.found(at(12));
        assert_eq!(serve(&mut late, at(600), |_| Some(false)).len(), 0, "the moment is over");
        let mut done = Switch::new(order(true, true, Some(at(10))), at(0));
        serve(&mut done, at(5), |_| Some(true));
        done.looked(Some(false), at(20), &mut rng());
        assert_eq!(done.next(at(20)), Step::Write, "it was carried out in time, and holds");
    }

    #[test]
    fn p2_after_a_write_that_failed_the_device_is_asked_first() {
        let mut switch = Switch::new(order(true, true, None), at(0));
        switch.written(Some(Text::same("no answer")), at(0));
        assert_eq!(switch.next(at(0)), Step::Look);
        let report = switch.not_seen(Text::same("no answer"), true, at(1), &mut rng()).expect("it is told");
        assert_eq!((report.on, report.error.map(|error| error.en)), (None, Some("no answer".to_owned())));
        assert_eq!(switch.next(at(60)), Step::Look);
        let report = switch.looked(Some(true), at(60), &mut rng()).expect("it is told");
        assert_eq!((report.on, report.error), (Some(true), None), "it had been done");
    }

    #[test]
    fn a_new_order_takes_the_place_of_the_last_and_the_same_one_goes_on() {
        let mut switch = Switch::new(order(true, true, Some(at(10))), at(0));
        serve(&mut switch, at(1), |_| Some(true));
        let due = switch.due();
        switch.take(order(true, true, None), at(2));
        assert_eq!(switch.due(), due, "it is as ordered");
        switch.take(order(false, true, None), at(3));
        assert_eq!((switch.due(), switch.next(at(3)), switch.on()), (at(3), Step::Write, false));
    }
}
