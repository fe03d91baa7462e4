//! Sparkplug sessions from birth to death, and what goes wrong between.

use prost::Message;
use prost::bytes::Bytes;

use super::*;
use crate::acquire::conversion::Conversion;
use crate::acquire::mqtt::path::Path;
use crate::model::{PointId, Value};
use crate::sparkplug::{Payload, PropertySet, PropertyValue, datatype};

const AT: u64 = 1_690_000_000_000;

struct Node {
    session: Session,
    wanted: Vec<Wanted>,
    seq: u64,
}

fn metric(name: Option<&str>, alias: Option<u64>, kind: u32, value: Number) -> Metric {
    let name = name.map(str::to_owned);
    Metric { name, alias, datatype: (kind != 0).then_some(kind), value: Some(value), ..Metric::default() }
}

/// A metric that says by its alias alone what it says.
fn short(alias: u64, value: Number) -> Metric {
    metric(None, Some(alias), 0, value)
}

fn bytes(metrics: Vec<Metric>, seq: Option<u64>) -> Vec<u8> {
    let metrics = metrics.into_iter().map(|metric| Bytes::from(metric.encode_to_vec())).collect();
    Payload { timestamp: Some(AT), metrics, seq }.encode_to_vec()
}

fn session_of(n: u64) -> Metric {
    metric(Some("bdSeq"), None, datatype::INT64, Number::Long(n))
}

impl Node {
    /// A node, or a device behind it, with two wanted metrics.
    fn new(device: Option<&str>) -> Self {
        let wanted = |(n, name): (usize, &str)| Wanted {
            point: PointId::new(n),
            path: Path::new(name),
            conversion: Conversion::new(&crate::site::Conversion::default()),
        };
        let wanted: Vec<Wanted> = ["Gas/H2S", "Fan"].into_iter().enumerate().map(wanted).collect();
        let edge = Edge {
            group: "plant".into(),
            node: "n1".into(),
            device: device.map(str::to_owned),
            rebirth: false,
        };
        Self { session: Session::new(edge, &wanted), wanted, seq: 0 }
    }

    fn say(&mut self, kind: &str, metrics: Vec<Metric>) -> Outcome {
        if kind.starts_with("NBIRTH") {
            self.seq = 0;
        }
        let payload = bytes(metrics, Some(self.seq));
        self.seq = (self.seq + 1) % 256;
        self.hear(kind, &payload).unwrap()
    }

    fn hear(&mut self, kind: &str, payload: &[u8]) -> Result<Outcome, Malformed> {
        self.session.hear(&format!("spBv1.0/plant/{kind}"), payload, &self.wanted)
    }

    fn born() -> Self {
        let mut node = Self::new(None);
        let h2s = metric(Some("Gas/H2S"), Some(1), datatype::INT16, Number::Int(5));
        let other = metric(Some("Other"), Some(2), datatype::INT32, Number::Int(7));
        let fan = metric(Some("Fan"), Some(3), datatype::BOOLEAN, Number::Boolean(true));
        let birth = node.say("NBIRTH/n1", vec![session_of(4), h2s, other, fan]);
        let fan = Sample::Good(Value::Bool(true));
        assert_eq!(samples(&birth), [(0, good(5)), (1, fan)]);
        node
    }
}

fn good(value: i64) -> Sample {
    Sample::Good(Value::Int(value))
}

fn samples(outcome: &Outcome) -> Vec<(usize, Sample)> {
    outcome.values.iter().map(|spoken| (spoken.which, spoken.sample)).collect()
}

#[test]
fn data_by_alias_is_read_by_what_the_birth_said_of_it() {
    let mut node = Node::born();
    let data = node.say("NDATA/n1", vec![short(1, Number::Int(0xFFFF_FFFB)), short(2, Number::Int(1))]);
    assert_eq!(samples(&data), [(0, good(-5))]);
    assert_eq!((data.own, data.unknown, data.fault, data.wants_birth), (true, 0, None, false));
    assert_eq!(data.values[0].claim, Claim::At(Wall(AT as i64)), "of the payload's time");
}

