//! Whole links in virtual time: what the engine hears of the devices on them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::sleep;

use super::super::session::Session;
use super::super::{Framing, Poller};
use super::bus::{Act, Asked, Bus, device, holding, register};
use crate::acquire::Context;
use crate::acquire::testing::{Ears, SiteBuilder, Word, samples};
use crate::model::{Batch, DeviceId, LinkCounters, LinkReport, LinkState, Sample, Text};
use crate::site::{LinkKind, ModbusDevice, Protocol, Source, Table};

const REPLY: Duration = Duration::from_millis(20);

fn answers(asked: Asked) -> Vec<Act> {
    vec![Act::Wait(REPLY), Act::Say(asked.answer())]
}

/// A link with these devices, each with two holding registers far apart, polled from now on.
fn link(devices: &[ModbusDevice], bus: &Bus, framing: Framing) -> Ears {
    let (context, ears) = site(devices);
    let session = Session::new(bus.clone(), framing, context.clock);
    tokio::spawn(Poller::new(0, session, context, fastrand::Rng::with_seed(7)).run());
    ears
}

fn site(devices: &[ModbusDevice]) -> (Context, Ears) {
    let sources = || [10, 200].map(|address| Source::Modbus(register(Table::Holding, address).into()));
    devices
        .iter()
        .fold(SiteBuilder::new(LinkKind::ModbusTcp("bus:1".into())), |site, device| {
            site.device(Protocol::Modbus(device.clone()), sources().to_vec())
        })
        .build()
}

/// What the engine hears within `time`.
pub(super) async fn hear(ears: &mut Ears, time: Duration) -> (Vec<Batch>, Vec<LinkReport>) {
    let (mut batches, mut reports) = (Vec::new(), Vec::new());
    let until = sleep(time);
    tokio::pin!(until);
    loop {
        tokio::select! {
            biased;
            word = ears.next() => match word {
                Word::Batch(batch) => batches.push(batch),
                Word::Link(report) => reports.push(report),
            },
            () = &mut until => return (batches, reports),
        }
    }
}

/// The states of a device, one for each change of state or reason.
pub(super) fn states(reports: &[LinkReport], device: usize) -> Vec<LinkState> {
    let mut of_device = of_device(reports, device);
    of_device.dedup_by(|a, b| (a.state, &a.error) == (b.state, &b.error));
    of_device.into_iter().map(|report| report.state).collect()
}

pub(super) fn of_device(reports: &[LinkReport], device: usize) -> Vec<&LinkReport> {
    reports.iter().filter(|report| report.device == DeviceId::new(device)).collect()
}

