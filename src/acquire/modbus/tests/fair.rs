//! One fault stays one fault on a shared bus: what dead and slow units cost their neighbours, in virtual time.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::session::Session;
use super::super::{Framing, Poller};
use super::bus::{Act, Asked, Bus, device, register};
use super::link::{counted, hear, states};
use crate::acquire::testing::{Ears, SiteBuilder, samples};
use crate::model::{Batch, DeviceId, LinkState, Sample};
use crate::site::{LinkKind, ModbusDevice, Protocol, Source, Table};

const REPLY: Duration = Duration::from_millis(10);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Units 1 to `units`, each with a holding register in `blocks` places far apart, polled every second.
fn link(units: u8, blocks: u16, bus: &Bus, framing: Framing) -> Ears {
    let sources: Vec<Source> =
        (0..blocks).map(|n| Source::Modbus(register(Table::Holding, 200 * n).into())).collect();
    let kind = LinkKind::ModbusRtuOverTcp("bus:1".into());
    let site = (1..=units).fold(SiteBuilder::new(kind), |site, unit| {
        site.device(Protocol::Modbus(device(unit)), sources.clone())
    });
    let (context, ears) = site.build();
    let session = Session::new(bus.clone(), framing, context.clock);
    tokio::spawn(Poller::new(0, session, context, fastrand::Rng::with_seed(3)).run());
    ears
}

/// Polls of a device that were answered whole.
fn polls(batches: &[Batch], device: usize) -> usize {
    let of_device = batches.iter().filter(|batch| batch.device == DeviceId::new(device));
    of_device.filter(|batch| samples(batch).iter().all(|sample| matches!(sample, Sample::Good(_)))).count()
}

/// With the units above `alive` dead for ten minutes, from the start on or after one minute: the smallest share of their
/// polls that the others had.
async fn share_of_the_living(units: u8, alive: u8, framing: Framing, from_the_start: bool) -> f64 {
    let dying = Arc::new(AtomicBool::new(from_the_start));
    let dead = Arc::clone(&dying);
    let bus = Bus::new(framing, move |asked: Asked| {
        let dead = dead.load(Relaxed) && asked.unit > alive;
        if dead { vec![] } else { vec![Act::Wait(REPLY), Act::Say(asked.answer())] }
    });
    let mut ears = link(units, 1, &bus, framing);
    hear(&mut ears, ms(60_000)).await;
    dying.store(true, Relaxed);
    let (batches, reports) = hear(&mut ears, ms(600_000)).await;
    for device in 0..usize::from(alive) {
        let suffers = states(&reports, device).iter().any(|state| *state != LinkState::Up);
        assert!(!suffers, "{framing:?}: a neighbour must not suffer");
    }
    (0..usize::from(alive)).map(|device| polls(&batches, device) as f64 / 600.0).fold(1.0, f64::min)
}

#[tokio::test(start_paused = true)]
async fn p3_one_dead_unit_of_eight_leaves_the_others_their_rate() {
    for (framing, from_the_start) in [(Framing::Rtu, false), (Framing::Rtu, true), (Framing::Tcp, false)] {
        let share = share_of_the_living(8, 7, framing, from_the_start).await;
        assert!(share >= 0.95, "{framing:?}, dead from the start {from_the_start}: {share}");
    }
}

#[tokio::test(start_paused = true)]
async fn p3_a_unit_that_dies_costs_its_neighbours_no_poll_where_its_timeout_is_shorter_than_their_interval() {
    for framing in [Framing::Tcp, Framing::Rtu] {
        let share = share_of_the_living(10, 9, framing, false).await;
        assert!(share >= 1.0, "{framing:?}: {share}");
    }
}

#[tokio::test(start_paused = true)]
async fn p3_three_dead_units_of_thirty_one_leave_the_others_their_rate() {
    for (framing, from_the_start) in [(Framing::Rtu, false), (Framing::Rtu, true), (Framing::Tcp, false)] {
        let share = share_of_the_living(31, 28, framing, from_the_start).await;
        assert!(share >= 0.95, "{framing:?}, dead from the start {from_the_start}: {share}");
    }
}

