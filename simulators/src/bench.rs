//! What to serve, as plain data: a caller translates its own description of devices into this, and need not know how
//! a plant is simulated.

use std::time::Duration;

/// Devices in front of a simulated plant.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bench {
    /// Units of risk; each has a process model.
    pub hazards: Vec<HazardSpec>,
    /// Modbus servers.
    pub links: Vec<LinkSpec>,
    /// MQTT publishers.
    pub publishers: Vec<PublisherSpec>,
    /// Sparkplug B edge nodes.
    pub edges: Vec<EdgeSpec>,
}

/// A unit of risk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HazardSpec {
    /// Its id, which signals and scenarios name.
    pub id: String,
    /// Which process it is.
    pub kind: HazardKind,
}

/// Kinds of process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HazardKind {
    /// A tank with gas detectors around it.
    TankFarm,
    /// A dry dust collector.
    Dust,
    /// A deep-well casting line.
    Casting,
    /// Power feeders, one for each device.
    Power,
    /// Nothing that a model knows.
    Other,
}

/// One listening socket, or one serial line.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkSpec {
    /// Where it listens, `host:port`; port 0 takes a free one. Of a serial line the path of its port.
    pub listen: String,
    /// The setting of the line, if it is one: then frames are RTU.
    pub line: Option<LineSpec>,
    /// How frames are wrapped in a socket.
    pub framing: Framing,
    /// Who answers there; unit ids differ.
    pub units: Vec<UnitSpec>,
}

/// How a serial line is set; characters have eight data bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LineSpec {
    /// Bits per second.
    pub baud: u32,
    /// The parity bit.
    pub parity: Parity,
    /// 1 or 2.
    pub stop_bits: u8,
}

/// The parity bit of a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Parity {
    /// There is none.
    None,
    /// Even.
    Even,
    /// Odd.
    Odd,
}

/// How Modbus frames are wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Framing {
    /// Modbus TCP: an unknown unit is answered by exception 0x0B, as gateways do.
    Tcp,
    /// RTU frames in a TCP stream, a serial bus behind a converter: an unknown unit is silence.
    RtuOverTcp,
}

/// One Modbus unit.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitSpec {
    /// Its id.
    pub unit: u8,
    /// The device's name, which scenarios name.
    pub device: String,
    /// Its registers and bits.
    pub cells: Vec<Cell>,
    /// Registers that always say the same, such as a ratio or a status; they stand over cells at the same address.
    pub constants: Vec<Constant>,
    /// What a master may write; everything else may only be read. A cell at the same place shows what was written.
    pub outputs: Vec<OutputCell>,
}

/// A coil, or registers, that a master may write. It holds what was written last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputCell {
    /// Which table: coils or holding registers.
    pub table: Table,
    /// Protocol address of its coil or first register, 0-based.
    pub address: u16,
    /// What it holds at first; for a coil one word, 0 or 1.
    pub start: Vec<u16>,
}

/// A register that always says the same.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Constant {
    /// Which table.
    pub table: Table,
    /// Protocol address of its first register or bit, 0-based.
    pub address: u16,
    /// How it is written there.
    pub encoding: Encoding,
    /// Order of bytes and words.
    pub order: ByteOrder,
    /// What it says.
    pub number: f64,
}

/// One value in a unit's registers. Several may share a register by [`Encoding::BitOf`].
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Which table.
    pub table: Table,
    /// Protocol address of its first register or bit, 0-based.
    pub address: u16,
    /// How it is written there.
    pub encoding: Encoding,
    /// Order of bytes and words.
    pub order: ByteOrder,
    /// Value = raw × scale + offset; finite, not 0.
    pub scale: f64,
    /// See `scale`; finite.
    pub offset: f64,
    /// The only numbers that it says; empty for any.
    pub codes: Vec<f64>,
    /// The number that it says when its sensor is broken; none for what its encoding allows: the sign bit alone,
    /// not-a-number, digits that are none, no characters.
    pub broken: Option<f64>,
    /// What it shows.
    pub signal: SignalRef,
}

/// The four Modbus tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Table {
    /// Function 1.
    Coil,
    /// Function 2.
    Discrete,
    /// Function 3.
    Holding,
    /// Function 4.
    Input,
}

/// How a value is written in registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// One coil or discrete input.
    Bit,
    /// One bit of a register, 0 (least significant) to 15.
    BitOf(u8),
    /// One register, unsigned.
    U16,
    /// One register, two's complement.
    I16,
    /// Two registers, unsigned.
    U32,
    /// Two registers, two's complement.
    I32,
    /// Four registers, unsigned.
    U64,
    /// Four registers, two's complement.
    I64,
    /// Two registers, IEEE 754 single.
    F32,
    /// Four registers, IEEE 754 double.
    F64,
    /// One register, four decimal digits of four bits each.
    Bcd16,
    /// Two registers, eight decimal digits of four bits each.
    Bcd32,
    /// So many registers, 1 to 32, two ASCII characters each, filled up with spaces.
    Ascii(u8),
}

impl Encoding {
    /// Registers (or bits, for [`Encoding::Bit`]) that it takes.
    pub const fn width(self) -> u16 {
        match self {
            Self::Bit | Self::BitOf(_) | Self::U16 | Self::I16 | Self::Bcd16 => 1,
            Self::U32 | Self::I32 | Self::F32 | Self::Bcd32 => 2,
            Self::U64 | Self::I64 | Self::F64 => 4,
            Self::Ascii(registers) => registers as u16,
        }
    }

