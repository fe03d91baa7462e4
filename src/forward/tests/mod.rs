//! What the forwarders promise: the queue against a model, the line protocol against a reader of its own, the rest against
//! servers: the embedded broker, a scripted one, a scripted database.

mod contract;
mod database;
mod delivery;
mod fake_broker;
mod faults;
mod lines;
mod outbox;
mod plant;
mod queue;
mod refusals;
mod reports;
mod sparkplug;
mod standby;
mod tls;
