//! What messages of each format say.

use jiff::tz::TimeZone;

use crate::acquire::conversion::Conversion;
use crate::acquire::mqtt::malformed::Malformed;
use crate::acquire::mqtt::path::Path;
use crate::acquire::mqtt::payload::{Claim, Reader, Said, Wanted};
use crate::model::limits::{MQTT_PAYLOAD_BYTES_MAX, MQTT_SAMPLES_MAX};
use crate::model::{PointId, Reason, Sample, Text, Value, Wall};
use crate::site::{Format, TimeAt, TimeForm};

const JSON: Format = Format::Json { samples: None, time: None };

fn wanted(pointers: &[&str]) -> Vec<Wanted> {
    let want = |(n, pointer): (usize, &&str)| Wanted {
        point: PointId::new(n),
        path: Path::new(pointer),
        conversion: Conversion::new(&crate::site::Conversion::default()),
    };
    pointers.iter().enumerate().map(want).collect()
}

fn read(format: &Format, payload: &[u8], pointers: &[&str]) -> Result<Said, Malformed> {
    Reader::new(format, TimeZone::UTC).unwrap().read(payload, &wanted(pointers))
}

/// Which point, when, what.
fn said(format: &Format, payload: &str, pointers: &[&str]) -> Vec<(usize, Claim, Sample)> {
    let said = read(format, payload.as_bytes(), pointers).unwrap();
    said.values.into_iter().map(|spoken| (spoken.which, spoken.claim, spoken.sample)).collect()
}

fn samples(format: &Format, payload: &str, pointers: &[&str]) -> Vec<(usize, Sample)> {
    said(format, payload, pointers).into_iter().map(|(which, _, sample)| (which, sample)).collect()
}

fn good(which: usize, value: f64) -> (usize, Sample) {
    (which, Sample::Good(Value::Float(value)))
}

fn timed(samples: Option<&str>) -> Format {
    let time = Some(TimeAt { path: "/ts".into(), form: TimeForm::Auto });
    Format::Json { samples: samples.map(str::to_owned), time }
}

fn moment(seconds: i64) -> Claim {
    Claim::At(Wall((1_690_000_000 + seconds) * 1000))
}

#[test]
fn values_are_found_by_their_pointers() {
    let payload = r#"{"gas":{"h2s":3.5,"alarm":true},"codes":[0,17],"a/b":1}"#;
    let found = samples(&JSON, payload, &["/gas/h2s", "/gas/alarm", "/codes/1", "/a~1b"]);
    let whole = |n, value| (n, Sample::Good(Value::Int(value)));
    assert_eq!(found, [good(0, 3.5), (1, Sample::Good(Value::Bool(true))), whole(2, 17), whole(3, 1)]);
}

#[test]
fn a_bare_number_or_switch_is_json_too() {
    assert_eq!(samples(&JSON, "12.5", &[""]), [good(0, 12.5)]);
    assert_eq!(samples(&JSON, " false\n", &[""]), [(0, Sample::Good(Value::Bool(false)))]);
}

#[test]
fn plain_values_may_have_space_around_them_and_nothing_else() {
    for (payload, expected) in [
        ("12.5", Sample::Good(Value::Float(12.5))),
        ("\t +12.50\r\n", Sample::Good(Value::Float(12.5))),
        ("-7", Sample::Good(Value::Int(-7))),
        ("007", Sample::Good(Value::Int(7))),
        ("1e3", Sample::Good(Value::Float(1000.0))),
        ("true", Sample::Good(Value::Bool(true))),
        ("NaN", Sample::Bad(Reason::SensorFault)),
        ("-inf", Sample::Bad(Reason::SensorFault)),
    ] {
        assert_eq!(samples(&Format::Plain, payload, &[""]), [(0, expected)], "{payload:?}");
    }
    for (payload, at) in
        [(&b"12.5 ppm"[..], 0), (b"  x", 2), (b"", 0), (b"1\xff", 1), (b"0x10", 0), (b"1,5", 0)]
    {
        assert_eq!(read(&Format::Plain, payload, &[""]), Err(Malformed::NotPlain(at)), "{payload:?}");
    }
}

