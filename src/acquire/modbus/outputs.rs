//! The outputs behind a link: takes the orders that stand, and serves whichever output is due, on the link's own connection,
//! between polls and ahead of them. Nothing is tried at a device that does not answer its polls.

use tokio::sync::watch;

use super::Poller;
use super::dial::Dial;
use super::guard::Failure;
use super::poll::Unreachable;
use super::switch::{Step, Switch};
use super::unit::Unit;
use super::write::{self, Write};
use crate::model::{Mono, Orders, OutputId, Text};
use crate::site::{ModbusDevice, Protocol, Site};

/// The outputs of a link's units.
pub(super) struct Outputs {
    orders: watch::Receiver<Orders>,
    list: Vec<Outlet>,
}

/// One output that is enabled.
struct Outlet {
    id: OutputId,
    /// Its device's place among the units.
    slot: usize,
    /// Whether its device answered when last seen to.
    present: bool,
    switch: Option<Switch>,
}

impl Outputs {
    /// The outputs on these units, with the orders that stand.
    pub(super) fn new(site: &Site, units: &[Unit], orders: watch::Receiver<Orders>) -> Self {
        let slot = |device| units.iter().position(|unit| unit.device == device);
        let outlet = |(index, slot)| Outlet { id: OutputId::new(index), slot, present: false, switch: None };
        let enabled = site.outputs.iter().enumerate().filter(|(_, output)| output.enabled);
        let list = enabled.filter_map(|(index, output)| Some((index, slot(output.device)?))).map(outlet);
        Self { orders, list: list.collect() }
    }

    /// Waits for new orders; for ever where there is nobody to give any.
    pub(super) async fn changed(&mut self) {
        if self.list.is_empty() || self.orders.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Takes the orders that stand, and sees which devices answer.
    pub(super) fn refresh(&mut self, units: &[Unit], now: Mono) {
        if self.list.is_empty() {
            return;
        }
        let orders = self.orders.borrow_and_update();
        for outlet in &mut self.list {
            match (&mut outlet.switch, orders.get(outlet.id.index()).copied().flatten()) {
                (Some(switch), Some(order)) => switch.take(order, now),
                (switch, Some(order)) => *switch = Some(Switch::new(order, now)),
                (_, None) => {}
            }
            let answers = units[outlet.slot].health.answers();
            let is_back = answers && !std::mem::replace(&mut outlet.present, answers);
            if let Some(switch) = outlet.switch.as_mut().filter(|_| is_back) {
                switch.found(now);
            }
        }
    }

    /// The output that is due first, and when.
    pub(super) fn next(&self) -> Option<(usize, Mono)> {
        let due = |(place, outlet): (usize, &Outlet)| Some((place, outlet.switch.as_ref()?.due()));
        let present = self.list.iter().enumerate().filter(|(_, outlet)| outlet.present);
        present.filter_map(due).min_by_key(|(_, due)| *due)
    }
}

impl<D: Dial> Poller<D> {
    /// Does for one output what is due.
    pub(super) async fn serve_output(&mut self, place: usize) -> Result<(), Unreachable> {
        let Outlet { slot, switch: Some(switch), .. } = &self.outputs.list[place] else { return Ok(()) };
        let (slot, on, output) = (*slot, switch.on(), switch.output());
        let site = self.context.site.clone();
        let (target, unit) = (&site.output(output).target, self.units[slot].device);
        let Protocol::Modbus(ModbusDevice { unit, timeout, pause, .. }) = &site.device(unit).protocol else {
            return Ok(());
        };
        let now = self.context.clock.mono();
        match switch.next(now) {
            Step::Write => {
                tracing::info!(output = site.output(output).name, on, "writing an output");
                // Never twice: what came of a write that was not answered only reading it back tells.
                let write = Write::new(target, on);
                let fits = |response| write.is_echo(&response).then_some(());
                let done = self.wire.call(*unit, *timeout, *pause, write.request(), fits).await;
                if let Err(failure) = &done {
                    self.units[slot].health.count(failure);
                }
                self.written(place, done.err())
            }
            Step::Look => {
                let unit = &mut self.units[slot];
                let question = unit.question(write::span(target));
                let seen = unit.ask(&mut self.wire, question, now).await.answer;
                self.looked(place, seen.map(|answer| write::state(target, &answer))).await
            }
        }
    }

    fn written(&mut self, place: usize, failure: Option<Failure>) -> Result<(), Unreachable> {
        let now = self.context.clock.mono();
        let words = failure.as_ref().map(Failure::words);
        if let Some(switch) = &mut self.outputs.list[place].switch {
            switch.written(words.as_ref().map(unwritten), now);
        }
        match failure {
            Some(Failure::Unreachable(words)) => Err(Unreachable(words)),
            _ => Ok(()),
        }
    }

    async fn looked(&mut self, place: usize, seen: Result<Option<bool>, Failure>) -> Result<(), Unreachable> {
        let now = self.context.clock.mono();
        let slot = self.outputs.list[place].slot;
        let Some(switch) = &mut self.outputs.list[place].switch else { return Ok(()) };
        let report = match &seen {
            Ok(on) => switch.looked(*on, now, &mut self.rng),
            Err(failure) => {
                switch.not_seen(unread(&failure.words()), failure.is_silence(), now, &mut self.rng)
            }
        };
        if let Some(report) = report {
            self.context.inbox.output(report).await;
        }
        match seen {
            Err(Failure::Unreachable(words)) => Err(Unreachable(words)),
            Err(failure) if failure.is_silence() => {
                self.rest_outputs(slot, now);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A unit that is silent is left alone with all its outputs, so that they cost its neighbours no more than one would.
    fn rest_outputs(&mut self, slot: usize, now: Mono) {
        for outlet in self.outputs.list.iter_mut().filter(|outlet| outlet.slot == slot) {
            if let Some(switch) = outlet.switch.as_mut().filter(|switch| switch.due() <= now) {
                switch.rest(now, &mut self.rng);
            }
        }
    }
}

fn unwritten(why: &Text) -> Text {
    Text::new("写入失败", "it was not written").because(why)
}

fn unread(why: &Text) -> Text {
    Text::new("读回失败", "it cannot be read back").because(why)
}