#[test]
fn numbers_are_read_by_their_type() {
    let value = |kind, value| {
        let mut node = Node::new(None);
        samples(&node.say("NDATA/n1", vec![metric(Some("Gas/H2S"), None, kind, value)]))
            .first()
            .map(|one| one.1)
    };
    for (kind, number, expected) in [
        (datatype::INT8, Number::Int(0xFB), good(-5)),
        (datatype::INT8, Number::Int(0xFFFF_FFFB), good(-5)),
        (datatype::INT16, Number::Int(0xFFFB), good(-5)),
        (datatype::INT32, Number::Int(0xFFFF_FFFB), good(-5)),
        (datatype::INT64, Number::Long(u64::MAX), good(-1)),
        (datatype::UINT8, Number::Int(0xFB), good(251)),
        (datatype::UINT32, Number::Int(u32::MAX), good(4_294_967_295)),
        (datatype::UINT32, Number::Long(4_294_967_295), good(4_294_967_295)),
        (datatype::UINT64, Number::Long(u64::MAX), Sample::Good(Value::Float(u64::MAX as f64))),
        (0, Number::Float(0.5), Sample::Good(Value::Float(0.5))),
        (0, Number::Double(-0.5), Sample::Good(Value::Float(-0.5))),
        (0, Number::Double(f64::NAN), Sample::Bad(Reason::SensorFault)),
        (0, Number::Boolean(false), Sample::Good(Value::Bool(false))),
        (12, Number::Text("5".into()), Sample::Bad(Reason::SensorFault)),
    ] {
        assert_eq!(value(kind, number.clone()), Some(expected), "{kind} {number:?}");
    }
    assert_eq!(value(0, Number::Int(5)), None, "of unknown type");
}

#[test]
fn p2_what_no_birth_has_named_is_counted_and_gives_no_value() {
    let mut node = Node::new(None);
    let data = node.say("NDATA/n1", vec![short(1, Number::Double(5.0)), short(2, Number::Int(1))]);
    assert_eq!((samples(&data), data.unknown, data.wants_birth), (vec![], 2, true));
    assert_eq!(data.fault.unwrap().en, "2 Sparkplug metrics of unknown meaning: their birth was not heard");
}

#[test]
fn p2_null_bad_stale_and_historical_values_are_never_fresh_and_good() {
    let mut node = Node::born();
    let rated = |quality| {
        let values = vec![PropertyValue { int: Some(quality), ..PropertyValue::default() }];
        Some(PropertySet { keys: vec!["Quality".into()], values })
    };
    let base = short(1, Number::Int(5));
    let null = Metric { is_null: Some(true), value: None, ..base.clone() };
    let historical = Metric { is_historical: Some(true), ..base.clone() };
    let bad = Metric { properties: rated(0), ..base.clone() };
    let stale = Metric { properties: rated(500), ..base.clone() };
    let fine = Metric { properties: rated(192), ..base };
    let data = node.say("NDATA/n1", vec![null, historical, bad, stale, fine]);
    let bad = Sample::Bad(Reason::SensorFault);
    let stale = Sample::Uncertain(Value::Int(5), Reason::Stale);
    assert_eq!(samples(&data), [(0, bad), (0, bad), (0, stale), (0, good(5))]);
    assert_eq!(data.historical, 1);
}

#[test]
fn p2_after_lost_messages_an_alias_is_doubted_until_the_next_birth() {
    let mut node = Node::born();
    node.seq = 3;
    let data = node.say("NDATA/n1", vec![short(1, Number::Int(5))]);
    let doubt = Sample::Uncertain(Value::Int(5), Reason::Comm);
    assert_eq!((samples(&data), data.wants_birth), (vec![(0, doubt)], true));
    assert_eq!(data.fault.unwrap().zh, "Sparkplug 报文丢失：序号 0 之后收到 3");
    let data = node.say("NDATA/n1", vec![short(1, Number::Int(6))]);
    assert!(!matches!(data.values[0].sample, Sample::Good(_)), "still");
    let h2s = metric(Some("Gas/H2S"), Some(1), datatype::INT16, Number::Int(7));
    let birth = node.say("NBIRTH/n1", vec![session_of(4), h2s]);
    assert_eq!(samples(&birth), [(0, good(7))]);
}

