//! The whole chain from outside: the real `hazgate` program in processes of its own, a simulated plant on real sockets, a broker, and
//! a subscriber that knows nothing but the public contract.

mod commands;
mod errors;
mod flood;
mod hazards;
mod kill;
mod outputs;
mod probe;
mod replay;
mod replay_sources;
mod rig;
mod schemas;
mod serial;
mod simulate;
mod store;
