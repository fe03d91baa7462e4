//! The examples of docs/mqtt-devices.md: each device of the page loads, and each of its messages is read whole.

use std::collections::BTreeMap;
use std::path::Path;

use crate::acquire::mqtt::listener::source;
use crate::model::{LinkState, Mono, Now, Sample, Wall};
use crate::site::{Format, Protocol, Site, parse};

const PAGE: &str = include_str!("../../../../docs/mqtt-devices.md");
/// 2026-11-22T08:00:00 in Shanghai.
const NOW: Wall = Wall(1_795_305_600_000);

/// The blocks of code whose first line begins with `kind`, and the rest of that line.
fn blocks<'a>(kind: &str) -> Vec<(&'a str, &'a str)> {
    let block = |part: &'a str| part.split_once('\n');
    let codes = PAGE.split("```").skip(1).step_by(2).filter_map(block);
    codes.filter_map(|(head, body)| Some((head.strip_prefix(kind)?.trim(), body))).collect()
}

fn site() -> Site {
    let devices: String = blocks("toml site").into_iter().map(|(_, body)| body).collect();
    let text =
        format!("version = 1\n[site]\nenterprise = \"acme\"\ngateway = \"gw1\"\nname = \"P\"\n{devices}");
    parse("mqtt-devices.md", &text, &BTreeMap::new()).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

#[test]
fn every_device_of_the_page_loads_and_reads_its_messages() {
    assert!(Path::new("docs/mqtt-devices.md").exists());
    let site = site();
    let (mut devices, mut messages) = (0, 0);
    for id in site.links.iter().flat_map(|link| &link.devices) {
        let device = site.device(*id);
        let Protocol::Mqtt(mqtt) = &device.protocol else { panic!("{} is of MQTT", device.name) };
        for (_, body) in blocks("json").into_iter().filter(|(name, _)| *name == device.name) {
            let mut publisher = source(&site, *id).unwrap();
            let heard = publisher.hear("t", Ok(body.as_bytes()), Now { mono: Mono::ZERO, wall: NOW });
            let news = heard.news.expect("it is up");
            assert_eq!((news.state, news.error), (LinkState::Up, None), "{}: {body}", device.name);
            let readings = heard.batches.iter().flat_map(|batch| &batch.readings);
            assert!(readings.clone().all(|reading| matches!(reading.sample, Sample::Good(_))), "{body}");
            assert!(readings.count() >= device.points.len(), "{body}");
            messages += 1;
        }
        devices += usize::from(!matches!(mqtt.format, Format::Sparkplug(_)));
    }
    assert!(devices >= 5 && messages >= 8, "{devices} devices, {messages} messages");
}
