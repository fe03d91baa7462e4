//! The site file: a raw twin of the TOML, checked whole into an immutable [`Site`] that cannot be wrong.

mod model;
mod secret;

pub use model::{
    Broker, BrokerOptions, ByteOrder, ConsoleOptions, Device, Encoding, Extract, Forwarder, ForwarderKind,
    Hazard, HazardKind, Identity, InfluxTarget, Limit, Limits, Link, LinkKind, ModbusDevice, MqttDevice,
    Point, Protocol, Range, Register, Rule, RuleKind, Site, Source, StoreOptions, Table,
};
pub use secret::Secret;
