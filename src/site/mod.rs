//! The site file: a raw twin of the TOML, checked whole into an immutable [`Site`] that cannot be wrong.
//!
//! ```text
//! text ──structure──▶ raw twin ──check──▶ Site
//!          │                       │
//!          └── unknown keys,       └── names, addresses, limits,     all of them at once,
//!              types, bounds           secrets, counts               each with file:line:column
//! ```

mod addresses;
mod bound;
mod calendar;
mod check;
mod clock_period;
mod dates;
mod defaults;
mod derived;
mod dial_in;
mod env;
mod expression;
mod feeder;
mod files;
mod layers;
mod library;
mod load;
mod mask;
mod mistake;
mod model;
mod output;
mod part;
mod publisher;
mod raw;
mod redirect;
mod reference;
mod repair;
mod rule;
mod schedule;
mod secret;
mod secrets;
mod shape;
mod signal;
mod source;
mod structure;
mod suggest;
mod uplink;
mod values;

use std::path::Path;

pub use calendar::{Calendar, Question, Stop, Work};
pub use check::energy_unit;
pub use clock_period::{ClockPeriod, ClockSpan, Shifts};
pub use dates::Days;
pub use derived::{
    Aspect, Baseline, Clocked, Figure, Formula, Function, Gauge, Joint, JointFigure, PRODUCTION_BOUNDS,
    PRODUCTION_RUNNING, Production, Stuck, Which, Window,
};
pub use dial_in::{DialIn, Framing, Packet};
pub use env::{Environment, ProcessEnvironment};
pub use expression::{Condition, Number, Relation};
pub use feeder::{Feeder, FeederFigure, FeederRole};
pub use mistake::{Mistake, Mistakes};
pub use model::{
    Broker, BrokerOptions, ConsoleOptions, Device, Hazard, HazardKind, Identity, Keep, LeftOut, Link,
    LinkKind, ModbusDevice, Parity, Point, Protocol, Range, SerialLine, Site, Source, StoreOptions,
    TlsTarget,
};
pub use output::{Call, OutputSpec, Target, Until, Values};
pub use publisher::{Edge, Format, MqttDevice, TimeAt, TimeForm, Will};
pub use reference::reference;
pub use rule::{AlarmOptions, Binding, ConditionRule, Handling, Limit, Limits, Rule, RuleKind};
pub use schedule::{Schedule, Time, WeekSpan};
pub use secret::Secret;
pub use signal::{
    ByteOrder, Code, Conversion, Encoding, Extract, Line, Qualifier, Ratio, RatioKind, Register, Signal,
    Span, Table, When,
};
pub use uplink::{Forwarder, ForwarderKind, InfluxTarget, MqttTarget, MqttVersion, Profile, SparkplugNode};

pub use crate::tls::TlsOptions;

#[cfg(test)]
mod tests;

/// Loads and checks the site of a file, with everything that it draws in: includes, templates and packs beside it,
/// secrets, and the variables `HAZGATE__…` of `env` over it.
pub fn load(path: &Path, env: &dyn Environment) -> Result<Site, Mistakes> {
    load::load(path, env)
}

/// Checks the site of a text that stands in no file, such as the built-in demo; `name` is what mistakes in it are
/// shown under. Such a site can't include or read files.
pub fn parse(name: &str, text: &str, env: &dyn Environment) -> Result<Site, Mistakes> {
    load::parse(name, text, env)
}

/// The JSON Schema (draft 2020-12) of the site file, for editors.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(raw::RawSite).to_value();
    shape::drop_null(&mut schema);
    schema
}
