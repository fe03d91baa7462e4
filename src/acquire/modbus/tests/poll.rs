//! Polls of one device: what one block suffers touches its own points only, and refused addresses are found.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::advance;

use super::super::Framing;
use super::super::health::Outcome;
use super::super::poll::{Polled, poll};
use super::super::session::Session;
use super::super::unit::{Rates, Unit};
use super::super::wire::Wire;
use super::bus::{Act, Asked, Bus, device, holding, holdings};
use crate::clock::Clock;
use crate::model::limits::{POLL_SPLITS_MAX, REFUSED_FOR_MAX, REFUSED_FOR_MIN};
use crate::model::{DeviceId, Reason, Sample, Text};

/// A device with points in holding registers, and the bus that it is on.
struct Rig {
    unit: Unit,
    wire: Wire<Bus>,
    bus: Bus,
    clock: Clock,
    rng: fastrand::Rng,
    addresses: Vec<u16>,
    /// The addresses that were said to be refused.
    found: Vec<u16>,
}

impl Rig {
    fn new(addresses: &[u16], script: impl FnMut(Asked) -> Vec<Act> + Send + 'static) -> Self {
        let clock = Clock::start();
        let bus = Bus::new(Framing::Tcp, script);
        let device = device(1);
        let rates = Rates::from([(device.poll, holdings(addresses.iter().copied()))]);
        let unit = Unit::new(DeviceId::new(0), device, rates);
        let wire = Wire::new(Session::new(bus.clone(), Framing::Tcp, clock), clock);
        let rng = fastrand::Rng::with_seed(1);
        Self { unit, wire, bus, clock, rng, addresses: addresses.to_vec(), found: Vec::new() }
    }

    /// One poll: the addresses that gave no value, all others being held against the truth, and the outcome.
    async fn poll(&mut self) -> (Vec<u16>, Outcome) {
        let polled =
            poll(&mut self.unit, 0, &mut self.wire, self.clock.now(), &mut self.rng, |_| false).await;
        let Polled { mut readings, outcome, found, .. } = polled.unwrap().unwrap();
        self.found.extend(found.into_iter().map(|(point, _)| self.addresses[point.index()]));
        readings.sort_by_key(|reading| reading.point);
        assert_eq!(readings.len(), self.addresses.len(), "one reading of each point");
        let mut bad = Vec::new();
        for (reading, address) in readings.iter().zip(&self.addresses) {
            match reading.sample {
                Sample::Bad(reason) => {
                    assert_eq!(reason, Reason::Comm);
                    bad.push(*address);
                }
                sample => assert_eq!(sample, holding(1, *address), "at {address}"),
            }
        }
        (bad, outcome)
    }

    fn questions(&self) -> usize {
        self.bus.asked().len()
    }
}

fn part(zh: &str, en: &str) -> Outcome {
    Outcome::Part(Text::new(zh, en))
}

