//! Bad input: one clear message that says what and where, the right exit code, nothing half-started.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::rig::{PATIENCE, Rig, finish, next_address, site};

/// The demo site with `from` replaced by `to`; both `check` and `run` must refuse it with exit code 2 and say every one of `words`.
async fn refused(from: &str, to: &str, words: &[&str]) {
    let text = include_str!("../../config/demo.toml");
    assert!(text.contains(from), "the demo site no longer has `{from}`");
    let folder = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(folder.path().join("site.toml"), text.replacen(from, to, 1)).expect("a site file");
    for command in ["check", "run"] {
        let (code, said) = finish(&[command, "site.toml"], folder.path()).await;
        assert_eq!(code, 2, "{command}: {said}");
        assert!(said.contains("site.toml:"), "no place in: {said}");
        for word in words {
            assert!(said.contains(word), "no `{word}` in: {said}");
        }
    }
    assert!(!folder.path().join("data").exists(), "something was started");
}

#[tokio::test]
async fn p8_an_unknown_key_is_refused_with_the_key_that_was_meant() {
    refused("protocol = \"modbus-tcp\"", "protokol = \"modbus-tcp\"", &["protokol", "protocol"]).await;
}

#[tokio::test]
async fn p8_a_second_hazard_of_the_same_id_is_refused() {
    refused("id = \"dust1\"", "id = \"tank1\"", &["tank1"]).await;
}

#[tokio::test]
async fn p8_a_register_beyond_the_address_space_is_refused() {
    refused("register = \"holding:", "register = \"holding:70000\"  # \"", &["register", "70000"]).await;
}

#[tokio::test]
async fn p8_a_point_of_a_device_that_does_not_exist_is_refused() {
    refused("device = \"tank_plc\"", "device = \"tank_plk\"", &["tank_plk", "tank_plc"]).await;
}

#[tokio::test]
async fn p8_a_pack_that_does_not_exist_is_refused() {
    refused("use = \"", "use = \"no_such_", &["no_such_"]).await;
}

#[tokio::test]
async fn p2_what_a_pack_could_not_make_is_told_by_check() {
    let text = site(next_address());
    let folder = tempfile::tempdir().expect("a temporary directory");
    let pack = "\n[[pack]]\nuse = \"tank\"\nhazard = \"tank1\"\nwithout = [\"pressure\", \"temperature\", \"pressure_rise\"]\n\
                setpoints = { level_full = 12 }\n";
    std::fs::write(folder.path().join("site.toml"), text + pack).expect("a site file");
    let (code, said) = finish(&["check", "site.toml"], folder.path()).await;
    assert_eq!(code, 0, "{said}");
    let told = "Not made: `tank_plc.level.difference` of pack `tank`, for want of a point with the role level_backup.";
    assert!(said.contains("No mistakes.") && said.contains(told), "{said}");
}

#[tokio::test]
async fn p8_limits_in_the_wrong_order_are_refused() {
    let text = site(next_address());
    let folder = tempfile::tempdir().expect("a temporary directory");
    let rule = "\n[[rule]]\nid = \"upside_down\"\nkind = \"limits\"\npoint = \"tank_plc.level\"\nh = 9.0\nhh = 8.0\n";
    std::fs::write(folder.path().join("site.toml"), text + rule).expect("a site file");
    let (code, said) = finish(&["check", "site.toml"], folder.path()).await;
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("hh") && said.contains("site.toml:"), "{said}");
}

#[tokio::test]
async fn p8_every_mistake_is_reported_at_once() {
    let text = include_str!("../../config/demo.toml")
        .replacen("kind = \"dust\"", "kind = \"dusty\"", 1)
        .replacen("id = \"casting1\"", "id = \"casting 1\"", 1)
        .replacen("poll = ", "pol = ", 1);
    let folder = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(folder.path().join("site.toml"), text).expect("a site file");
    let (code, said) = finish(&["check", "site.toml", "--json"], folder.path()).await;
    assert_eq!(code, 2, "{said}");
    let mistakes: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    let lines: Vec<u64> =
        mistakes.as_array().expect("an array").iter().filter_map(|m| m["line"].as_u64()).collect();
    assert!(lines.len() >= 2, "{said}");
}

#[tokio::test]
async fn p8_a_file_that_cannot_be_read_is_said_to_be_so() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let (code, said) = finish(&["check", "nowhere.toml"], folder.path()).await;
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("nowhere.toml"), "{said}");
}

#[tokio::test]
async fn p8_a_console_port_in_use_stops_the_start_before_anything_runs() {
    let address = next_address();
    let taken = TcpListener::bind((address, 18080)).await.expect("the port is free before");
    let folder = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(folder.path().join("site.toml"), site(address)).expect("a site file");
    let (code, said) = finish(&["run", "site.toml"], folder.path()).await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains(&taken.local_addr().expect("bound").to_string()), "{said}");
    assert!(!folder.path().join("data").exists(), "something was started");
}

