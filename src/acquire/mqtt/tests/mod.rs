//! Tests of MQTT links: the listener alone, and whole links with a broker.

#[cfg(feature = "broker")]
mod link;
mod listener;
