//! A gateway that hears itself: a publisher's topic filter that takes in what the gateway sends to the same broker. Each
//! of its messages would give rise to the next.

use super::Context;
use super::devices::Devices;
use super::forward::Forwarders;
use super::links;
use crate::site::model::{Identity, Link, LinkKind, Protocol};

pub(super) fn check(
    devices: &Devices<'_>,
    links: &[Link],
    forwarders: &Forwarders,
    identity: &Identity,
    context: &mut Context<'_>,
) {
    let root = ["hazgate", "v1", &identity.enterprise, &identity.gateway];
    for link in links {
        let LinkKind::Mqtt(broker) = &link.kind else { continue };
        let Some((_, destination)) = forwarders.brokers().find(|(other, _)| links::are_one(other, broker))
        else {
            continue;
        };
        for device in &link.devices {
            let Protocol::Mqtt(mqtt) = &devices.list[device.index()].protocol else { continue };
            if reaches_below(&mqtt.topic, &root) {
                let message =
                    format!("`{}` takes in what the gateway itself sends to {}", mqtt.topic, broker.address);
                context
                    .findings
                    .add(devices.details[device.index()].place("topic"), message)
                    .first(destination.key("url"))
                    .hint(format!("use a filter that leaves out {}/#", root.join("/")));
            }
        }
    }
}

/// Whether `filter` matches some topic below `root`.
fn reaches_below(filter: &str, root: &[&str]) -> bool {
    let mut wanted = filter.split('/');
    for level in root {
        match wanted.next() {
            Some("#") => return true,
            Some("+") => {}
            Some(name) if name == *level => {}
            _ => return false,
        }
    }
    wanted.next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_reaches_below_a_root_if_some_topic_there_matches_it() {
        for (filter, expected) in [
            ("#", true),
            ("a/#", true),
            ("a/b/#", true),
            ("a/b/c", true),
            ("a/+/c", true),
            ("+/+/+", true),
            ("+/+", false),
            ("a/b", false),
            ("a", false),
            ("a/c/#", false),
            ("A/#", false),
            ("/a/#", false),
        ] {
            assert_eq!(reaches_below(filter, &["a", "b"]), expected, "{filter}");
        }
    }
}
