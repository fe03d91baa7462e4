//! From a site file to the plant that it describes: every device becomes a simulated one at the address that the site names (or
//! at a free port), every point a signal of the process model that its hazard's kind and its role choose.

mod registers;

use hazgate::model::DeviceId;
use hazgate::site::{
    Device, Extract, HazardKind, Link, LinkKind, OutputSpec, Point, Protocol, Site, Source, Values,
};
use simulators::{
    Bench, Field, Framing, HazardSpec, LinkSpec, OutputCell, PublisherSpec, SignalRef, UnitSpec,
};

/// Where the simulated devices listen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ports {
    /// Where the site file says.
    AsWritten,
    /// On loopback, wherever there is room.
    Free,
}

/// The plant that `site` describes.
pub(crate) fn describe(site: &Site, ports: Ports) -> Bench {
    let mut bench = Bench { hazards: hazards(site), links: Vec::new(), publishers: Vec::new() };
    for link in &site.links {
        match &link.kind {
            LinkKind::ModbusTcp(address) => {
                bench.links.push(modbus_link(site, link, listen(address, ports), Framing::Tcp));
            }
            LinkKind::ModbusTls(_) | LinkKind::ModbusSerial(_) | LinkKind::ModbusDialIn(_) => {}
            LinkKind::ModbusRtuOverTcp(address) => {
                bench.links.push(modbus_link(site, link, listen(address, ports), Framing::RtuOverTcp));
            }
            LinkKind::Mqtt(broker) => {
                for device in link.devices.iter().map(|id| site.device(*id)) {
                    bench.publishers.extend(publisher(site, device, broker));
                }
            }
        }
    }
    bench
}

/// Devices that are left out of the plant: they are reached in a way that is not simulated.
pub(crate) fn left_out(site: &Site) -> Vec<&str> {
    let unserved = site.links.iter().filter(|link| {
        matches!(link.kind, LinkKind::ModbusTls(_) | LinkKind::ModbusSerial(_) | LinkKind::ModbusDialIn(_))
    });
    unserved.flat_map(|link| &link.devices).map(|id| site.device(*id).name.as_str()).collect()
}

/// The Modbus addresses of the site, in the order of the bench's links.
pub(crate) fn modbus_addresses(site: &Site) -> Vec<String> {
    let address = |link: &Link| match &link.kind {
        LinkKind::ModbusTcp(address) | LinkKind::ModbusRtuOverTcp(address) => Some(address.clone()),
        LinkKind::ModbusTls(_)
        | LinkKind::ModbusSerial(_)
        | LinkKind::ModbusDialIn(_)
        | LinkKind::Mqtt(_) => None,
    };
    site.links.iter().filter_map(address).collect()
}

fn listen(address: &str, ports: Ports) -> String {
    match ports {
        Ports::AsWritten => address.to_owned(),
        Ports::Free => "127.0.0.1:0".to_owned(),
    }
}

fn hazards(site: &Site) -> Vec<HazardSpec> {
    let kind = |kind| match kind {
        HazardKind::TankFarm => simulators::HazardKind::TankFarm,
        HazardKind::Dust => simulators::HazardKind::Dust,
        HazardKind::Casting => simulators::HazardKind::Casting,
        HazardKind::Power => simulators::HazardKind::Power,
        HazardKind::Other => simulators::HazardKind::Other,
    };
    site.hazards.iter().map(|h| HazardSpec { id: h.name.clone(), kind: kind(h.kind) }).collect()
}

fn modbus_link(site: &Site, link: &Link, listen: String, framing: Framing) -> LinkSpec {
    let unit = |id: DeviceId, device: &Device| match &device.protocol {
        Protocol::Modbus(modbus) => {
            let constants = registers::constants(points(site, device));
            let cell = |point| registers::cell(point, signal(site, point), &constants);
            let cells = points(site, device).filter_map(cell).collect();
            let outputs = site.outputs.iter().filter(|output| output.device == id).map(output).collect();
            Some(UnitSpec { unit: modbus.unit, device: device.name.clone(), cells, constants, outputs })
        }
        Protocol::Mqtt(_) => None,
    };
    let units = link.devices.iter().filter_map(|id| unit(*id, site.device(*id))).collect();
    LinkSpec { listen, framing, units }
}

/// What the device lets be written, whether the gateway may or not. It begins switched off.
fn output(output: &OutputSpec) -> OutputCell {
    let (table, start) = match &output.target.values {
        Values::Coil(when_on) => (simulators::Table::Coil, vec![u16::from(!when_on)]),
        Values::Words { off, .. } => (simulators::Table::Holding, off.clone()),
    };
    OutputCell { table, address: output.target.address, start }
}

fn points<'a>(site: &'a Site, device: &'a Device) -> impl Iterator<Item = &'a Point> {
    device.points.iter().map(|id| site.point(*id))
}

fn publisher(site: &Site, device: &Device, broker: &hazgate::site::Broker) -> Option<PublisherSpec> {
    let Protocol::Mqtt(mqtt) = &device.protocol else { return None };
    let field = |point: &Point| match &point.source {
        Source::Mqtt(Extract { pointer, conversion }) => {
            let (scale, offset) = conversion.line.scale_and_offset();
            Some(Field { pointer: pointer.clone(), signal: signal(site, point), scale, offset })
        }
        Source::Modbus(_) => None,
    };
    Some(PublisherSpec {
        broker: broker.address.clone(),
        username: broker.username.clone(),
        password: broker.password.as_ref().map(|secret| secret.expose().to_owned()),
        topic: mqtt.topic.clone(),
        device: device.name.clone(),
        period: mqtt.silence / 5,
        fields: points(site, device).filter_map(field).collect(),
    })
}

fn signal(site: &Site, point: &Point) -> SignalRef {
    SignalRef {
        hazard: point.hazard.map(|id| site.hazard(id).name.clone()),
        device: site.device(point.device).name.clone(),
        point: point.name.clone(),
        role: point.role.clone(),
        range: point.range.map(|range| (range.low, range.high)),
    }
}
