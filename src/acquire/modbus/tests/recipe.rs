//! Readings that take several registers: all of one poll, wherever they stand, and never good without one of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::super::Framing;
use super::super::plan::{Located, plan};
use super::super::poll::poll;
use super::super::session::Session;
use super::super::unit::{Rates, Unit};
use super::super::wire::Wire;
use super::bus::{Act, Asked, Bus, device, register};
use crate::clock::Clock;
use crate::model::{DeviceId, PointId, Quality, Reason, Sample, Value};
use crate::site::{Conversion, Encoding, Line, Qualifier, Ratio, RatioKind, Register, Signal, Table, When};

/// What the device has: a register that is not here is refused.
type Registers = Arc<Mutex<BTreeMap<u16, u16>>>;

fn answer(registers: &Registers, asked: Asked) -> Vec<Act> {
    let registers = registers.lock().unwrap();
    let words: Option<Vec<u16>> =
        (asked.start..asked.start + asked.count).map(|at| registers.get(&at).copied()).collect();
    let Some(words) = words else { return vec![Act::Say(asked.exception(2))] };
    let mut pdu = vec![asked.function, words.len() as u8 * 2];
    pdu.extend(words.iter().flat_map(|word| word.to_be_bytes()));
    vec![Act::Say(asked.frame(&pdu))]
}

struct Rig {
    registers: Registers,
    unit: Unit,
    wire: Wire<Bus>,
    clock: Clock,
}

impl Rig {
    fn new(signals: &[Signal], registers: &[(u16, u16)]) -> Self {
        let registers = Arc::new(Mutex::new(registers.iter().copied().collect()));
        let heard = Arc::clone(&registers);
        let bus = Bus::new(Framing::Tcp, move |asked| answer(&heard, asked));
        let located = |(n, signal)| Located::all(PointId::new(n), signal);
        let points = signals.iter().enumerate().flat_map(located).collect();
        let clock = Clock::start();
        let device = device(1);
        let rates = Rates::from([(device.poll, points)]);
        let unit = Unit::new(DeviceId::new(0), device, rates);
        let wire = Wire::new(Session::new(bus, Framing::Tcp, clock), clock);
        Self { registers, unit, wire, clock }
    }

    fn set(&self, address: u16, word: u16) {
        self.registers.lock().unwrap().insert(address, word);
    }

    fn remove(&self, address: u16) {
        self.registers.lock().unwrap().remove(&address);
    }

    async fn poll(&mut self) -> Vec<Sample> {
        let mut rng = fastrand::Rng::with_seed(1);
        let polled =
            poll(&mut self.unit, 0, &mut self.wire, self.clock.now(), &mut rng, |_| false).await.unwrap();
        let mut readings = polled.expect("nobody else wants the wire").readings;
        readings.sort_by_key(|reading| reading.point);
        readings.into_iter().map(|reading| reading.sample).collect()
    }
}

fn at(address: u16) -> Register {
    register(Table::Holding, address)
}

/// A voltage in 0.1 V on a transformer whose ratio stands far away, as its status does.
fn voltage() -> Signal {
    Signal {
        conversion: Conversion { line: Line::Scale { scale: 0.1, offset: 0.0 }, ..Conversion::default() },
        ratios: vec![Ratio { register: at(200), kind: RatioKind::Factor(1.0) }],
        qualifiers: vec![
            Qualifier {
                register: at(400),
                when: When::Is(vec![2.0]),
                quality: Quality::Uncertain(Reason::Maintenance),
            },
            Qualifier {
                register: at(400),
                when: When::Is(vec![3.0]),
                quality: Quality::Bad(Reason::SensorFault),
            },
            Qualifier { register: at(401), when: When::Above(30.0), quality: Quality::Bad(Reason::Stale) },
        ],
        ..at(0).into()
    }
}

const REGISTERS: [(u16, u16); 5] = [(0, 2301), (1, 7), (200, 10), (400, 0), (401, 5)];

fn good(value: f64) -> Sample {
    Sample::Good(Value::Float(value))
}

#[tokio::test(start_paused = true)]
async fn a_value_its_ratio_and_its_status_are_of_one_poll_wherever_they_stand() {
    let mut rig = Rig::new(&[voltage(), at(1).into()], &REGISTERS);
    assert_eq!(rig.poll().await, [good(2301.0), Sample::Good(Value::Int(7))]);
    rig.set(200, 20);
    assert_eq!(rig.poll().await[0], good(4602.0), "the ratio of this poll");
    rig.set(400, 2);
    assert_eq!(rig.poll().await[0], Sample::Uncertain(Value::Float(4602.0), Reason::Maintenance));
    rig.set(401, 31);
    assert_eq!(rig.poll().await[0], Sample::Bad(Reason::Stale), "the worst holds");
    rig.set(400, 3);
    assert_eq!(rig.poll().await, [Sample::Bad(Reason::SensorFault), Sample::Good(Value::Int(7))]);
    rig.set(400, 1);
    rig.set(401, 30);
    assert_eq!(rig.poll().await[0], good(4602.0));
}

#[tokio::test(start_paused = true)]
async fn p2_a_value_is_never_good_without_its_ratio_or_its_status() {
    let uncertain = Sample::Uncertain(Value::Float(2301.0), Reason::Comm);
    for (lost, expected) in
        [(200, Sample::Bad(Reason::Comm)), (400, uncertain), (401, uncertain), (0, Sample::Bad(Reason::Comm))]
    {
        let mut rig = Rig::new(&[voltage(), at(1).into()], &REGISTERS);
        rig.remove(lost);
        for _ in 0..3 {
            assert_eq!(rig.poll().await, [expected, Sample::Good(Value::Int(7))], "without {lost}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn p2_a_lying_ratio_gives_no_value() {
    let mut rig = Rig::new(&[voltage()], &REGISTERS);
    rig.set(200, 0);
    assert_eq!(rig.poll().await, [Sample::Bad(Reason::SensorFault)]);
}

#[tokio::test(start_paused = true)]
async fn a_text_is_read_as_a_number_or_not_at_all() {
    let text = Signal::from(Register { encoding: Encoding::Ascii(3), ..at(0) });
    let mut rig = Rig::new(&[text], &[(0, 0x3132), (1, 0x2E35), (2, 0x2000)]);
    assert_eq!(rig.poll().await, [good(12.5)]);
    rig.set(0, 0x4F4C);
    assert_eq!(rig.poll().await, [Sample::Bad(Reason::SensorFault)]);
}

#[test]
fn what_many_points_share_is_read_once() {
    let shared = |n: usize| Located::all(PointId::new(n), &Signal { register: at(n as u16), ..voltage() });
    let blocks = plan((0..8).flat_map(shared).collect(), &device(1));
    let lengths: Vec<usize> = blocks.iter().map(|block| block.points.len()).collect();
    assert_eq!(lengths, [8, 1, 2]);
}