#[test]
fn samples_of_several_moments_come_in_their_order() {
    let payload =
        r#"[{"ts":1690000002,"v":3,"w":4},{"ts":1690000001,"v":1.5},{"ts":"2023-07-22T04:26:40Z","v":0.5}]"#;
    let whole = |n, at, value| (n, moment(at), Sample::Good(Value::Int(value)));
    let float = |n, at, value| (n, moment(at), Sample::Good(Value::Float(value)));
    let expected = [float(0, 0, 0.5), float(0, 1, 1.5), whole(0, 2, 3), whole(1, 2, 4)];
    assert_eq!(said(&timed(Some("")), payload, &["/v", "/w"]), expected);
    let payload = format!(r#"{{"rows":{payload}}}"#);
    assert_eq!(said(&timed(Some("/rows")), &payload, &["/v", "/w"]), expected);
}

#[test]
fn a_list_that_is_not_said_to_be_of_samples_is_a_list() {
    let payload = r#"{"ts":1690000000,"data":[{"name":"h2s","value":3.5},{"name":"co","value":12.5}]}"#;
    let found = said(&timed(None), payload, &["/data/[name=co]/value", "/data/0/value"]);
    let float = |n, value| (n, moment(0), Sample::Good(Value::Float(value)));
    assert_eq!(found, [float(0, 12.5), float(1, 3.5)]);
}

#[test]
fn p2_two_items_of_one_name_are_no_value() {
    let payload = r#"[{"name":"co","value":1},{"name":"co","value":2}]"#;
    let said = read(&JSON, payload.as_bytes(), &["/[name=co]/value"]).unwrap();
    assert_eq!(said.values[0].sample, Sample::Bad(Reason::SensorFault));
    assert_eq!(said.fault.unwrap().en, "several items of one name instead of a value at `/[name=co]/value`");
}

#[test]
fn p2_a_time_that_is_missing_or_cannot_be_read_is_no_time() {
    for payload in [r#"{"v":1}"#, r#"{"ts":"soon","v":1}"#, r#"{"ts":null,"v":1}"#, r#"{"ts":17,"v":1}"#] {
        let found = said(&timed(None), payload, &["/v"]);
        assert_eq!(found, [(0, Claim::Unreadable, Sample::Good(Value::Int(1)))], "{payload}");
    }
}

#[test]
fn thingsboards_telemetry_is_read_in_all_its_forms() {
    let whole = |n, claim, value| (n, claim, Sample::Good(Value::Int(value)));
    let keys = &["/a", "/b"];
    for (payload, expected) in [
        (r#"{"a":1,"b":2}"#, vec![whole(0, Claim::Arrival, 1), whole(1, Claim::Arrival, 2)]),
        (
            r#"{"ts":1690000000000,"values":{"a":1,"b":2}}"#,
            vec![whole(0, moment(0), 1), whole(1, moment(0), 2)],
        ),
        (r#"{"values":{"a":1}}"#, vec![whole(0, Claim::Arrival, 1)]),
        (
            r#"[{"ts":1690000001000,"values":{"a":2}},{"ts":1690000000000,"values":{"a":1}},{"b":3}]"#,
            vec![whole(0, moment(0), 1), whole(0, moment(1), 2), whole(1, Claim::Arrival, 3)],
        ),
        (
            r#"{"a":[{"ts":1690000001000,"value":2},{"ts":1690000000000,"value":1}],"b":[{"ts":1690000000000,"value":3}]}"#,
            vec![whole(0, moment(0), 1), whole(1, moment(0), 3), whole(0, moment(1), 2)],
        ),
    ] {
        assert_eq!(said(&Format::ThingsBoard, payload, keys), expected, "{payload}");
    }
}

#[test]
fn p2_what_is_no_value_has_a_quality_and_no_number() {
    let bad = |n| (n, Sample::Bad(Reason::SensorFault));
    let payload = r#"{"a":"12.5","b":null,"c":[1],"d":{"x":1},"e":2}"#;
    let found = samples(&JSON, payload, &["/a", "/b", "/c", "/d", "/e", "/missing"]);
    assert_eq!(found, [bad(0), bad(1), bad(2), bad(3), (4, Sample::Good(Value::Int(2)))]);
    let said = read(&JSON, payload.as_bytes(), &["/b", "/c", "/a"]).unwrap();
    assert_eq!(said.fault, Some(Text::new("`/c` 处是数组，不是数值", "a list instead of a value at `/c`")));
}

#[test]
fn malformed_messages_are_told_apart() {
    let read = |payload: &[u8]| read(&JSON, payload, &["/a"]).unwrap_err();
    assert_eq!(read(b"{\"a\":1"), Malformed::NotJson(1, 6));
    assert_eq!(read(b""), Malformed::NotJson(1, 0));
    assert_eq!(read(b"{\"b\":1}"), Malformed::Nothing);
    assert_eq!(read(b"{\n\"a\":NaN}"), Malformed::NotJson(2, 5));
    assert_eq!(read(&vec![b' '; MQTT_PAYLOAD_BYTES_MAX + 1]), Malformed::TooLong);
    assert_eq!(read(&[b'['; 1000]), Malformed::TooDeep(1, 128));
}

#[test]
fn more_samples_than_anyone_needs_are_refused_whole() {
    let list = |count| format!("[{}]", vec![r#"{"a":1}"#; count].join(","));
    let samples = Format::Json { samples: Some(String::new()), time: None };
    for format in [&samples, &Format::ThingsBoard] {
        let values = read(format, list(MQTT_SAMPLES_MAX).as_bytes(), &["/a"]).unwrap().values;
        assert_eq!(values.len(), MQTT_SAMPLES_MAX);
        let one_more = list(MQTT_SAMPLES_MAX + 1);
        assert_eq!(read(format, one_more.as_bytes(), &["/a"]), Err(Malformed::TooMany));
    }
    let many = format!(r#"{{"a":[{}]}}"#, vec!["1"; 30_000].join(","));
    assert_eq!(read(&Format::ThingsBoard, many.as_bytes(), &["/a"]), Err(Malformed::TooMany));
}
