//! From a site file to the plant that it describes: every device becomes a simulated one at the address that the site names (or
//! at a free port), every point a signal of the process model that its hazard's kind and its role choose.

mod publishers;
mod registers;

use std::collections::BTreeMap;

use hazgate::model::DeviceId;
use hazgate::site::{
    Device, HazardKind, Link, LinkKind, OutputSpec, Parity, Point, Protocol, SerialLine, Site, Values,
};
use simulators::{Bench, Framing, HazardSpec, LineSpec, LinkSpec, OutputCell, SignalRef, UnitSpec};

/// Where the simulated devices listen.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Ports {
    /// Where the site file says; on serial lines at the far ends that are given, by the site's ports.
    AsWritten(BTreeMap<String, String>),
    /// On loopback, wherever there is room.
    Free,
}

impl Ports {
    fn listen(&self, address: &str) -> String {
        match self {
            Self::AsWritten(_) => address.to_owned(),
            Self::Free => "127.0.0.1:0".to_owned(),
        }
    }

    /// The far end of a serial line.
    fn far_end(&self, port: &str) -> Option<String> {
        match self {
            Self::AsWritten(far_ends) => far_ends.get(port).cloned(),
            Self::Free => None,
        }
    }
}

/// What is simulated of a site, and what is not.
pub(crate) struct Described {
    pub(crate) bench: Bench,
    /// Devices that are left out, and why.
    pub(crate) left_out: Vec<(String, &'static str)>,
}

/// The plant that `site` describes.
pub(crate) fn describe(site: &Site, ports: &Ports) -> Described {
    let bench =
        Bench { hazards: hazards(site), links: Vec::new(), publishers: Vec::new(), edges: Vec::new() };
    let mut described = Described { bench, left_out: Vec::new() };
    for link in &site.links {
        described.link(site, link, ports);
    }
    described
}

impl Described {
    fn link(&mut self, site: &Site, link: &Link, ports: &Ports) {
        let socket = |address: &str, framing| LinkSpec {
            listen: ports.listen(address),
            line: None,
            framing,
            units: units(site, link),
        };
        match &link.kind {
            LinkKind::ModbusTcp(address) => self.bench.links.push(socket(address, Framing::Tcp)),
            LinkKind::ModbusRtuOverTcp(address) => {
                self.bench.links.push(socket(address, Framing::RtuOverTcp));
            }
            LinkKind::ModbusSerial(serial) => match ports.far_end(&serial.port) {
                Some(far_end) => self.bench.links.push(LinkSpec {
                    line: Some(line(serial)),
                    ..LinkSpec { listen: far_end, ..socket("", Framing::RtuOverTcp) }
                }),
                None => self.leave_out(site, link, "its line's other end is not given (--serial)"),
            },
            LinkKind::ModbusTls(_) => self.leave_out(site, link, "it is reached over TLS"),
            LinkKind::ModbusDialIn(_) => self.leave_out(site, link, "it dials in"),
            LinkKind::Mqtt(broker) if broker.tls.is_some() => {
                self.leave_out(site, link, "its broker is reached over TLS");
            }
            LinkKind::Mqtt(broker) => {
                for device in link.devices.iter().map(|id| site.device(*id)) {
                    publishers::add(site, device, broker, &mut self.bench);
                }
            }
        }
    }

    fn leave_out(&mut self, site: &Site, link: &Link, why: &'static str) {
        let names = link.devices.iter().map(|id| site.device(*id).name.clone());
        self.left_out.extend(names.map(|name| (name, why)));
    }
}

fn line(serial: &SerialLine) -> LineSpec {
    let parity = match serial.parity {
        Parity::None => simulators::Parity::None,
        Parity::Even => simulators::Parity::Even,
        Parity::Odd => simulators::Parity::Odd,
    };
    LineSpec { baud: serial.baud, parity, stop_bits: serial.stop_bits }
}

/// Whether a device of the site is on this serial port.
pub(crate) fn has_line(site: &Site, port: &str) -> bool {
    let is_it = |link: &Link| matches!(&link.kind, LinkKind::ModbusSerial(serial) if serial.port == port);
    site.links.iter().any(is_it)
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

/// The units behind a link.
fn units(site: &Site, link: &Link) -> Vec<UnitSpec> {
    let unit = |id: DeviceId, device: &Device| match &device.protocol {
        Protocol::Modbus(modbus) => {
            let constants = registers::constants(points(site, device));
            let cell = |point| registers::cell(point, signal(site, point), &constants);
            let cells = points(site, device).filter_map(cell).collect();
            let outputs = site.outputs.iter().filter(|output| output.device == id).map(output).collect();
            Some(UnitSpec { unit: modbus.unit, device: device.name.clone(), cells, constants, outputs })
        }
        Protocol::Mqtt(_) | Protocol::Derived => None,
    };
    link.devices.iter().filter_map(|id| unit(*id, site.device(*id))).collect()
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

fn signal(site: &Site, point: &Point) -> SignalRef {
    SignalRef {
        hazard: point.hazard.map(|id| site.hazard(id).name.clone()),
        device: site.device(point.device).name.clone(),
        point: point.name.clone(),
        role: point.role.clone(),
        range: point.range.map(|range| (range.low, range.high)),
    }
}
