//! Files that are right, and what becomes of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::{BASE, edited, site};
use crate::model::{HealthSource, Level};
use crate::site::{
    ByteOrder, DialIn, Encoding, ForwarderKind, Framing, Line, LinkKind, Packet, Point, Protocol, Register,
    Rule, RuleKind, Site, Source, Table, load, schema,
};

fn demo() -> Site {
    load(Path::new("config/demo.toml"), &BTreeMap::new()).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn point<'s>(site: &'s Site, name: &str) -> &'s Point {
    site.points.iter().find(|point| point.name == name).unwrap_or_else(|| panic!("no point {name}"))
}

fn rule<'s>(site: &'s Site, name: &str) -> &'s Rule {
    site.rules.iter().find(|rule| rule.name == name).unwrap_or_else(|| panic!("no rule {name}"))
}

#[test]
fn the_demonstration_site_loads() {
    let site = demo();
    assert_eq!(site.hazards.len(), 4);
    assert!(site.devices.len() >= 11, "{} devices", site.devices.len());
    assert!(site.points.len() >= 90, "{} points", site.points.len());
    assert_eq!(site.hash, demo().hash);
    assert!(site.points.iter().all(|point| !point.title.zh.is_empty() && !point.title.en.is_empty()));
    assert!(site.points.iter().all(|point| point.hazard.is_some()));
}

#[test]
fn every_limit_of_the_demonstration_says_what_it_rests_on_or_is_the_sites_own() {
    let site = demo();
    let limits = site.rules.iter().filter(|rule| matches!(rule.kind, RuleKind::Limits(_)));
    assert!(limits.clone().count() >= 30);
    assert!(limits.filter(|rule| rule.name.split('.').count() > 2).all(|rule| rule.basis.is_some()));
}

#[test]
fn every_template_is_used_by_some_site() {
    let templates: Vec<String> = names("config/devices");
    let device = |(index, template): (usize, &String)| {
        let port = index + 1;
        format!("[[device]]\nid = \"t{index}\"\ntemplate = \"{template}\"\naddress = \"h:{port}\"\n")
    };
    let devices: String = templates.iter().enumerate().map(device).collect();
    let site = site(&format!("{BASE}{devices}"));
    assert_eq!(site.devices.len(), 2 + templates.len());
    assert!(templates.len() >= 6);
}

fn names(directory: &str) -> Vec<String> {
    let files = std::fs::read_dir(directory).expect("the directory");
    let name = |file: std::io::Result<std::fs::DirEntry>| {
        file.expect("a file").path().file_stem().expect("a name").to_string_lossy().into_owned()
    };
    let mut names: Vec<String> = files.map(name).collect();
    names.sort();
    names
}

#[test]
fn every_site_has_the_rules_that_keep_silence_from_being_safety() {
    let site = site(&edited(&[("unit = 1", "lost_level = 1\nlost_after = \"7s\"\nsignal_level = 4")]));
    let lost = rule(&site, "plc.lost");
    assert_eq!(lost.on_delay, Duration::from_secs(7));
    assert!(matches!(lost.kind, RuleKind::DeviceLost { level: Level::Red, .. }));
    let degraded = rule(&site, "plc.degraded");
    assert!(matches!(degraded.kind, RuleKind::DeviceDegraded { .. }));
    assert_eq!((degraded.hazard, degraded.message.as_ref()), (lost.hazard, None));
    assert_eq!((degraded.on_delay, degraded.off_delay), (Duration::from_secs(3), Duration::from_secs(10)));
    for (poll, delays) in [("\"2s\"", (4, 10)), ("\"60s\"", (120, 240))] {
        let slow = super::site(&edited(&[(
            "register = \"input:0\"",
            &format!("register = \"input:0\"\npoll = {poll}"),
        )]));
        let degraded = rule(&slow, "plc.degraded");
        let delays = (Duration::from_secs(delays.0), Duration::from_secs(delays.1));
        assert_eq!((degraded.on_delay, degraded.off_delay), delays, "it follows the slowest poll");
    }
    let signal = rule(&site, "plc.level.signal");
    assert!(matches!(signal.kind, RuleKind::Signal { level: Level::Blue, .. }));
    let found_lost = Duration::from_secs(1) + 4 * Duration::from_millis(500);
    assert_eq!((signal.on_delay, signal.off_delay), (found_lost + Duration::from_secs(2), Duration::ZERO));
    assert!(signal.message.is_none());
    let uplink = rule(&site, "gateway.forward.centre");
    assert_eq!((uplink.hazard, uplink.on_delay), (None, Duration::from_secs(10)));
    assert!(matches!(
        rule(&site, "gateway.store").kind,
        RuleKind::Health { source: HealthSource::Store, .. }
    ));
    assert!(matches!(rule(&site, "gateway.task").kind, RuleKind::Health { source: HealthSource::Task, .. }));
    let signals = site.rules.iter().filter(|rule| matches!(rule.kind, RuleKind::Signal { .. }));
    assert_eq!(signals.count(), site.points.len());
}