#[tokio::test(start_paused = true)]
async fn everything_that_answers_is_good() {
    let mut rig = Rig::new(&[0, 1, 5, 100, 300], |asked| vec![Act::Say(asked.answer())]);
    assert_eq!(rig.poll().await, (vec![], Outcome::Whole));
    assert_eq!(rig.questions(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_exception_touches_its_own_block_only() {
    let mut rig = Rig::new(&[0, 1, 100, 101, 300], |asked| {
        vec![Act::Say(if asked.covers(3, 100) { asked.exception(4) } else { asked.answer() })]
    });
    let words = part(
        "异常码 4：从站设备故障（保持寄存器 100…101）",
        "exception 4: server device failure at holding 100…101",
    );
    assert_eq!(rig.poll().await, (vec![100, 101], words));
}

#[tokio::test(start_paused = true)]
async fn a_few_complaints_are_spelled_out_and_the_others_counted() {
    let mut rig = Rig::new(&[0, 100, 200, 300, 400], |asked| vec![Act::Say(asked.exception(6))]);
    let Outcome::Part(words) = rig.poll().await.1 else { panic!("it answered") };
    assert!(words.zh.ends_with("；异常码 6：从站设备忙（保持寄存器 200）；另有 2 处"), "{}", words.zh);
    assert!(
        words.en.ends_with("; exception 6: server device busy at holding 200; and 2 more"),
        "{}",
        words.en
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_address_is_found_and_left_alone_for_a_while() {
    let mut rig = Rig::new(&[0, 1, 2, 3, 4, 5, 6, 7], |asked| {
        vec![Act::Say(if asked.covers(3, 5) { asked.exception(2) } else { asked.answer() })]
    });
    let words =
        part("异常码 2：数据地址非法（保持寄存器 5）", "exception 2: illegal data address at holding 5");
    let found = (vec![5], words);
    assert_eq!(rig.poll().await, found);
    assert_eq!(rig.questions(), 7, "whole, then halves down to the one");
    assert_eq!(rig.poll().await, found);
    assert!(rig.bus.asked().iter().all(|asked| !asked.covers(3, 5)), "asked again");
    advance(REFUSED_FOR_MIN).await;
    assert_eq!(rig.poll().await, found);
    assert_eq!(rig.bus.asked().iter().filter(|asked| asked.covers(3, 5)).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_address_is_said_once_however_often_it_is_refused() {
    let mut rig = Rig::new(&[0, 1, 2, 3], |asked| {
        vec![Act::Say(if asked.covers(3, 1) { asked.exception(2) } else { asked.answer() })]
    });
    for _ in 0..60 {
        assert_eq!(rig.poll().await.0, [1]);
        advance(Duration::from_secs(10)).await;
    }
    assert_eq!(rig.found, [1]);
}

#[tokio::test(start_paused = true)]
async fn what_was_learned_of_refused_addresses_outlasts_the_loss_of_the_device() {
    let dead = Arc::new(AtomicBool::new(false));
    let silent = Arc::clone(&dead);
    let mut rig = Rig::new(&[0, 1, 2, 3, 4, 5, 6, 7], move |asked| match silent.load(Relaxed) {
        true => vec![],
        false if asked.covers(3, 5) => vec![Act::Say(asked.exception(2))],
        false => vec![Act::Say(asked.answer())],
    });
    assert_eq!(rig.poll().await.0, [5]);
    let pieces = rig.questions() - 4;
    dead.store(true, Relaxed);
    assert!(matches!(rig.poll().await.1, Outcome::Nothing(_)));
    dead.store(false, Relaxed);
    rig.questions();
    assert!(rig.unit.probe(&mut rig.wire, rig.clock.mono()).await.is_ok());
    rig.unit.revive();
    assert_eq!(rig.questions(), 1);
    assert_eq!(rig.poll().await.0, [5]);
    assert_eq!(rig.questions(), pieces, "split anew");
    assert_eq!(rig.found, [5], "said again");
}

#[tokio::test(start_paused = true)]
async fn p3_a_poll_that_gave_way_goes_on_where_it_stood() {
    let mut rig = Rig::new(&[0, 100, 200, 300], |asked| vec![Act::Say(asked.answer())]);
    for _ in 0..3 {
        for turn in 1..=4 {
            let polled = poll(&mut rig.unit, 0, &mut rig.wire, rig.clock.now(), &mut rig.rng, |_| true).await;
            let readings = polled.unwrap().map(|polled| polled.readings.len());
            assert_eq!(readings, (turn == 4).then_some(4));
        }
        let starts: Vec<u16> = rig.bus.asked().iter().map(|asked| asked.start).collect();
        assert_eq!(starts, [0, 100, 200, 300], "each once");
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_that_is_refused_for_good_is_asked_for_ever_more_rarely() {
    let mut rig = Rig::new(&[0, 1], |asked| {
        vec![Act::Say(if asked.covers(3, 1) { asked.exception(2) } else { asked.answer() })]
    });
    let mut asked_at = Vec::new();
    for second in 0..3600_u64 {
        assert_eq!(rig.poll().await.0, [1]);
        let singles = rig.bus.asked().into_iter().filter(|asked| asked.covers(3, 1) && asked.count == 1);
        asked_at.extend(singles.map(|_| second));
        advance(Duration::from_secs(1)).await;
    }
    let waits: Vec<u64> = asked_at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(waits[..8], [5, 10, 20, 40, 80, 160, 320, 600]);
    assert!(waits[8..].iter().all(|wait| *wait == REFUSED_FOR_MAX.as_secs()), "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn p2_an_address_that_was_refused_once_is_read_again_within_seconds() {
    let mut refusals = 2;
    let mut rig = Rig::new(&[0, 1], move |asked| {
        if !asked.covers(3, 1) || refusals == 0 {
            return vec![Act::Say(asked.answer())];
        }
        refusals -= 1;
        vec![Act::Say(asked.exception(2))]
    });
    assert_eq!(rig.poll().await.0, [1]);
    advance(REFUSED_FOR_MIN).await;
    assert_eq!(rig.poll().await, (vec![], Outcome::Whole));
    rig.questions();
    assert_eq!(rig.poll().await, (vec![], Outcome::Whole));
    assert_eq!(rig.questions(), 1, "and both with one question, as at first");
}

#[tokio::test(start_paused = true)]
async fn p2_a_device_that_refuses_everything_while_it_boots_is_whole_soon_after() {
    const BOOT: usize = 120;
    let addresses: Vec<u16> = (0..100).collect();
    let booting = Arc::new(AtomicBool::new(true));
    let busy = Arc::clone(&booting);
    let mut rig = Rig::new(&addresses, move |asked| {
        vec![Act::Say(if busy.load(Relaxed) { asked.exception(2) } else { asked.answer() })]
    });
    for _ in 0..BOOT {
        assert_eq!(rig.poll().await.0.len(), addresses.len());
        let questions = rig.questions();
        assert!(questions <= 3 * POLL_SPLITS_MAX, "{questions} questions hold up the neighbours");
        advance(Duration::from_secs(1)).await;
    }
    booting.store(false, Relaxed);
    rig.poll().await;
    rig.questions();
    assert_eq!(rig.poll().await, (vec![], Outcome::Whole));
    assert_eq!(rig.questions(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_hole_between_two_points_costs_neither() {
    let mut rig = Rig::new(&[0, 1, 4, 5], |asked| {
        vec![Act::Say(if asked.covers(3, 3) { asked.exception(2) } else { asked.answer() })]
    });
    assert_eq!(rig.poll().await, (vec![], Outcome::Whole));
    rig.questions();
    assert_eq!(rig.poll().await, (vec![], Outcome::Whole));
    assert_eq!(rig.questions(), 2, "the hole is remembered");
}

#[tokio::test(start_paused = true)]
async fn a_device_that_takes_fewer_registers_than_said_is_read_in_pieces() {
    let addresses: Vec<u16> = (0..64).collect();
    let mut rig = Rig::new(&addresses, |asked| {
        vec![Act::Say(if asked.count > 10 { asked.exception(3) } else { asked.answer() })]
    });
    assert_eq!(rig.poll().await, (vec![], Outcome::Whole));
    rig.questions();
    assert_eq!(rig.poll().await, (vec![], Outcome::Whole));
    assert_eq!(rig.questions(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_refuses_everything_is_still_asked_for_something() {
    let mut rig = Rig::new(&[0, 1], |asked| vec![Act::Say(asked.exception(2))]);
    for _ in 0..3 {
        let (bad, outcome) = rig.poll().await;
        assert_eq!(bad, [0, 1]);
        assert!(matches!(outcome, Outcome::Part(_)), "{outcome:?}");
        assert!(rig.questions() > 0);
    }
}

#[tokio::test(start_paused = true)]
async fn p3_a_block_that_never_answers_stops_costing_the_bus_and_nobody_else() {
    let silent = |asked: Asked| asked.covers(3, 0);
    let mut rig =
        Rig::new(
            &[0, 100, 200],
            move |asked| if silent(asked) { vec![] } else { vec![Act::Say(asked.answer())] },
        );
    let mut hopeless = 0;
    for _ in 0..60 {
        let (bad, outcome) = rig.poll().await;
        assert_eq!(bad, [0]);
        assert_eq!(outcome, part("500 ms 内无应答（保持寄存器 0）", "no answer within 500 ms for holding 0"));
        hopeless += rig.bus.asked().into_iter().filter(|asked| silent(*asked)).count();
        advance(Duration::from_secs(1)).await;
    }
    assert!((2..=9).contains(&hopeless), "asked {hopeless} times in a minute");
}

#[tokio::test(start_paused = true)]
async fn p3_a_silent_device_costs_two_questions_a_poll_at_most() {
    let mut rig = Rig::new(&[0, 100, 200, 300, 400], |_| vec![]);
    assert_eq!(
        rig.poll().await,
        (
            vec![0, 100, 200, 300, 400],
            Outcome::Nothing(Text::new("500 ms 内无应答", "no answer within 500 ms"))
        )
    );
    assert_eq!(rig.questions(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_answers_is_found_behind_blocks_that_do_not() {
    let mut rig = Rig::new(&[0, 100, 200, 300, 400], |asked| {
        if asked.covers(3, 400) { vec![Act::Say(asked.answer())] } else { vec![] }
    });
    let mut found = false;
    for _ in 0..3 {
        rig.poll().await;
    }
    for _ in 0..5 {
        if rig.unit.probe(&mut rig.wire, rig.clock.mono()).await.is_ok() {
            rig.unit.revive();
            let (bad, outcome) = rig.poll().await;
            assert_eq!(bad, [0, 100, 200, 300]);
            assert!(matches!(outcome, Outcome::Part(_)));
            found = true;
        }
    }
    assert!(found);
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_reports_its_unit_silent_keeps_its_connection() {
    let mut rig = Rig::new(&[0, 100], |asked| vec![Act::Say(asked.exception(11))]);
    let (bad, outcome) = rig.poll().await;
    assert_eq!(bad, [0, 100]);
    let words =
        Text::new("异常码 11：网关目标设备无应答", "exception 11: gateway target device failed to respond");
    assert_eq!(outcome, Outcome::Nothing(words));
    assert_eq!(rig.bus.dials(), 1);
}
