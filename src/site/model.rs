//! The checked site: immutable, complete, and impossible to get wrong. Every id in it points at something; every
//! limit is in order; every address fits. The engine, the links and the forwarders read it and never check it again.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::calendar::Calendar;
use super::defaults;
use super::derived::{Formula, PRODUCTION_CODES, Stuck};
use super::dial_in::DialIn;
use super::feeder::Feeder;
use super::output::OutputSpec;
use super::publisher::MqttDevice;
use super::rule::{AlarmOptions, Rule};
use super::secret::Secret;
use super::signal::{Code, Extract, Signal};
use super::uplink::Forwarder;
use crate::model::{
    AlarmId, DeviceId, FeederId, ForwarderId, HazardId, LinkId, OutputId, PointId, Text, Value,
};
use crate::tls::TlsOptions;

/// What one gateway watches, and how.
#[derive(Debug, Clone)]
pub struct Site {
    /// Who it is.
    pub identity: Identity,
    /// Hex SHA-256 over the site file and everything that it draws in: changes when the configuration does.
    pub hash: String,
    /// Units of risk.
    pub hazards: Vec<Hazard>,
    /// What answers or publishes. Sorted as in the file.
    pub devices: Vec<Device>,
    /// Connections to devices, each owned by one task.
    pub links: Vec<Link>,
    /// Signals.
    pub points: Vec<Point>,
    /// Derived points, each after those that it is worked out from.
    pub derived: Vec<PointId>,
    /// The power tree: each feeder behind the one that it is fed from, the incomer first.
    pub feeders: Vec<Feeder>,
    /// Rules, written or automatic; each is the one owner of the alarm of its name.
    pub rules: Vec<Rule>,
    /// When the site works, and when it has said that it does not.
    pub calendar: Calendar,
    /// What rule packs could not make for want of a signal.
    pub left_out: Vec<LeftOut>,
    /// What the site asks of its people.
    pub alarms: AlarmOptions,
    /// What may be written.
    pub outputs: Vec<OutputSpec>,
    /// Destinations.
    pub forwarders: Vec<Forwarder>,
    /// The database.
    pub store: StoreOptions,
    /// The console; none where it is switched off.
    pub console: Option<ConsoleOptions>,
    /// The embedded broker; none where it is not asked for.
    pub broker: Option<BrokerOptions>,
}

/// A rule or derived point of a pack that was not made, because no point has a role that it rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The pack.
    pub pack: String,
    /// What it would have been called.
    pub rule: String,
    /// The names in the pack for which there is no point; not empty.
    pub lacks: Vec<String>,
}

/// Who the gateway is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The enterprise's id: one MQTT topic level.
    pub enterprise: String,
    /// The gateway's id: one MQTT topic level, unique within the enterprise.
    pub gateway: String,
    /// The site's name.
    pub name: Text,
    /// The site's time zone, for stamps.
    pub zone: TimeZone,
}

/// A unit of risk: a tank farm, a dust-removal system, a casting line, a power feeder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hazard {
    /// Its id.
    pub name: String,
    /// What kind it is.
    pub kind: HazardKind,
    /// What people call it.
    pub title: Text,
}

/// Kinds of hazard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HazardKind {
    /// 危化品重大危险源: a tank farm or another major hazard source of chemicals.
    TankFarm,
    /// 粉尘涉爆: a dust-removal system.
    Dust,
    /// 铝加工（深井铸造）: a casting line.
    Casting,
    /// 电力监测: power feeders.
    Power,
    /// Anything else.
    Other,
}

/// What answers on Modbus or publishes on MQTT.
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    /// Its id: one MQTT topic level.
    pub name: String,
    /// What people call it.
    pub title: Text,
    /// The hazard that it serves.
    pub hazard: Option<HazardId>,
    /// How it is reached.
    pub protocol: Protocol,
    /// Its points.
    pub points: Vec<PointId>,
}

/// How a device is reached.
#[derive(Debug, Clone, PartialEq)]
pub enum Protocol {
    /// A Modbus unit that is polled.
    Modbus(ModbusDevice),
    /// A publisher that is listened to.
    Mqtt(MqttDevice),
    /// The gateway itself, which works derived points out. At most one; it has no link and is never lost.
    Derived,
}

