//! The same site at other addresses: the demo finds free ports by itself.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use url::Url;

use super::model::{LinkKind, Site};
use super::uplink::{ForwarderKind, InfluxTarget};

impl Site {
    /// The same site with every `host:port` that is a key of `map` replaced by its value, wherever it stands: links,
    /// forwarders, broker, console. A replacement that does not fit where it is to stand leaves the address as it is.
    #[must_use]
    pub fn redirect(&self, map: &BTreeMap<String, String>) -> Self {
        let mut site = self.clone();
        for link in &mut site.links {
            match &mut link.kind {
                LinkKind::ModbusTcp(address) | LinkKind::ModbusRtuOverTcp(address) => replace(address, map),
                LinkKind::ModbusTls(target) => replace(&mut target.address, map),
                LinkKind::ModbusSerial(_) => {}
                LinkKind::ModbusDialIn(dial_in) => replace_socket(&mut dial_in.listen, map),
                LinkKind::Mqtt(broker) => replace(&mut broker.address, map),
            }
        }
        for forwarder in &mut site.forwarders {
            match &mut forwarder.kind {
                ForwarderKind::Mqtt(target) => {
                    target.brokers.iter_mut().for_each(|broker| replace(&mut broker.address, map));
                }
                ForwarderKind::Influx(target) => replace_url(target, map),
            }
        }
        if let Some(broker) = &mut site.broker {
            replace_socket(&mut broker.listen, map);
        }
        if let Some(console) = &mut site.console {
            replace_socket(&mut console.listen, map);
        }
        site
    }
}

fn replace(address: &mut String, map: &BTreeMap<String, String>) {
    if let Some(other) = map.get(address) {
        address.clone_from(other);
    }
}

fn replace_socket(address: &mut SocketAddr, map: &BTreeMap<String, String>) {
    if let Some(other) = map.get(&address.to_string()).and_then(|other| other.parse().ok()) {
        *address = other;
    }
}

fn replace_url(target: &mut InfluxTarget, map: &BTreeMap<String, String>) {
    let Ok(url) = Url::parse(&target.url) else { return };
    let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else { return };
    if let Some(other) = map.get(&format!("{host}:{port}")) {
        let path = url.path().trim_end_matches('/');
        target.url = format!("{}://{other}{path}", url.scheme());
    }
}
