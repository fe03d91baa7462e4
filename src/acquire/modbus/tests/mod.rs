//! Tests of whole Modbus links, against devices that do what a script says.

mod bus;
mod dial_in;
mod fair;
mod guard;
mod link;
mod outputs;
mod poll;
mod probe;
mod rates;
mod recipe;
mod serial;
mod server;
mod templates;
mod tls;