#[tokio::test]
async fn p8_the_embedded_brokers_port_in_use_stops_the_start_before_anything_runs() {
    let address = next_address();
    let holder = TcpListener::bind((address, 18830)).await.expect("the port is free before");
    let taken = holder.local_addr().expect("bound");
    let folder = tempfile::tempdir().expect("a temporary directory");
    let broker = format!("\n[broker]\nlisten = \"{taken}\"\n");
    std::fs::write(folder.path().join("site.toml"), site(address) + &broker).expect("a site file");
    let (code, said) = finish(&["run", "site.toml"], folder.path()).await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains(&taken.to_string()), "{said}");
    assert!(!folder.path().join("data").exists(), "something was started");
}

#[tokio::test]
async fn p8_a_simulator_port_in_use_is_named() {
    let address = next_address();
    let folder = tempfile::tempdir().expect("a temporary directory");
    let text = site(address);
    let table: toml::Table = text.parse().expect("TOML");
    let devices = table["device"].as_array().expect("devices");
    let used = devices.iter().find_map(|d| d["address"].as_str()).expect("a Modbus device").to_owned();
    let _taken = TcpListener::bind(&used).await.expect("the port is free before");
    std::fs::write(folder.path().join("site.toml"), text).expect("a site file");
    let (code, said) = finish(&["simulate", "site.toml"], folder.path()).await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains(&used), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn p3_a_broker_that_refuses_the_password_is_an_alarm_and_delays_nobody_else() {
    let mut rig = Rig::new(QUIET).await;
    let refusing = refusing_broker(SocketAddr::from((rig.address, 1999))).await;
    let second = format!(
        "\n[[forward]]\nid = \"stranger\"\nkind = \"mqtt\"\nurl = \"mqtt://{refusing}\"\nusername = \"gw1\"\n\
         password = {{ file = \"password\" }}\n"
    );
    let folder = rig.site().parent().expect("a folder").to_owned();
    std::fs::write(folder.join("password"), "open-sesame\n").expect("a password file");
    let text = std::fs::read_to_string(rig.site()).expect("readable") + &second;
    std::fs::write(rig.site(), text).expect("a site file");
    let mut centre = rig.centre("centre");
    rig.start_gateway();
    let alarm = centre
        .until("the refused broker's alarm, at the broker that works", |heard| {
            let event = &heard.payload;
            (heard.topic == "alarm/event" && event["alarm"] == "gateway.forward.stranger")
                .then(|| event.clone())
        })
        .await;
    let message = alarm["message"]["en"].as_str().expect("a message");
    assert!(message.to_lowercase().contains("password"), "{message}");
    assert!(rig.gateway_runs());
    assert!(!rig.log().contains("open-sesame"), "the password is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn p3_malformed_payloads_and_wrong_modbus_answers_never_stop_the_daemon() {
    let mut rig = Rig::new(QUIET).await;
    let liar = lying_device(SocketAddr::from((rig.address, 1502))).await;
    let device = format!(
        "\n[[device]]\nid = \"liar\"\nname = {{ zh = \"坏表\", en = \"Liar\" }}\nprotocol = \"modbus-tcp\"\naddress = \"{liar}\"\n\
         poll = \"200ms\"\ntimeout = \"200ms\"\n[[point]]\ndevice = \"liar\"\nsignal = \"x\"\nname = {{ zh = \"量\", en = \"X\" }}\n\
         register = \"holding:0\"\ntype = \"u16\"\n"
    );
    let text = std::fs::read_to_string(rig.site()).expect("readable") + &device;
    std::fs::write(rig.site(), text).expect("a site file");
    let mut centre = rig.centre("centre");
    rig.start_gateway();
    centre
        .until("the lying device is down", |heard| {
            (heard.topic == "device/liar"
                && heard.payload["state"] == "down"
                && heard.payload["error"]["zh"].is_string())
            .then_some(())
        })
        .await;
    let table: toml::Table = std::fs::read_to_string(rig.site()).expect("readable").parse().expect("TOML");
    let topic = table["device"].as_array().expect("devices").iter().find_map(|d| d.get("topic")?.as_str());
    let topic = topic.expect("an MQTT device").to_owned();
    for junk in ["", "{", "[]", "{\"temperature\": \"hot\"}", "\u{0}\u{1}", "1e999"] {
        centre.publish(&topic, junk).await;
    }
    for device in ["tank_plc", "dust_plc"] {
        centre.next(device, |heard| (heard.topic == format!("data/{device}")).then_some(())).await;
    }
    assert!(rig.gateway_runs(), "{}", rig.log());
    let lies = centre
        .all
        .iter()
        .filter(|h| h.topic == "data/liar" && h.payload["values"]["x"] != serde_json::Value::Null);
    assert_eq!(lies.count(), 0, "a wrong answer was taken for a value");
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_whatever_a_device_answers_it_is_only_ever_read() {
    let mut rig = Rig::new(QUIET).await;
    let (device, mut asked) = refusing_device(SocketAddr::from((rig.address, 1503))).await;
    let mut text = std::fs::read_to_string(rig.site()).expect("readable");
    let unit = format!(
        "\n[[device]]\nid = \"refuser\"\nname = \"Refuser\"\nprotocol = \"modbus-tcp\"\naddress = \"{device}\"\npoll = \"200ms\"\n"
    );
    text.push_str(&unit);
    for (signal, register, kind) in [
        ("a", "coil:0", "bit"),
        ("b", "discrete:0", "bit"),
        ("c", "holding:0", "u16"),
        ("d", "input:0", "f32"),
    ] {
        let point = format!(
            "[[point]]\ndevice = \"refuser\"\nsignal = \"{signal}\"\nname = \"{signal}\"\nregister = \"{register}\"\ntype = \"{kind}\"\n"
        );
        text.push_str(&point);
    }
    // Not enabled, and on what can't be read back either: whatever alarms call for it, it is left alone.
    let output = "[[output]]\nid = \"siren\"\nname = \"Siren\"\ndevice = \"refuser\"\nregister = \"coil:1\"\n\
                  enabled = false\nwhile_alarm = [\"refuser.a.signal\"]\n";
    text.push_str(output);
    std::fs::write(rig.site(), text).expect("a site file");
    rig.start_gateway();
    let mut functions = BTreeSet::new();
    let listen = async {
        for _ in 0..100 {
            functions.insert(asked.recv().await.expect("the device listens"));
        }
    };
    tokio::time::timeout(PATIENCE, listen).await.expect("the device is asked again and again");
    assert_eq!(
        functions,
        BTreeSet::from([1, 2, 3, 4]),
        "reading is functions 1 to 4, and nothing else is done"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn p2_a_database_that_had_to_be_set_aside_is_an_alarm_numbered_above_all_before() {
    let mut rig = Rig::new(QUIET).await;
    let mut centre = rig.centre("centre");
    let folder = rig.site().parent().expect("a folder").to_owned();
    rig.start_gateway();
    centre.until("life", |heard| (heard.topic == "data/tank_plc").then_some(())).await;
    rig.kill_gateway().await;
    for file in ["hazgate.db", "hazgate.db-wal"] {
        std::fs::write(folder.join("data").join(file), "no database").expect("written over");
    }
    rig.start_gateway();
    let alarm = centre
        .next("the alarm of the set-aside database", |heard| {
            let event = &heard.payload;
            (heard.topic == "alarm/event" && event["alarm"] == "gateway.store").then(|| event.clone())
        })
        .await;
    assert_eq!(alarm["event"], "raised");
    assert!(alarm["message"]["en"].as_str().is_some_and(|text| text.contains("set aside")), "{alarm}");
    assert!(
        alarm["seq"].as_u64().is_some_and(|seq| seq > 1_000_000),
        "numbers may have been used before: {alarm}"
    );
}

/// A plant where nothing happens.
const QUIET: &str = "seed = 1\nname = { zh = \"平稳\", en = \"Quiet\" }\n";

/// Answers every CONNECT with return code 5, not authorised.
async fn refusing_broker(listen: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind(listen).await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut connect = [0; 512];
            if socket.read(&mut connect).await.is_ok_and(|read| read > 0) {
                socket.write_all(&[0x20, 0x02, 0x00, 0x05]).await.unwrap_or_default();
            }
        }
    });
    address
}

/// Answers every Modbus TCP request with exception 2, and tells the function that was asked for.
async fn refusing_device(listen: SocketAddr) -> (SocketAddr, mpsc::Receiver<u8>) {
    let listener = TcpListener::bind(listen).await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let (tell, asked) = mpsc::channel(1024);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = [0_u8; 260];
            while socket.read(&mut request).await.is_ok_and(|read| read >= 8) {
                let (id, unit, function) = ([request[0], request[1]], request[6], request[7]);
                if tell.send(function).await.is_err() {
                    return;
                }
                let answer = [id[0], id[1], 0, 0, 0, 3, unit, function | 0x80, 2];
                socket.write_all(&answer).await.unwrap_or_default();
            }
        }
    });
    (address, asked)
}

/// Answers every Modbus request, each time wrong in another way.
async fn lying_device(listen: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind(listen).await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        let mut turn = 0_usize;
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = [0_u8; 260];
            let Ok(read) = socket.read(&mut request).await else { continue };
            if read < 8 {
                continue;
            }
            let (id, unit) = ([request[0], request[1]], request[6]);
            let answer: Vec<u8> = match turn % 5 {
                0 => vec![id[0] ^ 0xFF, id[1], 0, 0, 0, 5, unit, 3, 2, 0x12, 0x34],
                1 => vec![id[0], id[1], 0, 0, 0, 5, unit ^ 1, 3, 2, 0x12, 0x34],
                2 => vec![id[0], id[1], 0, 0, 0, 5, unit, 4, 2, 0x12, 0x34],
                3 => vec![id[0], id[1], 0, 0, 0, 7, unit, 3, 4, 0x12, 0x34, 0x56, 0x78],
                _ => b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
            };
            turn += 1;
            socket.write_all(&answer).await.unwrap_or_default();
            // Keeps the connection until the gateway gives it up.
            while socket.read(&mut request).await.is_ok_and(|read| read > 0) {}
        }
    });
    address
}
