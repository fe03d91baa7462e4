//! Tests of MQTT links: payloads and publishers alone, the listener in virtual time, and whole links with a broker.

#[cfg(feature = "broker")]
mod link;
mod listener;
mod payload;
mod reference;
mod source;
mod tls;
