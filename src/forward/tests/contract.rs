//! The contract's schemas: docs/schemas is what the types say, and what goes over the wire is what the schemas say.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use jsonschema::{Validator, validator_for};
use schemars::{JsonSchema, schema_for};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::forward::contract::{
    AlarmCurrent, AlarmEventMessage, CommandMessage, DataMessage, DeviceMessage, OutputMessage,
    PowerReportMessage, ReplyMessage, RiskMessage, StatusMessage,
};
use crate::model::{AlarmState, Class, ClockSync, Event, EventKind, Transition};
use crate::store::fixtures;

/// Each payload's schema by the name of its file.
fn schemas() -> Vec<(&'static str, Json)> {
    fn schema<T: JsonSchema>() -> Json {
        schema_for!(T).to_value()
    }
    vec![
        ("alarm-current", schema::<AlarmCurrent>()),
        ("alarm-event", schema::<AlarmEventMessage>()),
        ("command", schema::<CommandMessage>()),
        ("data", schema::<DataMessage>()),
        ("device", schema::<DeviceMessage>()),
        ("output", schema::<OutputMessage>()),
        ("reply", schema::<ReplyMessage>()),
        ("report-power", schema::<PowerReportMessage>()),
        ("risk", schema::<RiskMessage>()),
        ("status", schema::<StatusMessage>()),
    ]
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

/// Asserts that `payload` is what the schema of this name says.
pub(super) fn check(name: &str, payload: &Json) {
    static VALIDATORS: LazyLock<BTreeMap<&str, Validator>> = LazyLock::new(|| {
        schemas().into_iter().map(|(name, schema)| (name, validator_for(&schema).unwrap())).collect()
    });
    let errors: Vec<String> = VALIDATORS[name].iter_errors(payload).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{name}: {errors:?}\n{payload}");
}

#[test]
fn the_schemas_in_docs_are_what_the_types_say() {
    for (name, schema) in schemas() {
        let path = docs().join(format!("schemas/{name}.json"));
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        if std::env::var_os("UPDATE").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &text).unwrap();
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == text, "{} is not up to date: run the tests with UPDATE=1", path.display());
    }
}

/// The examples of docs/mqtt.md: each JSON block, by the topic named in the nearest heading above it.
fn examples() -> Vec<(String, Json)> {
    let text = fs::read_to_string(docs().join("mqtt.md")).unwrap();
    let (mut topic, mut block, mut examples) = (String::new(), None::<String>, vec![]);
    for line in text.lines() {
        match (&mut block, line) {
            (None, "```json") => block = Some(String::new()),
            (Some(json), "```") => {
                examples.push((topic.clone(), serde_json::from_str(json).unwrap()));
                block = None;
            }
            (Some(json), line) => json.push_str(line),
            (None, line) => {
                if let Some(heading) = line.strip_prefix("### `") {
                    heading.split('`').next().unwrap_or_default().clone_into(&mut topic);
                }
            }
        }
    }
    examples
}

#[test]
fn every_example_in_the_documentation_is_what_its_schema_says() {
    let examples = examples();
    for (topic, payload) in &examples {
        let name = match topic.as_str() {
            "alarm/current/{alarm}" => "alarm-current",
            "alarm/event" => "alarm-event",
            "cmd" => "command",
            "cmd/reply" => "reply",
            "data/{device}" => "data",
            "device/{device}" => "device",
            "output/{output}" => "output",
            "report/power/{day}/{line}" => "report-power",
            other => other,
        };
        check(name, payload);
    }
    let topics: BTreeSet<_> = examples.iter().map(|(topic, _)| topic.as_str()).collect();
    assert_eq!(topics.len(), schemas().len(), "each payload has an example: {topics:?}");
}

#[test]
fn an_event_says_whether_it_is_an_alarm_or_a_warning_and_one_of_no_alarm_says_neither() {
    let sent = |class: Class, kind: EventKind| {
        let transition = Transition { class, ..fixtures::transition("a", kind, AlarmState::Unacknowledged) };
        let event = Event { id: Uuid::nil(), seq: 1, clock: ClockSync::Synced, transition };
        let payload = serde_json::to_value(AlarmEventMessage::new(&event, false)).expect("JSON");
        check("alarm-event", &payload);
        payload
    };
    assert_eq!(sent(Class::Alarm, EventKind::Raised)["class"], "alarm");
    assert_eq!(sent(Class::Warning, EventKind::Cleared)["class"], "warning");
    assert_eq!(sent(Class::Alarm, EventKind::Switched).get("class"), None);
    // What older gateways have journalled and sent is of an alarm.
    let mut old = sent(Class::Alarm, EventKind::Raised);
    old.as_object_mut().expect("an object").remove("class");
    check("alarm-event", &old);
    assert_eq!(serde_json::from_value::<Event>(old).expect("an event").transition.class, Class::Alarm);
}

#[test]
fn a_payload_of_another_version_is_no_payload_of_ours() {
    let reply = |v: u8| json!({"v": v, "id": "a", "ok": true});
    assert!(serde_json::from_value::<ReplyMessage>(reply(1)).is_ok());
    let refused = serde_json::from_value::<ReplyMessage>(reply(2)).unwrap_err().to_string();
    assert!(refused.contains("only version 1"), "{refused}");
}
