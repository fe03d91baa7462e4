//! Hazgate, the risk-monitoring gateway for high-hazard sites.
//!
//! One direction of flow, one owner for each piece of state:
//!
//! ```text
//! acquire ──readings──▶ engine ──transitions, readings──▶ store ──▶ forward (MQTT, InfluxDB)
//!                         ▲                                 └────▶ console (HTTP, SSE)
//!                         └── commands: operator, centre
//! ```
//!
//! `ARCHITECTURE.md` names the rooms and what may touch what; `tests/tidy.rs` holds the code to it.

pub mod acquire;
#[cfg(feature = "broker")]
pub mod broker;
pub mod clock;
pub mod console;
mod core_loop;
pub mod engine;
pub mod forward;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod gateway;
pub mod inbox;
pub mod measures;
pub mod model;
pub mod recorded;
pub mod report;
pub mod site;
mod sparkplug;
pub mod store;
pub mod supervise;
mod timekeeping;
pub mod tls;
mod words;
