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