    /// Whether it holds a switch, not a number.
    pub(crate) const fn is_switch(self) -> bool {
        matches!(self, Self::Bit | Self::BitOf(_))
    }
}

/// Order of the bytes of a value, as vendors write it: `ABCD` is high word first, high byte first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ByteOrder {
    /// High word first, high byte first: Modbus's own.
    #[default]
    Abcd,
    /// Low word first, high byte first.
    Cdab,
    /// High word first, low byte first.
    Badc,
    /// Low word first, low byte first.
    Dcba,
}

/// Which signal of the plant a register or a field shows.
///
/// The hazard's model is asked for the role; then, for the electrical roles, a feeder of the device's own; a signal
/// without a role, or with one that no model knows, is a slow wave in the middle of its range.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SignalRef {
    /// The hazard that it belongs to; one of [`Bench::hazards`].
    pub hazard: Option<String>,
    /// The device that carries it.
    pub device: String,
    /// What it means, such as `level` or `fan_power`.
    pub role: Option<String>,
    /// Lowest and highest value; `low < high`. The range of a `power` or `current_a` signal is its feeder's rating.
    pub range: Option<(f64, f64)>,
    /// The point's id, which scenarios name; the same id is the same signal wherever it stands.
    pub point: String,
}

/// A device that publishes messages on MQTT.
#[derive(Debug, Clone, PartialEq)]
pub struct PublisherSpec {
    /// `host:port` of its broker.
    pub broker: String,
    /// Where it publishes; a topic, not a filter.
    pub topic: String,
    /// The device's name, which scenarios name.
    pub device: String,
    /// From one message to the next, in wall time; at least 10 ms.
    pub period: Duration,
    /// User name.
    pub username: Option<String>,
    /// Password.
    pub password: Option<String>,
    /// How a message is written.
    pub form: Form,
    /// What a message holds.
    pub fields: Vec<Field>,
}

/// A Sparkplug B edge node, in whose one session everything behind it speaks.
#[derive(Debug, Clone, PartialEq)]
pub struct EdgeSpec {
    /// `host:port` of its broker.
    pub broker: String,
    /// User name.
    pub username: Option<String>,
    /// Password.
    pub password: Option<String>,
    /// Its group.
    pub group: String,
    /// Its own name.
    pub node: String,
    /// From one round of messages to the next, in wall time; at least 10 ms.
    pub period: Duration,
    /// Who speaks through it.
    pub devices: Vec<EdgeDevice>,
}

/// A device behind an edge node, or the node itself.
#[derive(Debug, Clone, PartialEq)]
pub struct EdgeDevice {
    /// The device's name, which scenarios name.
    pub device: String,
    /// Its name behind the node; none for the node itself.
    pub name: Option<String>,
    /// What it says; a field's pointer is its metric's name.
    pub fields: Vec<Field>,
}

/// How the messages of a publisher are written.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Form {
    /// JSON with each field where its pointer says, and nothing else.
    #[default]
    Json,
    /// The same with the time of its values.
    StampedJson {
        /// JSON Pointer to the time, from the root or from the sample.
        pointer: String,
        /// How it is written.
        form: TimeForm,
    },
    /// A list of one sample.
    Samples {
        /// JSON Pointer to the list.
        pointer: String,
        /// How the sample is written.
        sample: Box<Form>,
    },
    /// The first field's value and nothing else. A dead sensor says nothing.
    Plain,
    /// `ThingsBoard`'s telemetry, `{"ts":…,"values":{…}}`, in which pointers begin at `values`.
    ThingsBoard,
}

/// How a time is written in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeForm {
    /// Seconds since 1970, with milliseconds as decimals.
    Seconds,
    /// Milliseconds since 1970.
    Milliseconds,
    /// Microseconds since 1970.
    Microseconds,
    /// RFC 3339 in UTC.
    Rfc3339,
    /// `yyyy-MM-dd HH:mm:ss` on clocks that are so many seconds ahead of UTC.
    Local {
        /// How far ahead.
        ahead_s: i32,
    },
}

/// One value in a message.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// JSON Pointer (RFC 6901) to build; empty for the whole payload. Every level is an object, but `[key=value]` is the item
    /// of a list that says so of itself.
    pub pointer: String,
    /// Value = raw × scale + offset; finite, not 0.
    pub scale: f64,
    /// See `scale`; finite.
    pub offset: f64,
    /// The only numbers that it says; empty for any.
    pub codes: Vec<f64>,
    /// What it shows.
    pub signal: SignalRef,
}

impl Bench {
    /// Every signal that the bench shows, with whether it is shown as a switch.
    pub(crate) fn signals(&self) -> impl Iterator<Item = (&SignalRef, bool)> {
        let cells = self.links.iter().flat_map(|link| &link.units).flat_map(|unit| &unit.cells);
        let edges = self.edges.iter().flat_map(|edge| &edge.devices).flat_map(|device| &device.fields);
        let fields = self.publishers.iter().flat_map(|publisher| &publisher.fields).chain(edges);
        cells
            .map(|cell| (&cell.signal, cell.encoding.is_switch()))
            .chain(fields.map(|field| (&field.signal, false)))
    }

    /// Names of every device, served or publishing.
    pub(crate) fn devices(&self) -> impl Iterator<Item = &str> {
        let units = self.links.iter().flat_map(|link| &link.units).map(|unit| unit.device.as_str());
        let edges = self.edges.iter().flat_map(|edge| &edge.devices).map(|device| device.device.as_str());
        units.chain(self.publishers.iter().map(|publisher| publisher.device.as_str())).chain(edges)
    }
}