#[test]
fn p2_a_clock_that_no_server_keeps_is_an_alarm_unless_the_site_says_that_nobody_minds() {
    let required = site(BASE);
    let clock = rule(&required, "gateway.clock");
    assert!(matches!(clock.kind, RuleKind::Health { source: HealthSource::Clock, .. }));
    assert_eq!(clock.on_delay, Duration::from_secs(300), "a computer that starts needs minutes");
    let ignored = site(&format!("{BASE}\n[clock]\nsync = \"ignored\"\n"));
    assert!(ignored.rules.iter().all(|rule| rule.name != "gateway.clock"));
}

#[test]
fn limits_become_rules_with_levels_delays_and_words() {
    let site = site(BASE);
    let level = rule(&site, "plc.level");
    let RuleKind::Limits(limits) = level.kind else { panic!("{level:?}") };
    assert_eq!(limits.ll.map(|limit| (limit.value, limit.level)), Some((1.0, Level::Orange)));
    assert_eq!(limits.h.map(|limit| (limit.value, limit.level)), Some((10.0, Level::Yellow)));
    assert_eq!((limits.deadband, level.on_delay), (0.1, Duration::from_secs(1)));
    assert_eq!(level.message, None, "the engine names the limit crossed");
    let gas = rule(&site, "plc.gas.gas").message.as_ref().map(|text| text.zh.as_str());
    assert!(gas.is_some_and(|zh| zh.contains("可燃气体") && !zh.contains("{name}")), "{gas:?}");
    assert_eq!(level.hazard, site.points[0].hazard);
    assert!(rule(&site, "plc.gas.gas").basis.as_deref().is_some_and(|basis| basis.contains("GB/T 50493")));
    assert!(rule(&site, "tank1.hot").hazard.is_none());
}

#[test]
fn a_pack_takes_its_percentages_of_the_set_point() {
    let site = demo();
    let RuleKind::Limits(limits) = rule(&site, "casting_water.cooling_flow.flow").kind else { panic!() };
    let value = |limit: Option<crate::site::Limit>| limit.map(|limit| limit.value).unwrap_or_default();
    assert!((value(limits.l) - 108.0).abs() < 1e-9 && (value(limits.ll) - 96.0).abs() < 1e-9);
    assert!((limits.deadband - 1.2).abs() < 1e-9);
}

#[test]
fn a_packs_levels_and_delays_can_be_replaced() {
    let site = site(&edited(&[(
        "points = [\"plc.gas\"]",
        "points = [\"plc.gas\"]\nlevels = { h = 3 }\non_delay = \"4s\"",
    )]));
    let gas = rule(&site, "plc.gas.gas");
    let RuleKind::Limits(limits) = gas.kind else { panic!() };
    assert_eq!(limits.h.map(|limit| limit.level), Some(Level::Yellow));
    assert_eq!(limits.hh.map(|limit| limit.level), Some(Level::Red));
    assert_eq!(gas.on_delay, Duration::from_secs(4));
}

