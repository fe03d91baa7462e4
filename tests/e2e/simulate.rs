//! `hazgate simulate` before the real gateway, over what the demo site does not use: a serial line, and every way of writing MQTT
//! messages. What counts is that the gateway finds every value good.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

use hazgate::broker::EmbeddedBroker;
use serde_json::Value;
use tokio_serial::{SerialPort, SerialStream};

use crate::rig::{Centre, finish, next_address, program};

/// A port that others open by its path, and the end at which what they say is heard.
fn port(folder: &Path, name: &str) -> (SerialStream, SerialStream) {
    let (far, near) = SerialStream::pair().expect("a pair of pseudo terminals");
    let path = near.name().expect("a path");
    std::os::unix::fs::symlink(path, folder.join(name)).expect("a link to it");
    (far, near)
}

/// A site with its own identity, one broker, and these devices; `FOLDER` and `BROKER` stand for where the test has them.
fn site(devices: &str, folder: &Path, broker: std::net::SocketAddr) -> String {
    let head = r#"version = 1
[site]
enterprise = "acme"
gateway = "gw1"
name = { zh = "试验", en = "Trial" }
timezone = "Asia/Shanghai"
[store]
directory = "data"
[console]
listen = "ADDRESS:18080"
[[forward]]
id = "centre"
kind = "mqtt"
url = "mqtt://BROKER"
"#;
    let text = format!("{head}{devices}").replace("FOLDER", &folder.display().to_string());
    text.replace("BROKER", &broker.to_string()).replace("ADDRESS", &broker.ip().to_string())
}

/// The points of which a `data` message has a good value.
fn good(message: &Value) -> Vec<String> {
    let is_good = |name: &str| message["quality"].get(name).is_none_or(|quality| quality == "good");
    let values = message["values"].as_object().into_iter().flatten();
    let device = message["device"].as_str().unwrap_or_default();
    values.filter(|(name, _)| is_good(name)).map(|(name, _)| format!("{device}.{name}")).collect()
}

/// Runs gateway and simulator on a site of these devices until the gateway has told a good value of each of these points.
async fn all_good(devices: &str, serial: Option<&str>, points: &[&str], folder: &Path) {
    let broker = EmbeddedBroker::start((next_address(), 0).into()).await.expect("a broker");
    std::fs::write(folder.join("site.toml"), site(devices, folder, broker.local_addr()))
        .expect("a site file");
    let (code, said) = finish(&["check", "site.toml"], folder).await;
    assert_eq!(code, 0, "{said}");
    let start = |arguments: &[&str]| {
        let mut command = program();
        command.args(arguments).current_dir(folder).stdout(Stdio::null());
        command.spawn().expect("hazgate starts")
    };
    let mut centre = Centre::new(broker.local_addr(), "centre");
    let ends = serial.map(|ends| ends.replace("FOLDER", &folder.display().to_string()));
    let ends = ends.as_deref().map(|ends| ["--serial", ends]);
    let simulate: Vec<&str> =
        ["simulate", "site.toml"].into_iter().chain(ends.into_iter().flatten()).collect();
    let _plant = start(&simulate);
    let _gateway = start(&["run", "site.toml"]);
    let wanted: BTreeSet<&str> = points.iter().copied().collect();
    centre
        .when("a good value of every point", |heard| {
            let data = heard.iter().filter(|heard| heard.topic.starts_with("data/"));
            let seen: BTreeSet<String> = data.flat_map(|heard| good(&heard.payload)).collect();
            wanted.iter().all(|name| seen.contains(*name)).then_some(())
        })
        .await;
}

#[tokio::test]
async fn devices_on_a_serial_line_are_served() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let (mut bus, _bus_kept) = port(folder.path(), "bus");
    let (mut sim, _sim_kept) = port(folder.path(), "sim");
    let cable = tokio::spawn(async move { tokio::io::copy_bidirectional(&mut bus, &mut sim).await });
    let devices = r#"
