//! What the store promises, by kind of claim.

mod limits;
mod outside;
mod recovery;
mod time;
mod writing;

use crate::site::{ForwarderKind, InfluxTarget};

/// A destination that nobody connects to.
fn anywhere() -> ForwarderKind {
    ForwarderKind::Influx(InfluxTarget {
        url: "http://127.0.0.1:9".to_owned(),
        org: "o".to_owned(),
        bucket: "b".to_owned(),
        token: None,
    })
}