#[test]
fn a_point_of_the_site_overrides_its_template() {
    let text = format!(
        "{BASE}[[device]]\nid = \"m\"\ntemplate = \"acrel-adw300\"\naddress = \"h:502\"\n\
         [[point]]\ndevice = \"m\"\nsignal = \"power\"\nrange = [0, 60]\nscale = 0.04\n\
         [[point]]\ndevice = \"m\"\nsignal = \"extra\"\nname = \"E\"\nregister = \"coil:9\"\n"
    );
    let site = site(&text);
    let power = point(&site, "m.power");
    let Source::Modbus(signal) = &power.source else { panic!() };
    assert_eq!((signal.register.address, power.unit.as_str()), (36, "kW"));
    assert_eq!(signal.conversion.line, Line::Scale { scale: 0.04, offset: 0.0 });
    assert_eq!(power.title.zh, "ADW300 三相电表 总有功功率");
    assert_eq!(power.range.map(|range| range.high), Some(60.0));
    let Source::Modbus(extra) = &point(&site, "m.extra").source else { panic!() };
    assert_eq!((extra.register.table, extra.register.encoding), (Table::Coil, Encoding::Bit));
    let device = site.devices.iter().find(|device| device.name == "m").expect("the device");
    assert_eq!(device.points.len(), 9);
}

#[test]
fn registers_are_addressed_as_the_manual_numbers_them() {
    let site = site(&edited(&[
        ("unit = 1", "unit = 1\naddress_base = 1\nbyte_order = \"CDAB\""),
        ("register = \"input:0\"", "register = \"input:65536\"\nbit = 15"),
    ]));
    let level =
        Register { table: Table::Holding, address: 39, encoding: Encoding::F32, order: ByteOrder::Cdab };
    assert_eq!(point(&site, "plc.level").source, Source::Modbus(level.into()));
    let Source::Modbus(gas) = &point(&site, "plc.gas").source else { panic!() };
    assert_eq!((gas.register.address, gas.register.encoding), (65_535, Encoding::BitOf(15)));
}

#[test]
fn devices_at_one_address_share_a_link() {
    let site = demo();
    let shared =
        site.links.iter().find(|link| matches!(link.kind, LinkKind::ModbusRtuOverTcp(_))).expect("the bus");
    assert_eq!(shared.devices.len(), 4);
    let devices: usize = site.links.iter().map(|link| link.devices.len()).sum();
    let reached = site.devices.iter().filter(|device| device.protocol != Protocol::Derived).count();
    assert_eq!(devices, reached);
}

#[test]
fn p3_nobody_waits_for_an_answer_longer_than_from_one_poll_to_the_next() {
    for (written, expected) in [
        ("poll = \"2s\"", 500),
        ("poll = \"200ms\"", 200),
        ("poll = \"200ms\"\ntimeout = \"200ms\"", 200),
        ("poll = \"200ms\"\ntimeout = \"150ms\"", 150),
    ] {
        let site = site(&edited(&[("unit = 1", written)]));
        let Protocol::Modbus(modbus) = &site.devices[0].protocol else { panic!() };
        assert_eq!(modbus.timeout, Duration::from_millis(expected), "{written}");
    }
}

#[test]
fn a_value_is_stale_after_three_polls_or_after_silence() {
    let site = site(&edited(&[("unit = 1", "poll = \"2s\"")]));
    assert_eq!(point(&site, "plc.level").max_age, Duration::from_millis(6500));
    assert_eq!(point(&site, "sensor.temperature").max_age, Duration::from_secs(30));
    let quick = super::site(&edited(&[("unit = 1", "poll = \"100ms\"")]));
    assert_eq!(point(&quick, "plc.level").max_age, Duration::from_secs(3));
}