/// A Modbus unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModbusDevice {
    /// Unit id, 0–255 on TCP, 1–247 on a bus.
    pub unit: u8,
    /// From one poll to the next, of points that have no interval of their own.
    pub poll: Duration,
    /// Least time from the end of an answer to the next question on its link.
    pub pause: Duration,
    /// Longest wait for one answer.
    pub timeout: Duration,
    /// Registers that one request may ask for, 1–125.
    pub registers_max: u16,
    /// Unwanted registers that one request may bridge, 0–124.
    pub gap_max: u16,
}

/// One connection, and the devices behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// How to connect.
    pub kind: LinkKind,
    /// Who is behind it; at least one.
    pub devices: Vec<DeviceId>,
}

impl Link {
    /// Where it leads, as people know it: the address, the port, or what the far end says when it dials in.
    pub fn title(&self) -> String {
        match &self.kind {
            LinkKind::ModbusTcp(address) | LinkKind::ModbusRtuOverTcp(address) => address.clone(),
            LinkKind::ModbusTls(target) => target.address.clone(),
            LinkKind::ModbusSerial(line) => line.port.clone(),
            LinkKind::ModbusDialIn(dial_in) => format!("{} {}", dial_in.listen, dial_in.registration),
            LinkKind::Mqtt(broker) => broker.address.clone(),
        }
    }
}

/// How to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkKind {
    /// Modbus TCP to `host:port`.
    ModbusTcp(String),
    /// Modbus RTU frames over TCP to `host:port`.
    ModbusRtuOverTcp(String),
    /// Modbus TCP through TLS to `host:port`.
    ModbusTls(TlsTarget),
    /// Modbus RTU on a serial line.
    ModbusSerial(SerialLine),
    /// Modbus over a connection that the far end makes.
    ModbusDialIn(DialIn),
    /// A broker that devices publish to.
    Mqtt(Broker),
}

/// An encrypted far end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsTarget {
    /// `host:port`.
    pub address: String,
    /// How to encrypt, and whom to trust.
    pub tls: TlsOptions,
}

/// A serial line and its settings; characters have eight data bits, as Modbus RTU asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SerialLine {
    /// The port, such as `/dev/ttyS1`.
    pub port: String,
    /// Bits per second.
    pub baud: u32,
    /// The parity bit.
    pub parity: Parity,
    /// 1 or 2.
    pub stop_bits: u8,
}

/// The parity bit of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parity {
    /// There is none.
    None,
    /// Even.
    Even,
    /// Odd.
    Odd,
}

impl SerialLine {
    /// The line at this port, set as the site file's defaults are.
    pub fn at(port: impl Into<String>) -> Self {
        let (baud, stop_bits) = (defaults::BAUD, defaults::STOP_BITS);
        Self { port: port.into(), baud, parity: Parity::None, stop_bits }
    }

    /// How long one character takes.
    pub fn character(&self) -> Duration {
        let bits = 9 + u32::from(self.parity != Parity::None) + u32::from(self.stop_bits);
        Duration::from_secs(1) * bits / self.baud.max(1)
    }

    /// The silence that stands between two frames: 3.5 characters, and 1.75 ms above 19,200 baud (Modbus over Serial
    /// Line V1.02, §2.5.1.1).
    pub fn silence(&self) -> Duration {
        if self.baud > 19_200 { Duration::from_micros(1750) } else { self.character() * 7 / 2 }
    }
}

impl fmt::Display for SerialLine {
    /// Such as `9600 8N1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parity = match self.parity {
            Parity::None => 'N',
            Parity::Even => 'E',
            Parity::Odd => 'O',
        };
        write!(f, "{} 8{parity}{}", self.baud, self.stop_bits)
    }
}

/// A broker to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// `host:port`.
    pub address: String,
    /// User name.
    pub username: Option<String>,
    /// Password.
    pub password: Option<Secret>,
    /// How to encrypt the connection; none where it is in the clear.
    pub tls: Option<TlsOptions>,
}

