//! Simulated plants: process models that obey physics, faults that can be injected and cleared, and the devices in
//! front of them, served over real sockets in real protocols.
//!
//! The crate knows nothing of who reads its devices. A caller describes devices, registers and messages as plain
//! data ([`Bench`]); the models behind them are chosen by the kind of hazard and by each signal's role.
//!
//! Two layers, and the first needs no socket, no clock and no runtime:
//!
//! - [`Simulation`] is pure: a [`Plant`] (models, sensors, faults) and the [`Scenario`] that is played on it. It
//!   moves only when told by how much, so the same seed gives the same values, and a day can be run in seconds.
//! - [`RunningBench`] moves a simulation by the wall clock, keeps the register images of Modbus servers (TCP, RTU over TCP, RTU
//!   on a serial line) up to date with it, and publishes messages to a broker.
//!
//! Beside them stands the [`FaultProxy`]: between any client and any server it spoils answers and connections on demand.
//!
//! ```no_run
//! # async fn demo(bench: simulators::Bench) -> Result<(), simulators::BenchError> {
//! use simulators::{Scenario, StartOptions};
//!
//! let options = StartOptions { scenario: Some(Scenario::demo()), ..StartOptions::default() };
//! let mut running = bench.start(options).await?;
//! println!("first link at {:?}", running.link_address(0));
//! running.start_publishers(None);
//! running.stop().await;
//! # Ok(())
//! # }
//! ```

mod bench;
mod connection;
mod edge;
mod encode;
mod error;
mod fault;
mod image;
mod limits;
mod models;
mod noise;
mod payload;
mod plant;
mod proxy;
mod publisher;
mod running;
mod scenario;
mod sensor;
mod server;
mod shared;
mod simulation;
mod story;
mod wall;

pub use bench::{
    Bench, ByteOrder, Cell, Constant, EdgeDevice, EdgeSpec, Encoding, Field, Form, Framing, HazardKind,
    HazardSpec, LineSpec, LinkSpec, OutputCell, Parity, PublisherSpec, SignalRef, Table, TimeForm, UnitSpec,
};
pub use error::{BenchError, FaultError, Mistake, ScenarioError};
pub use fault::{DeviceFault, FaultCommand, ProcessFault, SensorFault, Target};
pub use plant::{Plant, SignalId};
pub use proxy::{FaultProxy, ProxyCounts, ProxyFault};
pub use running::{RunningBench, StartOptions};
pub use scenario::{Action, Say, Scenario, Step};
pub use simulation::Simulation;
pub use story::StoryLine;
