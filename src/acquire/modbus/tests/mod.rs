//! Tests of whole Modbus links, against devices that do what a script says.

mod bus;
mod guard;
mod link;
mod poll;
mod probe;
mod recipe;
mod server;
mod tls;