impl Broker {
    /// A broker that takes anyone, in the clear.
    pub fn open(address: impl Into<String>) -> Self {
        Self { address: address.into(), username: None, password: None, tls: None }
    }
}

/// One signal.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// `device.signal`.
    pub name: String,
    /// What people call it.
    pub title: Text,
    /// Where it comes from.
    pub device: DeviceId,
    /// The hazard that it belongs to: its own, or its device's.
    pub hazard: Option<HazardId>,
    /// Engineering unit, empty if it has none.
    pub unit: String,
    /// Decimal places to show.
    pub decimals: u8,
    /// What the instrument can measure; a value outside is uncertain.
    pub range: Option<Range>,
    /// What the signal means to process models and packs, such as `level` or `fan_power`.
    pub role: Option<String>,
    /// Where its value stands.
    pub source: Source,
    /// From one poll to the next, if not its device's.
    pub poll: Option<Duration>,
    /// Age after which it is stale; of no matter for derived points.
    pub max_age: Duration,
    /// When a value that does not move is in doubt.
    pub stuck: Option<Stuck>,
    /// Which readings are kept and sent; none for all.
    pub keep: Option<Keep>,
}

/// A closed interval; `low < high`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Where a point's value stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// In registers.
    Modbus(Signal),
    /// In a message.
    Mqtt(Extract),
    /// Nowhere: it is worked out from other points.
    Derived(Formula),
}

/// The database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreOptions {
    /// The directory that holds it.
    pub directory: PathBuf,
    /// Bytes that telemetry may take; at the bound the oldest goes first.
    pub telemetry_bytes_max: u64,
    /// How old telemetry may become, by the wall clock; what is older goes.
    pub telemetry_age_max: Option<Duration>,
}

/// Which readings of a point are kept and sent: those that tell something new, and one now and then.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Keep {
    /// By how much a value may differ from the last that was kept and tell nothing new; in the point's unit, not negative.
    pub deadband: f64,
    /// A reading is kept when the last is so long ago; not zero.
    pub at_least: Duration,
}

/// The console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleOptions {
    /// Where it listens; loopback.
    pub listen: SocketAddr,
}

/// The embedded broker, for the demo and for small sites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerOptions {
    /// Where it listens; loopback.
    pub listen: SocketAddr,
}

impl Point {
    /// The codes that it may say, and what people call them; none for a measurement.
    pub fn codes(&self) -> &[Code] {
        match &self.source {
            Source::Modbus(signal) => &signal.conversion.codes,
            Source::Mqtt(extract) => &extract.conversion.codes,
            Source::Derived(Formula::Production(_)) => &PRODUCTION_CODES,
            Source::Derived(_) => &[],
        }
    }

    /// What people call this value, if it is a code that they have a name for.
    pub fn label(&self, value: Value) -> Option<&Text> {
        let number = match value {
            Value::Bool(on) => i64::from(on),
            Value::Int(number) => number,
            Value::Float(_) => return None,
        };
        self.codes().iter().find(|code| code.code == number).map(|code| &code.label)
    }
}

impl Site {
    /// The point with this id.
    pub fn point(&self, id: PointId) -> &Point {
        &self.points[id.index()]
    }

    /// The device with this id.
    pub fn device(&self, id: DeviceId) -> &Device {
        &self.devices[id.index()]
    }

    /// The link with this id.
    pub fn link(&self, id: LinkId) -> &Link {
        &self.links[id.index()]
    }

    /// The hazard with this id.
    pub fn hazard(&self, id: HazardId) -> &Hazard {
        &self.hazards[id.index()]
    }

    /// The feeder with this id.
    pub fn feeder(&self, id: FeederId) -> &Feeder {
        &self.feeders[id.index()]
    }

    /// The rule of this alarm.
    pub fn rule(&self, id: AlarmId) -> &Rule {
        &self.rules[id.index()]
    }

    /// The output with this id.
    pub fn output(&self, id: OutputId) -> &OutputSpec {
        &self.outputs[id.index()]
    }

    /// The destination with this id.
    pub fn forwarder(&self, id: ForwarderId) -> &Forwarder {
        &self.forwarders[id.index()]
    }
}
