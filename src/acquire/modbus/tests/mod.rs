//! Tests of whole Modbus links, against devices that do what a script says.

mod bus;
mod fair;
mod guard;
mod link;
mod poll;
mod probe;
mod rates;
mod recipe;
mod serial;
mod server;
mod tls;
