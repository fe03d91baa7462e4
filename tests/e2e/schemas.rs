//! Real traffic against the published JSON Schemas, one for each kind of message.

use std::collections::{BTreeMap, BTreeSet};

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::rig::{Heard, Rig};

const LEAK: &str = "seed = 2\nname = { zh = \"泄漏\", en = \"Leak\" }\n[[step]]\nat = \"3s\"\nhazard = \"tank1\"\nfault = \"leak\"\n\
                    say = { zh = \"泄漏\", en = \"Leak\" }\n[[step]]\nat = \"12s\"\nclear_all = true\nsay = { zh = \"复原\", en = \"Clear\" }\n";

#[tokio::test(flavor = "multi_thread")]
async fn every_message_of_a_gateways_life_fits_its_schema() {
    let mut rig = Rig::new(LEAK).await;
    let mut centre = rig.centre("centre");
    rig.start_gateway();
    let cleared = centre
        .until("an alarm's whole life", |heard| {
            (heard.topic == "alarm/event" && heard.payload["event"] == "cleared")
                .then(|| heard.payload.clone())
        })
        .await;
    let ack = json!({"v": 1, "id": "a", "cmd": "ack", "alarm": cleared["alarm"], "by": "centre"});
    assert_eq!(centre.command(ack).await["ok"], true);
    let schemas = schemas();
    let mut seen = BTreeSet::new();
    for heard in centre.all.iter().filter(|heard| heard.topic != "cmd" && heard.payload != Value::Null) {
        let kind = kind(heard);
        let schema =
            schemas.get(kind).unwrap_or_else(|| panic!("no docs/schemas/{kind}.json for {}", heard.topic));
        let faults: Vec<String> = schema.iter_errors(&heard.payload).map(|error| error.to_string()).collect();
        assert!(faults.is_empty(), "{}: {faults:?}\n{}", heard.topic, heard.payload);
        seen.insert(kind);
    }
    let all = BTreeSet::from([
        "status",
        "alarm-event",
        "alarm-current",
        "risk",
        "device",
        "output",
        "data",
        "reply",
    ]);
    assert_eq!(seen, all, "some kind of message never came");
}

#[test]
fn the_asyncapi_document_names_every_schema_and_no_other() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/docs");
    let document = std::fs::read_to_string(format!("{folder}/asyncapi.yaml")).expect("docs/asyncapi.yaml");
    let named = document.split("schemas/").skip(1).filter_map(|rest| rest.split(".json").next());
    let named: BTreeSet<String> = named.map(str::to_owned).collect();
    assert_eq!(named, schemas().into_keys().collect());
}

fn kind(heard: &Heard) -> &str {
    match heard.topic.as_str() {
        "alarm/event" => "alarm-event",
        "cmd/reply" => "reply",
        topic if topic.starts_with("alarm/current/") => "alarm-current",
        topic if topic.starts_with("report/power/") => "report-power",
        topic => topic.split('/').next().unwrap_or(topic),
    }
}

fn schemas() -> BTreeMap<String, Validator> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schemas");
    let files = std::fs::read_dir(folder).expect("docs/schemas");
    files
        .map(|file| {
            let path = file.expect("a file").path();
            let schema: Value =
                serde_json::from_slice(&std::fs::read(&path).expect("readable")).expect("JSON");
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            (name, jsonschema::validator_for(&schema).expect("a valid schema"))
        })
        .collect()
}
