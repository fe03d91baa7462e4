//! Points of one device at several rates, and how well a fast one keeps to its grid.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::session::Session;
use super::super::{Framing, Poller};
use super::bus::{Act, Asked, Bus, device, register};
use super::link::{hear, states};
use crate::acquire::testing::{Ears, SiteBuilder};
use crate::model::{LinkState, Mono, PointId, Sample};
use crate::site::{LinkKind, Protocol, Source, Table};

const REPLY: Duration = Duration::from_millis(5);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn answers(asked: Asked) -> Vec<Act> {
    vec![Act::Wait(REPLY), Act::Say(asked.answer())]
}

/// A device with four neighbouring registers, the first two polled every `fast` and the others every second; and the
/// clock that it is polled by.
fn link(fast: Duration, bus: &Bus) -> (Ears, crate::clock::Clock) {
    let sources = (0..4).map(|n| Source::Modbus(register(Table::Holding, n).into())).collect();
    let site = SiteBuilder::new(LinkKind::ModbusTcp("bus:1".into()))
        .device(Protocol::Modbus(device(1)), sources)
        .poll(0, fast)
        .poll(1, fast);
    let (context, ears) = site.build();
    let clock = context.clock;
    let session = Session::new(bus.clone(), Framing::Tcp, clock);
    tokio::spawn(Poller::new(0, session, context, fastrand::Rng::with_seed(3)).run());
    (ears, clock)
}

#[tokio::test(start_paused = true)]
async fn each_rate_has_its_own_questions_and_its_own_grid() {
    let bus = Bus::new(Framing::Tcp, answers);
    let (mut ears, _) = link(ms(100), &bus);
    let (batches, reports) = hear(&mut ears, ms(60_000)).await;
    assert_eq!(states(&reports, 0), [LinkState::Up]);
    let asked = bus.asked();
    let of = |start| asked.iter().filter(|asked| (asked.start, asked.count) == (start, 2)).count();
    assert!((600..=601).contains(&of(0)) && (60..=61).contains(&of(2)), "{} and {}", of(0), of(2));
    assert_eq!(asked.len(), of(0) + of(2));
    assert!(batches.iter().all(|batch| batch.readings.len() == 2), "a rate is a batch");
    let good = batches.iter().flat_map(|batch| &batch.readings);
    assert!(good.into_iter().all(|reading| matches!(reading.sample, Sample::Good(_))));
}

#[tokio::test(start_paused = true)]
async fn p3_polls_of_50_ms_keep_to_their_grid() {
    let heard = Arc::new(Mutex::new(Vec::<Mono>::new()));
    let log = Arc::clone(&heard);
    let clock = crate::clock::Clock::start();
    let bus = Bus::new(Framing::Tcp, move |asked| {
        if asked.start == 0 {
            log.lock().unwrap().push(clock.now().mono);
        }
        answers(asked)
    });
    let (mut ears, own) = link(ms(50), &bus);
    hear(&mut ears, ms(60_000)).await;
    let apart = own.now().mono.since_start().abs_diff(clock.now().mono.since_start());
    assert!(apart < ms(1), "two clocks that began together");
    let heard = heard.lock().unwrap();
    assert!((1200..=1201).contains(&heard.len()), "{}", heard.len());
    // The first is made at once; after it, every one in its own interval. The other rate takes 5 ms now and then.
    let late = |n: usize| (heard[n] - heard[1]).checked_sub(ms(50) * (n as u32 - 1));
    let worst = (1..heard.len()).map(|n| late(n).expect("never early by a whole timer tick")).max();
    assert!(worst <= Some(REPLY + ms(2)), "{worst:?}");
}

#[tokio::test(start_paused = true)]
async fn p2_a_rate_that_nothing_answers_degrades_its_device_and_does_not_lose_it() {
    let bus = Bus::new(Framing::Tcp, |asked| if asked.start == 0 { vec![] } else { answers(asked) });
    let (mut ears, _) = link(ms(200), &bus);
    let (batches, reports) = hear(&mut ears, ms(300_000)).await;
    let seen = states(&reports, 0);
    assert!(seen.len() <= 4 && seen.last() == Some(&LinkState::Degraded), "{seen:?}");
    assert!(!seen.contains(&LinkState::Down), "{seen:?}");
    let good = batches.iter().flat_map(|batch| &batch.readings).filter(|reading| {
        let sound = matches!(reading.sample, Sample::Good(_));
        assert!(!sound || reading.point >= PointId::new(2), "{reading:?}");
        sound
    });
    assert!(good.count() >= 2 * 285, "the other rate goes on");
}

#[tokio::test(start_paused = true)]
async fn p2_a_device_that_answers_at_no_rate_is_lost() {
    let bus = Bus::new(Framing::Tcp, |_| vec![]);
    let (mut ears, _) = link(ms(200), &bus);
    let (_, reports) = hear(&mut ears, ms(5000)).await;
    assert_eq!(states(&reports, 0), [LinkState::Down]);
}