/// What was counted of a device, as told last.
pub(super) fn counted(reports: &[LinkReport], device: usize) -> LinkCounters {
    of_device(reports, device).last().map(|report| report.counters).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn p2_an_answer_that_is_right_only_when_asked_again_is_counted() {
    let mut questions = 0;
    let bus = Bus::new(Framing::Tcp, move |asked| {
        questions += 1;
        let wrong = Asked { transaction: asked.transaction.wrapping_add(7), ..asked };
        vec![Act::Say(if questions % 10 == 0 { wrong.answer() } else { asked.answer() })]
    });
    let (context, mut ears) = SiteBuilder::new(LinkKind::ModbusTcp("bus:1".into()))
        .device(Protocol::Modbus(device(1)), vec![Source::Modbus(register(Table::Holding, 10).into())])
        .build();
    let session = Session::new(bus.clone(), Framing::Tcp, context.clock);
    tokio::spawn(Poller::new(0, session, context, fastrand::Rng::with_seed(3)).run());
    let (_, reports) = hear(&mut ears, Duration::from_secs(100)).await;
    assert_eq!(states(&reports, 0), [LinkState::Up], "no poll was lost by it");
    let counted = counted(&reports, 0);
    assert!((6..=11).contains(&counted.malformed), "{counted:?}");
    assert_eq!((counted.silent, counted.lost, counted.refused), (0, 0, 0));
}

/// How many batches with nothing but true values came from a device; no other value may be in any.
fn good_polls(batches: &[Batch], device: usize, unit: u8) -> usize {
    let truth = [holding(unit, 10), holding(unit, 200)];
    let of_device = batches.iter().filter(|batch| batch.device == DeviceId::new(device));
    let good = of_device.filter(|batch| {
        let samples = samples(batch);
        assert_eq!(samples.len(), truth.len());
        for (sample, truth) in samples.iter().zip(&truth) {
            assert!(matches!(sample, Sample::Bad(_)) || sample == truth, "a wrong value: {sample:?}");
        }
        samples == truth
    });
    good.count()
}

#[tokio::test(start_paused = true)]
async fn polls_keep_to_their_grid() {
    let bus = Bus::new(Framing::Tcp, answers);
    let fast = ModbusDevice { poll: Duration::from_millis(200), ..device(1) };
    let mut ears = link(&[fast, device(2)], &bus, Framing::Tcp);
    let (batches, reports) = hear(&mut ears, Duration::from_secs(100)).await;
    assert_eq!(states(&reports, 0), [LinkState::Up]);
    assert_eq!(states(&reports, 1), [LinkState::Up]);
    // One at once, then one in each interval.
    assert!((500..=501).contains(&good_polls(&batches, 0, 1)));
    assert!((100..=101).contains(&good_polls(&batches, 1, 2)));
}

#[tokio::test(start_paused = true)]
async fn p3_a_dead_unit_on_a_shared_bus_leaves_its_neighbours_their_rate() {
    for framing in [Framing::Tcp, Framing::Rtu] {
        let bus = Bus::new(framing, |asked| if asked.unit == 2 { vec![] } else { answers(asked) });
        let fast = ModbusDevice { poll: Duration::from_millis(200), ..device(3) };
        let mut ears = link(&[device(1), device(2), fast], &bus, framing);
        let (batches, reports) = hear(&mut ears, Duration::from_secs(600)).await;
        assert_eq!(states(&reports, 1), [LinkState::Down], "{framing:?}");
        assert_eq!(states(&reports, 0), [LinkState::Up], "{framing:?}: a neighbour must not suffer");
        assert_eq!(states(&reports, 2), [LinkState::Up], "{framing:?}: a neighbour must not suffer");
        let (slow, fast) = (good_polls(&batches, 0, 1), good_polls(&batches, 2, 3));
        assert!(slow >= 570 && fast >= 2850, "{framing:?}: {slow} of 600, {fast} of 3000");
        assert_eq!(good_polls(&batches, 1, 2), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn p3_ten_dead_units_leave_the_two_living_their_rate() {
    for framing in [Framing::Tcp, Framing::Rtu] {
        let bus = Bus::new(framing, |asked| if asked.unit > 2 { vec![] } else { answers(asked) });
        let devices: Vec<ModbusDevice> = (1..=12).map(device).collect();
        let mut ears = link(&devices, &bus, framing);
        let (batches, reports) = hear(&mut ears, Duration::from_secs(1200)).await;
        for dead in 2..12 {
            assert_eq!(states(&reports, dead), [LinkState::Down]);
        }
        for (device, unit) in [(0, 1), (1, 2)] {
            assert_eq!(states(&reports, device), [LinkState::Up]);
            let polls = good_polls(&batches, device, unit);
            assert!(polls >= 1140, "{framing:?}: {polls} of 1200");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn p2_a_unit_that_answers_too_late_is_down_and_nobody_gets_its_answers() {
    for framing in [Framing::Tcp, Framing::Rtu] {
        let bus = Bus::new(framing, |asked| {
            let slow = if asked.unit == 2 { 900 } else { 20 };
            vec![Act::Wait(Duration::from_millis(slow)), Act::Say(asked.answer())]
        });
        let mut ears = link(&[device(1), device(2)], &bus, framing);
        let (batches, reports) = hear(&mut ears, Duration::from_secs(300)).await;
        assert_eq!(states(&reports, 0), [LinkState::Up]);
        assert_eq!(states(&reports, 1), [LinkState::Down]);
        assert!(good_polls(&batches, 0, 1) >= 285);
        assert_eq!(good_polls(&batches, 1, 2), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_unit_that_comes_back_is_found_and_polled_again() {
    let mut dead = true;
    let (alive, mut wakes) = tokio::sync::mpsc::channel::<()>(1);
    let bus = Bus::new(Framing::Rtu, move |asked| {
        dead = dead && wakes.try_recv().is_err();
        if dead && asked.unit == 2 { vec![] } else { answers(asked) }
    });
    let mut ears = link(&[device(1), device(2)], &bus, Framing::Rtu);
    let (batches, reports) = hear(&mut ears, Duration::from_secs(60)).await;
    assert_eq!(states(&reports, 1), [LinkState::Down]);
    let down = reports.iter().find(|report| report.device == DeviceId::new(1)).unwrap();
    assert_eq!(down.error, Some(Text::new("500 ms 内无应答", "no answer within 500 ms")));
    assert_eq!(good_polls(&batches, 1, 2), 0);
    alive.send(()).await.unwrap();
    let (batches, reports) = hear(&mut ears, Duration::from_secs(120)).await;
    assert_eq!(states(&reports, 1), [LinkState::Up]);
    assert!(good_polls(&batches, 1, 2) >= 60);
}

#[tokio::test(start_paused = true)]
async fn p2_a_lost_device_is_told_once_and_sends_nothing() {
    let mut left = 5;
    let bus = Bus::new(Framing::Tcp, move |asked| {
        left -= i32::from(left > 0);
        if left == 0 { vec![] } else { answers(asked) }
    });
    let mut ears = link(&[device(1)], &bus, Framing::Tcp);
    let (batches, reports) = hear(&mut ears, Duration::from_secs(120)).await;
    assert_eq!(states(&reports, 0), [LinkState::Up, LinkState::Degraded, LinkState::Down]);
    assert!(reports.len() <= 5, "then only what is counted, once a minute: {}", reports.len());
    let counters = counted(&reports, 0);
    assert_eq!(counters.polls, 4);
    assert!((4..120).contains(&counters.silent), "{counters:?}");
    let bad = batches.iter().flat_map(samples).filter(|sample| matches!(sample, Sample::Bad(_))).count();
    assert!((1..=4).contains(&bad), "bad readings go with the transition, not on and on: {bad}");
    assert!(batches.len() <= 5, "{}", batches.len());
}

#[tokio::test(start_paused = true)]
async fn p2_a_link_without_a_connection_takes_all_its_devices_down_with_the_reason() {
    let bus = Bus::new(Framing::Tcp, answers);
    bus.refuse(true);
    let mut ears = link(&[device(1), device(2)], &bus, Framing::Tcp);
    let (batches, reports) = hear(&mut ears, Duration::from_secs(60)).await;
    assert!(batches.is_empty());
    for device in [0, 1] {
        assert_eq!(states(&reports, device), [LinkState::Down]);
    }
    assert_eq!(reports[0].error, Some(Text::new("bus:1 拒绝连接", "connection refused by bus:1")));
    bus.refuse(false);
    let (batches, reports) = hear(&mut ears, Duration::from_secs(60)).await;
    for (device, unit) in [(0, 1), (1, 2)] {
        assert_eq!(states(&reports, device), [LinkState::Up]);
        assert!(good_polls(&batches, device, unit) >= 29);
    }
}

#[tokio::test(start_paused = true)]
async fn p3_a_far_end_that_is_gone_for_a_moment_takes_nobody_down() {
    let bus = Bus::new(Framing::Tcp, answers);
    let mut ears = link(&[device(1), device(2)], &bus, Framing::Tcp);
    hear(&mut ears, Duration::from_millis(5500)).await;
    bus.refuse(true);
    sleep(Duration::from_millis(600)).await;
    bus.refuse(false);
    let (_, reports) = hear(&mut ears, Duration::from_secs(30)).await;
    assert_eq!(bus.dials(), 2);
    assert!(reports.iter().all(|report| report.state != LinkState::Down), "{reports:?}");
}

/// A bus whose far end answers questions of which `hangs_up` is false. At any other it hangs up, and lets nobody in for a moment,
/// as a device does that dials in, and a converter that takes one client at a time.
fn touchy(hangs_up: impl Fn(Asked) -> bool + Send + 'static) -> Bus {
    let own = Arc::new(OnceLock::<Bus>::new());
    let there = Arc::clone(&own);
    let bus = Bus::new(Framing::Tcp, move |asked| {
        if !hangs_up(asked) {
            return answers(asked);
        }
        let bus = there.get().expect("the bus").clone();
        bus.refuse(true);
        tokio::spawn(async move {
            sleep(REPLY).await;
            bus.refuse(false);
        });
        vec![Act::Close]
    });
    own.set(bus.clone()).ok().expect("set once");
    bus
}

#[tokio::test(start_paused = true)]
async fn p2_a_far_end_that_hangs_up_at_each_question_and_is_back_in_a_moment_is_down() {
    let hangs = Arc::new(AtomicBool::new(false));
    let hanging = Arc::clone(&hangs);
    let bus = touchy(move |_| hanging.load(Ordering::Relaxed));
    let mut ears = link(&[device(1)], &bus, Framing::Tcp);
    let (_, reports) = hear(&mut ears, Duration::from_secs(3)).await;
    assert_eq!(states(&reports, 0), [LinkState::Up]);
    hangs.store(true, Ordering::Relaxed);
    let (_, reports) = hear(&mut ears, Duration::from_secs(5)).await;
    assert_eq!(states(&reports, 0).last(), Some(&LinkState::Down), "{reports:?}");
    hangs.store(false, Ordering::Relaxed);
    let (_, reports) = hear(&mut ears, Duration::from_secs(60)).await;
    assert_eq!(states(&reports, 0).last(), Some(&LinkState::Up));
}

#[tokio::test(start_paused = true)]
async fn p3_a_unit_that_brings_the_connection_down_each_time_is_down_and_its_neighbour_is_polled() {
    let bus = touchy(|asked| asked.unit == 2);
    let mut ears = link(&[device(1), device(2)], &bus, Framing::Tcp);
    let (_, reports) = hear(&mut ears, Duration::from_secs(10)).await;
    assert_eq!(states(&reports, 1).last(), Some(&LinkState::Down), "{reports:?}");
    let (batches, reports) = hear(&mut ears, Duration::from_secs(100)).await;
    assert!(!states(&reports, 0).contains(&LinkState::Down), "{reports:?}");
    let good = batches.iter().filter(|batch| batch.device.index() == 0);
    let polls = good.filter(|batch| samples(batch) == [holding(1, 10), holding(1, 200)]).count();
    assert!(polls >= 90, "{polls} polls of 100");
}

#[tokio::test(start_paused = true)]
async fn p2_a_block_that_brings_the_connection_down_each_time_takes_only_its_own_points() {
    let bus = touchy(|asked| asked.start == 200);
    let mut ears = link(&[device(1)], &bus, Framing::Tcp);
    hear(&mut ears, Duration::from_secs(10)).await;
    let (batches, reports) = hear(&mut ears, Duration::from_secs(60)).await;
    assert!(!states(&reports, 0).contains(&LinkState::Down), "{reports:?}");
    let read = batches.iter().filter(|batch| samples(batch)[0] == holding(1, 10)).count();
    assert!(read >= 30, "{read} of 60");
}

#[tokio::test(start_paused = true)]
async fn an_overloaded_link_serves_its_devices_in_turn_and_counts_what_it_skips() {
    let bus =
        Bus::new(Framing::Tcp, |asked| vec![Act::Wait(Duration::from_millis(300)), Act::Say(asked.answer())]);
    let greedy = ModbusDevice { poll: Duration::from_millis(100), ..device(1) };
    let mut ears = link(&[greedy, device(2), device(3)], &bus, Framing::Tcp);
    let (batches, reports) = hear(&mut ears, Duration::from_secs(180)).await;
    let polls: Vec<usize> =
        [(0, 1), (1, 2), (2, 3)].iter().map(|(d, u)| good_polls(&batches, *d, *u)).collect();
    // 600 ms a poll: 300 polls, a hundred for each.
    assert!(polls.iter().all(|polls| (90..=110).contains(polls)), "{polls:?}");
    // Told last within a minute of the end: one poll in 1.8 s instead of eighteen, and instead of one or two.
    let skipped: Vec<u64> = (0..3).map(|device| counted(&reports, device).overruns).collect();
    assert!((1100..1700).contains(&skipped[0]), "{skipped:?}");
    assert!(skipped[1..].iter().all(|skipped| (45..90).contains(skipped)), "{skipped:?}");
    assert!(of_device(&reports, 0).len() <= 4, "once a minute at most");
}