#[test]
fn a_point_may_be_polled_at_its_own_rate() {
    let register = "register = \"input:0\"";
    let slow = site(&edited(&[(register, &format!("{register}\npoll = \"10s\""))]));
    let gas = point(&slow, "plc.gas");
    assert_eq!((gas.poll, gas.max_age), (Some(Duration::from_secs(10)), Duration::from_millis(30_500)));
    assert_eq!(rule(&slow, "plc.gas.signal").on_delay, Duration::from_secs(14));
    let same = site(&edited(&[(register, &format!("{register}\npoll = \"1s\""))]));
    assert_eq!(point(&same, "plc.gas").poll, None, "its device's own");
}

#[test]
fn a_redirected_site_has_its_addresses_replaced_wherever_they_stand() {
    let text = format!(
        "{BASE}[broker]\nlisten = \"127.0.0.1:1883\"\n[[forward]]\nid = \"db\"\nkind = \"influx\"\nurl = \"http://10.0.0.9:8086/\"\norg = \"o\"\nbucket = \"b\"\n"
    );
    let map = [
        ("10.0.0.5:502", "127.0.0.1:1001"),
        ("10.0.0.9:1883", "127.0.0.1:1002"),
        ("10.0.0.9:8086", "127.0.0.1:1003"),
        ("127.0.0.1:1883", "127.0.0.1:1004"),
        ("127.0.0.1:8080", "127.0.0.1:1005"),
    ];
    let map = map.map(|(from, to)| (from.to_owned(), to.to_owned())).into();
    let site = site(&text).redirect(&map);
    assert!(matches!(&site.links[0].kind, LinkKind::ModbusTcp(address) if address == "127.0.0.1:1001"));
    assert!(matches!(&site.links[1].kind, LinkKind::Mqtt(broker) if broker.address == "127.0.0.1:1002"));
    assert!(
        matches!(&site.forwarders[0].kind, ForwarderKind::Mqtt(target) if target.brokers[0].address == "127.0.0.1:1002")
    );
    assert!(
        matches!(&site.forwarders[1].kind, ForwarderKind::Influx(target) if target.url == "http://127.0.0.1:1003")
    );
    assert_eq!(site.broker.map(|broker| broker.listen.port()), Some(1004));
    assert_eq!(site.console.map(|console| console.listen.port()), Some(1005));
}

#[test]
fn devices_dial_in_each_behind_its_registration() {
    let second = "[[device]]\nid = \"m2\"\ntemplate = \"rs-ws-n01\"\nprotocol = \"modbus-tcp\"\nlisten = \"0.0.0.0:9000\"\nregistration = ";
    let listen = "listen = \"0.0.0.0:9000\"\nregistration = \"DTU-1\"\nheartbeat = \"ping\"\n";
    let of = |registration: &str| {
        let site = site(&edited(&[
            ("address = \"10.0.0.5:502\"\n", listen),
            ("# end", &format!("{second}{registration}\nunit = 2")),
        ]));
        let links = site.links.iter().filter_map(|link| match &link.kind {
            LinkKind::ModbusDialIn(dial_in) => Some((dial_in.clone(), link.devices.len())),
            _ => None,
        });
        links.collect::<Vec<_>>()
    };
    let packet = |text: &str| Packet(text.as_bytes().to_vec());
    let (listen, framing) = ("0.0.0.0:9000".parse().unwrap(), Framing::Tcp);
    let first = DialIn { listen, registration: packet("DTU-1"), heartbeat: Some(packet("ping")), framing };
    let other = DialIn { listen, registration: packet("DTU-2"), heartbeat: None, framing };
    assert_eq!(of("\"hex:44 54 55 2d32\""), [(first.clone(), 1), (other, 1)]);
    assert_eq!(of("\"DTU-1\"\nheartbeat = \"ping\""), [(first, 2)]);
}