/// Of eight units the last `dead` die and, after a while that is another each time, the first `back` of them answer again: how
/// long the last of those is then off the scan, each of so many times, the shortest first.
async fn absences(framing: Framing, dead: u8, back: u8) -> Vec<Duration> {
    let silent = Arc::new(Mutex::new(9..9));
    let is_silent = Arc::clone(&silent);
    let bus = Bus::new(framing, move |asked: Asked| {
        let dead = is_silent.lock().unwrap().contains(&asked.unit);
        if dead { vec![] } else { vec![Act::Wait(REPLY), Act::Say(asked.answer())] }
    });
    let mut ears = link(8, 1, &bus, framing);
    hear(&mut ears, ms(30_000)).await;
    let mut absences = Vec::new();
    for round in 0..12 {
        *silent.lock().unwrap() = 9 - dead..9;
        let (_, reports) = hear(&mut ears, ms(2000) * u32::from(dead) + ms(1500)).await;
        assert_eq!(states(&reports, 7).last(), Some(&LinkState::Down), "off the scan within two polls");
        hear(&mut ears, ms(20_000) + ms(4930) * round).await;
        *silent.lock().unwrap() = 9 - dead + back..9;
        let (mut waited, mut away) = (Duration::ZERO, (8 - dead..8 - dead + back).collect::<Vec<_>>());
        while !away.is_empty() {
            let (batches, _) = hear(&mut ears, ms(100)).await;
            waited += ms(100);
            away.retain(|device| polls(&batches, usize::from(*device)) == 0);
            assert!(waited < ms(120_000), "{framing:?}: {away:?} of {dead} never come back");
        }
        absences.push(waited);
        *silent.lock().unwrap() = 9..9;
        hear(&mut ears, if back < dead { ms(60_000) } else { ms(3000) }).await;
    }
    absences.sort();
    absences
}

/// A probe is asked every 5 s at most and waits a tenth of a second for a unit as quick as these. One of eight waits as long as
/// the unit may take, 0.5 s, and rests 24 times as long; on RTU frames twice that, for its answer may still come.
#[tokio::test(start_paused = true)]
async fn p3_a_dead_unit_is_off_the_scan_within_two_polls_and_back_as_soon_as_its_bus_can_bear_to_ask() {
    for (framing, dead, back, half, longest) in [
        (Framing::Tcp, 1, 1, 5000, 12_600),
        (Framing::Rtu, 1, 1, 5200, 24_600),
        // All of them at once: the first that answers sets the others free.
        (Framing::Rtu, 3, 3, 5200, 24_700),
        // One of them: the others take their turns.
        (Framing::Rtu, 3, 1, 15_600, 73_800),
    ] {
        let absences = absences(framing, dead, back).await;
        let (median, last) = (absences[absences.len() / 2 - 1], absences[absences.len() - 1]);
        let case = format!("{framing:?}: {back} of {dead}: {absences:?}");
        assert!(median <= ms(half), "half of the time back within {half} ms: {case}");
        assert!(last <= ms(longest), "never back later than {longest} ms: {case}");
    }
}

#[tokio::test(start_paused = true)]
async fn p3_a_unit_that_is_slow_but_alive_gets_what_its_neighbours_leave() {
    for framing in [Framing::Tcp, Framing::Rtu] {
        // Three blocks at 90 % of the timeout: 1.35 s for a poll every second.
        let bus = Bus::new(framing, |asked| {
            let reply = if asked.unit == 8 { ms(450) } else { REPLY };
            vec![Act::Wait(reply), Act::Say(asked.answer())]
        });
        let mut ears = link(8, 3, &bus, framing);
        let (batches, reports) = hear(&mut ears, ms(600_000)).await;
        for device in 0..7 {
            assert_eq!(states(&reports, device), [LinkState::Up]);
            let polls = polls(&batches, device);
            assert!(polls >= 570, "{framing:?}: device {device} was polled {polls} times of 600");
        }
        assert_eq!(states(&reports, 7), [LinkState::Up], "slow, but alive");
        // What the others leave is 0.79 s in a second, or 0.75 s where frames need a silence between them.
        let slow = polls(&batches, 7);
        assert!((300..=380).contains(&slow), "{framing:?}: {slow}");
        let skipped = counted(&reports, 7).overruns;
        assert!((200..=300).contains(&skipped), "counted, not queued up: {skipped}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_kept_after_every_answer_of_a_slow_converter() {
    let bus = Bus::new(Framing::Tcp, |asked| vec![Act::Wait(REPLY), Act::Say(asked.answer())]);
    let sources: Vec<Source> =
        (0..3).map(|n| Source::Modbus(register(Table::Holding, 200 * n).into())).collect();
    let slow = ModbusDevice { pause: ms(30), ..device(1) };
    let site = SiteBuilder::new(LinkKind::ModbusTcp("bus:1".into()));
    let (context, mut ears) = site
        .device(Protocol::Modbus(slow), sources.clone())
        .device(Protocol::Modbus(device(2)), sources)
        .build();
    let session = Session::new(bus.clone(), Framing::Tcp, context.clock);
    tokio::spawn(Poller::new(0, session, context, fastrand::Rng::with_seed(3)).run());
    let (batches, _) = hear(&mut ears, ms(115)).await;
    assert_eq!(polls(&batches, 0), 1, "10 + 30 + 10 + 30 + 10 ms");
    assert_eq!(bus.asked().iter().filter(|asked| asked.unit == 2).count(), 0);
    let (batches, _) = hear(&mut ears, ms(60)).await;
    assert_eq!(polls(&batches, 1), 1, "which needs no pause itself");
}
