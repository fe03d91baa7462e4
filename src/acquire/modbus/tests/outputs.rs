//! Outputs on whole links in virtual time: what is written, when, and what the engine hears of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use super::super::session::Session;
use super::super::{Framing, Poller};
use super::bus::{Act, Asked, Bus, device, register};
use crate::acquire::testing::{Ears, SiteBuilder};
use crate::clock::Clock;
use crate::model::{DeviceId, Input, LinkCounters, Mono, Orders, OutputId, OutputOrder, OutputReport};
use crate::site::{LinkKind, ModbusDevice, OutputSpec, Protocol, Source, Table, Target, Until, Values};

const REPLY: Duration = Duration::from_millis(20);
/// Where each unit's output stands.
const COIL: u16 = 16;

/// How a device takes a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// As it should.
    Does,
    /// Does it, and says nothing.
    DoesInSilence,
    /// Says that it did, and does not.
    Pretends,
    /// Exception 2.
    Refuses,
    /// Says nothing to whatever concerns the output, and does nothing.
    Ignores,
    /// Does it, and echoes another address.
    Babbles,
}

/// Unit 1 with a coil, and whatever else is on the bus.
#[derive(Clone)]
struct Field {
    coil: Arc<AtomicBool>,
    manner: Arc<Mutex<Manner>>,
}

impl Field {
    fn new(manner: Manner) -> Self {
        Self { coil: Arc::default(), manner: Arc::new(Mutex::new(manner)) }
    }

    fn is_on(&self) -> bool {
        self.coil.load(Ordering::Relaxed)
    }

    fn set(&self, on: bool) {
        self.coil.store(on, Ordering::Relaxed);
    }

    fn behave(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    fn answer(&self, asked: Asked) -> Vec<Act> {
        let manner = *self.manner.lock().unwrap();
        let say = |bytes| vec![Act::Wait(REPLY), Act::Say(bytes)];
        match (asked.unit, asked.function) {
            (1, 1 | 5) if manner == Manner::Ignores => vec![],
            (1, 1) => say(asked.frame(&[1, 1, u8::from(self.is_on())])),
            (1, 5) => self.write(asked, manner, say),
            _ => say(asked.answer()),
        }
    }

    /// The count of a write of one coil is its value.
    fn write(&self, asked: Asked, manner: Manner, say: impl Fn(Vec<u8>) -> Vec<Act>) -> Vec<Act> {
        let does = matches!(manner, Manner::Does | Manner::DoesInSilence | Manner::Babbles);
        if does {
            self.set(asked.count == 0xFF00);
        }
        let [a1, a2] = (asked.start + u16::from(manner == Manner::Babbles)).to_be_bytes();
        let [v1, v2] = asked.count.to_be_bytes();
        match manner {
            Manner::DoesInSilence | Manner::Ignores => vec![],
            Manner::Refuses => say(asked.exception(2)),
            Manner::Does | Manner::Pretends | Manner::Babbles => say(asked.frame(&[5, a1, a2, v1, v2])),
        }
    }
}

/// A link under test.
struct Rig {
    field: Field,
    bus: Bus,
    ears: Ears,
    orders: watch::Sender<Orders>,
    clock: Clock,
}

impl Rig {
    /// A link with these units, each polled for one register; unit 1 has the output, if it is enabled.
    fn new(manner: Manner, framing: Framing, units: &[u8], enabled: bool) -> Self {
        let field = Field::new(manner);
        let bus = Bus::new(framing, {
            let field = field.clone();
            move |asked| field.answer(asked)
        });
        let source = || vec![Source::Modbus(register(Table::Holding, 10).into())];
        let site = units.iter().fold(SiteBuilder::new(LinkKind::ModbusTcp("bus:1".into())), |site, unit| {
            site.device(
                Protocol::Modbus(ModbusDevice { poll: Duration::from_secs(1), ..device(*unit) }),
                source(),
            )
        });
        let (mut context, ears) = site.output(output(enabled)).build();
        let orders = watch::Sender::new(vec![None]);
        context.orders = orders.subscribe();
        let clock = context.clock;
        let session = Session::new(bus.clone(), framing, clock);
        tokio::spawn(Poller::new(0, session, context, fastrand::Rng::with_seed(7)).run());
        Self { field, bus, ears, orders, clock }
    }

    fn plain(manner: Manner) -> Self {
        Self::new(manner, Framing::Tcp, &[1], true)
    }