[[device]]
id = "one"
name = "one"
protocol = "modbus-rtu"
port = "FOLDER/bus"
baud = 19200
unit = 1
[[point]]
device = "one"
signal = "level"
name = "level"
range = [0, 12]
register = "holding:0"
type = "f32"
byte_order = "CDAB"
[[device]]
id = "two"
name = "two"
protocol = "modbus-rtu"
port = "FOLDER/bus"
baud = 19200
unit = 2
[[point]]
device = "two"
signal = "mode"
name = "mode"
register = "input:3"
codes = { 1 = "auto", 2 = "manual" }
"#;
    all_good(devices, Some("FOLDER/bus=FOLDER/sim"), &["one.level", "two.mode"], folder.path()).await;
    cable.abort();
}

#[tokio::test]
async fn every_way_of_writing_mqtt_messages_is_spoken() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let device = |id: &str, keys: &str, pointer: &str| {
        let pointer = if pointer.is_empty() { String::new() } else { format!("pointer = \"{pointer}\"") };
        format!(
            "[[device]]\nid = \"{id}\"\nname = \"{id}\"\nprotocol = \"mqtt\"\nurl = \"mqtt://BROKER\"\ntopic = \"plant/{id}/+\"\n\
             silence = \"5s\"\n{keys}\n[[point]]\ndevice = \"{id}\"\nsignal = \"level\"\nname = \"{id}\"\nrange = [0, 12]\n{pointer}\n"
        )
    };
    let devices = [
        device("plain", "format = \"plain\"", ""),
        device("things", "format = \"thingsboard\"", "/level"),
        device("timed", "time = \"/time\"", "/data/[name=level]/value"),
        device("local", "time = \"/t\"\ntime_format = \"local\"", "/level"),
        device("rfc", "time = \"/t\"\ntime_format = \"rfc3339\"", "/level"),
        device("rows", "samples = \"/rows\"\ntime = \"/ts\"\ntime_format = \"epoch_s\"", "/level"),
    ];
    let points = ["plain", "things", "timed", "local", "rfc", "rows"].map(|id| format!("{id}.level"));
    let points: Vec<&str> = points.iter().map(String::as_str).collect();
    all_good(&devices.concat(), None, &points, folder.path()).await;
}

#[tokio::test]
async fn a_sparkplug_node_speaks_for_the_devices_behind_it() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let device = |id: &str, edge: &str, point: &str| {
        format!(
            "[[device]]\nid = \"{id}\"\nname = \"{id}\"\nprotocol = \"mqtt\"\nurl = \"mqtt://BROKER\"\nsilence = \"5s\"\n\
             format = \"sparkplug\"\nedge = \"{edge}\"\nrebirth = true\n\
             [[point]]\ndevice = \"{id}\"\nsignal = \"a\"\nname = \"{id}\"\nmetric = \"Process/A\"\n{point}\n"
        )
    };
    let devices = [
        device("node", "plant/edge1", "range = [0, 12]"),
        device("pump", "plant/edge1/pump", "codes = { 1 = \"auto\", 2 = \"manual\" }"),
        device("tank", "plant/edge1/tank", "range = [0, 12]"),
        device("other", "plant/edge2/tank", "range = [0, 12]"),
    ];
    all_good(&devices.concat(), None, &["node.a", "pump.a", "tank.a", "other.a"], folder.path()).await;
}

#[tokio::test]
async fn a_line_whose_other_end_is_not_there_is_refused_at_once() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let address = next_address();
    std::fs::write(folder.path().join("site.toml"), crate::rig::site(address)).expect("a site file");
    for (ends, words) in
        [("/dev/ttyS1", "/dev/ttyS1=/dev/ttyUSB0"), ("/dev/none=/dev/none", "no device on the serial port")]
    {
        let (code, said) = finish(&["simulate", "site.toml", "--serial", ends], folder.path()).await;
        assert!(code != 0 && said.contains(words), "{said}");
    }
}