#[test]
fn conditions_are_read_with_what_ends_them() {
    let rule = "[[rule]]\nid = \"tank1.both\"\nkind = \"condition\"\nmessage = { zh = \"甲\", en = \"A\" }\nwhen = \"plc.level > 10 && plc.gas > 5\"\nuntil = \"plc.level < 9\"\nlevel = 1\non_delay = \"5s\"";
    let site = site(&edited(&[("# end", rule)]));
    let found = self::rule(&site, "tank1.both");
    let RuleKind::Condition(condition) = &found.kind else { panic!("{found:?}") };
    assert_eq!(condition.level, Level::Red);
    assert_eq!(condition.points.len(), 2);
    assert_eq!(condition.when.points(), condition.points);
    assert_ne!(condition.stays, condition.when);
    assert_eq!(found.on_delay, Duration::from_secs(5));
    assert_eq!(found.hazard.map(|id| site.hazard(id).name.as_str()), Some("tank1"), "that of its points");
}

#[test]
fn the_published_schema_takes_what_the_check_takes() {
    let schema = schema();
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    for text in [BASE, include_str!("../../../config/demo.toml")] {
        let value: serde_json::Value = toml::from_str(text).expect("TOML");
        let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
    for wrong in [("unit = 1", "unit = 1.5"), ("unit = 1", "colour = 1"), ("kind = \"mqtt\"", "kind = \"x\"")]
    {
        let value: serde_json::Value = toml::from_str(&edited(&[wrong])).expect("TOML");
        assert!(!validator.is_valid(&value), "{wrong:?}");
    }
}

#[test]
fn modbus_options_are_kept() {
    let site = site(&edited(&[(
        "unit = 1",
        "unit = 7\npoll = \"250ms\"\ntimeout = \"200ms\"\nregisters_max = 60\ngap_max = 0\npause = \"20ms\"",
    )]));
    let Protocol::Modbus(modbus) = &site.devices[0].protocol else { panic!() };
    assert_eq!((modbus.unit, modbus.registers_max, modbus.gap_max), (7, 60, 0));
    assert_eq!((modbus.poll, modbus.timeout), (Duration::from_millis(250), Duration::from_millis(200)));
    assert_eq!(modbus.pause, Duration::from_millis(20));
}

/// Two more units behind the base's address, one of the same hazard and one of none.
const NEIGHBOURS: &str = r#"
[[device]]
id = "meter"
hazard = "tank1"
address = "10.0.0.5:502"
unit = 2
lost_after = "2s"
[[point]]
device = "meter"
signal = "power"
name = "P"
register = "input:0"
[[device]]
id = "office"
address = "10.0.0.5:502"
unit = 3
[[point]]
device = "office"
signal = "power"
name = "P"
register = "input:0"
[[output]]
id = "fan"
name = "Fan"
device = "meter"
register = "coil:1"
enabled = true
while_alarm = ["meter.lost"]
"#;

#[test]
fn p2_devices_of_one_hazard_behind_one_link_have_an_alarm_in_common_and_who_asks_for_one_means_it_too() {
    let site = site(&format!("{BASE}{NEIGHBOURS}"));
    let links: Vec<_> =
        site.rules.iter().filter(|rule| matches!(rule.kind, RuleKind::LinkLost { .. })).collect();
    assert_eq!(links.len(), 1, "the office stands alone");
    assert_eq!(links[0].name, "tank1.link.10-0-0-5-502.lost");
    assert_eq!(
        (links[0].hazard, links[0].on_delay),
        (rule(&site, "meter.lost").hazard, Duration::from_secs(2))
    );
    let calls: Vec<_> =
        site.outputs[0].calls.iter().map(|call| site.rule(call.alarm).name.as_str()).collect();
    assert_eq!(calls, ["meter.lost", "tank1.link.10-0-0-5-502.lost"]);
}