    fn order(&self, on: bool, until: Option<Mono>) {
        let order = OutputOrder { output: OutputId::new(0), on, write: true, until };
        self.orders.send_replace(vec![Some(order)]);
    }

    fn now(&self) -> Mono {
        self.clock.now().mono
    }

    /// What the engine hears of the output within `time`.
    async fn hear(&mut self, time: Duration) -> Vec<OutputReport> {
        let mut reports = Vec::new();
        let until = sleep(time);
        tokio::pin!(until);
        loop {
            tokio::select! {
                biased;
                input = self.ears.input() => if let Input::Output(report) = input { reports.push(report) },
                () = &mut until => return reports,
            }
        }
    }

    /// The functions asked for since the last call that concern the output, and the value of what was written.
    fn asked(&self) -> Vec<(u8, u16)> {
        self.bus
            .asked()
            .into_iter()
            .filter(|a| a.unit == 1 && a.function != 3)
            .map(|a| (a.function, a.count))
            .collect()
    }

    fn writes(&self) -> usize {
        self.asked().iter().filter(|(function, _)| *function == 5).count()
    }
}

fn output(enabled: bool) -> OutputSpec {
    OutputSpec {
        name: "siren".into(),
        title: crate::model::Text::same("siren"),
        hazard: None,
        device: DeviceId::new(0),
        target: Target { address: COIL, values: Values::Coil(true), multiple: false },
        enabled,
        calls: Vec::new(),
        until: Until::Cleared,
    }
}

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn said(report: &OutputReport) -> (Option<bool>, Option<&str>) {
    (report.on, report.error.as_ref().map(|error| error.en.as_str()))
}

#[tokio::test(start_paused = true)]
async fn p7_an_order_is_written_at_once_between_polls_and_read_back() {
    for framing in [Framing::Tcp, Framing::Rtu] {
        let mut rig = Rig::new(Manner::Does, framing, &[1, 2], true);
        rig.hear(Duration::from_millis(2300)).await;
        rig.bus.asked();
        rig.order(true, None);
        let reports = rig.hear(Duration::from_millis(150)).await;
        assert_eq!(reports.iter().map(said).collect::<Vec<_>>(), [(Some(true), None)], "{framing:?}");
        assert_eq!(rig.asked(), [(5, 0xFF00), (1, 1)], "{framing:?}");
        rig.order(false, None);
        rig.hear(Duration::from_millis(150)).await;
        assert!(!rig.field.is_on());
    }
}

#[tokio::test(start_paused = true)]
async fn p6_an_output_that_is_not_enabled_is_neither_written_nor_read() {
    let mut rig = Rig::new(Manner::Does, Framing::Tcp, &[1], false);
    rig.order(true, None);
    assert_eq!(rig.hear(s(60)).await, []);
    assert_eq!(rig.asked(), []);
}

#[tokio::test(start_paused = true)]
async fn p6_without_an_order_nothing_is_written() {
    let mut rig = Rig::plain(Manner::Does);
    assert_eq!(rig.hear(s(60)).await, []);
    assert_eq!(rig.asked(), []);
}

#[tokio::test(start_paused = true)]
async fn p2_a_write_that_was_done_and_not_answered_is_read_back_and_not_done_again() {
    for (manner, framing) in [
        (Manner::DoesInSilence, Framing::Tcp),
        (Manner::DoesInSilence, Framing::Rtu),
        (Manner::Babbles, Framing::Tcp),
        (Manner::Babbles, Framing::Rtu),
    ] {
        let mut rig = Rig::new(manner, framing, &[1], true);
        rig.hear(Duration::from_millis(1500)).await;
        rig.order(true, None);
        let reports = rig.hear(s(5)).await;
        assert_eq!(reports.last().map(said), Some((Some(true), None)), "{manner:?} {framing:?}");
        assert_eq!(rig.writes(), 1, "{manner:?} {framing:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn p2_what_a_device_refuses_or_only_pretends_is_told_and_tried_again_until_it_is_done() {
    for (manner, words) in [
        (Manner::Refuses, "it was not written: exception 2: illegal data address"),
        (Manner::Pretends, "written, but still off when read back"),
    ] {
        let mut rig = Rig::plain(manner);
        rig.hear(Duration::from_millis(1500)).await;
        rig.order(true, None);
        let reports = rig.hear(s(120)).await;
        assert_eq!(reports.last().map(said), Some((Some(false), Some(words))), "{manner:?}");
        let tries = rig.writes();
        assert!((5..20).contains(&tries), "{manner:?}: {tries} tries in two minutes");
        rig.field.behave(Manner::Does);
        let reports = rig.hear(s(31)).await;
        assert_eq!(reports.last().map(said), Some((Some(true), None)), "{manner:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn p2_only_what_is_still_wanted_is_written_when_a_device_comes_back() {
    let mut rig = Rig::plain(Manner::Does);
    rig.hear(Duration::from_millis(1500)).await;
    rig.bus.refuse(true);
    rig.hear(s(10)).await;
    rig.order(true, None);
    rig.hear(s(30)).await;
    rig.order(false, None);
    rig.hear(s(30)).await;
    rig.bus.asked();
    rig.bus.refuse(false);
    let reports = rig.hear(s(60)).await;
    assert_eq!(reports.iter().map(said).collect::<Vec<_>>(), [(Some(false), None)]);
    assert!(rig.asked().iter().all(|asked| *asked != (5, 0xFF00)), "an old order was written");
}

#[tokio::test(start_paused = true)]
async fn p2_what_stands_is_written_when_a_device_comes_back_without_it() {
    let mut rig = Rig::plain(Manner::Does);
    rig.order(true, None);
    rig.hear(s(3)).await;
    assert!(rig.field.is_on());
    rig.bus.refuse(true);
    rig.field.set(false);
    rig.hear(s(60)).await;
    rig.bus.refuse(false);
    let reports = rig.hear(s(31)).await;
    assert!(rig.field.is_on(), "{reports:?}");
    assert_eq!(reports.last().map(said), Some((Some(true), None)));
}

#[tokio::test(start_paused = true)]
async fn p2_a_command_that_waited_too_long_is_not_written() {
    let mut rig = Rig::plain(Manner::Does);
    rig.hear(Duration::from_millis(1500)).await;
    rig.bus.refuse(true);
    rig.hear(s(10)).await;
    rig.bus.asked();
    rig.order(true, Some(rig.now() + s(10)));
    rig.hear(s(60)).await;
    rig.bus.refuse(false);
    rig.hear(s(60)).await;
    assert_eq!(rig.writes(), 0);
    assert!(!rig.field.is_on());
}

#[tokio::test(start_paused = true)]
async fn p2_somebody_elses_switching_is_noticed_and_what_must_be_on_is_switched_on_again() {
    let mut rig = Rig::plain(Manner::Does);
    rig.order(true, None);
    rig.hear(s(15)).await;
    rig.field.set(false);
    let reports = rig.hear(s(11)).await;
    assert_eq!(reports.iter().map(said).collect::<Vec<_>>(), [(Some(false), None), (Some(true), None)]);
    assert!(rig.field.is_on());
    rig.order(false, None);
    rig.hear(s(15)).await;
    rig.bus.asked();
    rig.field.set(true);
    let reports = rig.hear(s(60)).await;
    assert_eq!(reports.iter().map(said).collect::<Vec<_>>(), [(Some(true), None)], "told once");
    assert_eq!(rig.writes(), 0, "it is left to whoever did it");
}

#[tokio::test(start_paused = true)]
async fn p3_an_output_that_is_silent_costs_the_neighbours_no_polls() {
    let mut rig = Rig::new(Manner::Ignores, Framing::Rtu, &[1, 2], true);
    rig.hear(Duration::from_millis(1500)).await;
    rig.order(true, None);
    rig.hear(s(60)).await;
    rig.bus.asked();
    rig.hear(s(300)).await;
    let polls = rig.bus.asked().into_iter().filter(|asked| asked.unit == 2).count();
    assert!(polls >= 285, "{polls} of 300 polls");
}

#[tokio::test(start_paused = true)]
async fn what_goes_wrong_at_an_output_is_counted_of_its_device() {
    for (manner, expected) in [
        (Manner::Refuses, (true, false, false)),
        (Manner::Ignores, (false, true, false)),
        (Manner::Babbles, (false, false, true)),
    ] {
        let mut rig = Rig::plain(manner);
        rig.hear(s(2)).await;
        rig.order(true, None);
        let mut counted = LinkCounters::default();
        let until = sleep(s(130));
        tokio::pin!(until);
        loop {
            tokio::select! {
                biased;
                input = rig.ears.input() => if let Input::Link(report) = input { counted = report.counters },
                () = &mut until => break,
            }
        }
        let LinkCounters { refused, silent, malformed, .. } = counted;
        assert_eq!((refused > 0, silent > 0, malformed > 0), expected, "{manner:?}: {counted:?}");
    }
}