#[test]
fn a_message_that_comes_twice_is_taken_once_and_the_count_turns_over() {
    let mut node = Node::born();
    let payload = bytes(vec![short(1, Number::Int(5))], Some(1));
    assert_eq!(node.hear("NDATA/n1", &payload).unwrap().values.len(), 1);
    assert_eq!(node.hear("NDATA/n1", &payload).unwrap(), Outcome::default());
    for seq in (2..=255).chain(0..3) {
        let data = node.hear("NDATA/n1", &bytes(vec![], Some(seq))).unwrap();
        assert_eq!(data.fault, None, "{seq}");
    }
}

#[test]
fn a_death_counts_only_for_the_session_that_it_is_of() {
    let mut node = Node::born();
    let old = node.hear("NDEATH/n1", &bytes(vec![session_of(3)], None)).unwrap();
    assert_eq!(old, Outcome::default());
    let death = node.hear("NDEATH/n1", &bytes(vec![session_of(4)], None)).unwrap();
    assert_eq!(death.gone.unwrap().en, "Sparkplug edge node plant/n1 is gone (NDEATH)");
    let data = node.say("NDATA/n1", vec![short(1, Number::Int(5))]);
    assert_eq!((samples(&data), data.unknown), (vec![], 1), "what an alias meant died with the node");
}

#[test]
fn a_device_lives_and_dies_by_its_own_words_and_by_its_nodes() {
    let mut device = Node::new(Some("gas1"));
    let birth = |node: &mut Node| {
        node.say("NBIRTH/n1", vec![session_of(1)]);
        node.say("DBIRTH/n1/gas1", vec![metric(Some("Gas/H2S"), Some(9), datatype::INT32, Number::Int(1))])
    };
    assert_eq!(samples(&birth(&mut device)), [(0, good(1))]);
    let other = device.say("DDATA/n1/gas2", vec![short(9, Number::Int(2))]);
    assert_eq!((other.own, samples(&other)), (false, vec![]), "another device's");
    assert_eq!(samples(&device.say("DDATA/n1/gas1", vec![short(9, Number::Int(2))])), [(0, good(2))]);
    assert!(device.say("DDEATH/n1/gas2", vec![]).gone.is_none());
    let death = device.say("DDEATH/n1/gas1", vec![]);
    assert_eq!(death.gone.unwrap().en, "its Sparkplug edge node says that it is gone (DDEATH)");
    birth(&mut device);
    let death = device.hear("NDEATH/n1", &bytes(vec![session_of(1)], None)).unwrap();
    assert!(death.gone.is_some());
}

#[test]
fn commands_and_strangers_say_nothing() {
    let mut node = Node::born();
    let payload = bytes(vec![short(1, Number::Int(5))], Some(9));
    for kind in ["NCMD/n1", "DCMD/n1/x", "NDATA/n2", "NDATA/n1/x", "DDATA/n1", "STATE/x"] {
        assert_eq!(node.hear(kind, &payload).unwrap(), Outcome::default(), "{kind}");
    }
    assert_eq!(node.say("NDATA/n1", vec![]).fault, None, "and are not counted");
}

#[test]
fn what_is_no_sparkplug_is_said_with_its_place() {
    let mut node = Node::born();
    assert_eq!(node.hear("NDATA/n1", b"{\"v\":1}"), Err(Malformed::NotSparkplug(3)));
    // A payload of one metric of three bytes, whose name would have nine.
    let broken = [0x12, 3, 0x0A, 9, b'x'];
    assert_eq!(node.hear("NDATA/n1", &broken), Err(Malformed::NotSparkplug(4)));
    let many = [0x12, 0].repeat(100_000);
    assert_eq!(node.hear("NDATA/n1", &many), Err(Malformed::TooMany));
    let long = vec![0; MQTT_PAYLOAD_BYTES_MAX + 1];
    assert_eq!(node.hear("NDATA/n1", &long), Err(Malformed::TooLong));
}

#[test]
fn a_rebirth_request_is_the_metric_that_the_standard_names() {
    let request = Bytes::from(rebirth_request(Wall(AT as i64)));
    let payload = wire::read(&request).unwrap();
    let [metric] = &wire::metrics(&payload, &request).unwrap()[..] else { panic!("one metric") };
    assert_eq!(metric.name.as_deref(), Some("Node Control/Rebirth"));
    assert_eq!((metric.datatype, &metric.value), (Some(11), &Some(Number::Boolean(true))));
}
