//! What an edge node is told: to say again what it has, and whether its primary host is there. Nothing else is taken: the
//! gateway is read-only here.

use prost::bytes::Bytes;
use serde::Deserialize;

use crate::model::limits::{MQTT_PAYLOAD_BYTES_MAX, SPARKPLUG_METRICS_MAX};
use crate::sparkplug::{Metric, Number, Payload, REBIRTH, decode};

/// Whether a command asks for another birth; or why it can't be understood.
pub(crate) fn asks_for_birth(payload: &[u8]) -> Result<bool, String> {
    if payload.len() > MQTT_PAYLOAD_BYTES_MAX {
        return Err(format!(
            "a command has at most {MQTT_PAYLOAD_BYTES_MAX} bytes; this one has {}",
            payload.len()
        ));
    }
    let unread = |at: usize| format!("not a Sparkplug B payload from byte {at} on");
    let payload: Payload = decode(Bytes::copy_from_slice(payload)).map_err(unread)?;
    if payload.metrics.len() > SPARKPLUG_METRICS_MAX {
        return Err(format!("more than {SPARKPLUG_METRICS_MAX} metrics"));
    }
    for metric in payload.metrics {
        let metric: Metric = decode(metric).map_err(|_| "a metric that is none".to_owned())?;
        if metric.name.as_deref() == Some(REBIRTH) {
            return Ok(metric.value == Some(Number::Boolean(true)));
        }
    }
    Ok(false)
}

/// What a primary host says of itself (Sparkplug 3.0, 5.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct Host {
    pub(crate) online: bool,
    /// Milliseconds since 1970.
    pub(crate) timestamp: i64,
}

/// What it says, if that can be understood and is not older than what it said last.
pub(crate) fn host(payload: &[u8], last: Option<Host>) -> Option<Host> {
    let host: Host = serde_json::from_slice(payload).ok()?;
    last.is_none_or(|last| last.timestamp <= host.timestamp).then_some(host)
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    fn command(name: &str, on: bool) -> Vec<u8> {
        let metric =
            Metric { name: Some(name.to_owned()), value: Some(Number::Boolean(on)), ..Metric::default() };
        Payload::of([metric], 7, None).encode_to_vec()
    }

    #[test]
    fn a_birth_is_asked_for_by_the_metric_that_the_standard_names_and_by_nothing_else() {
        assert_eq!(asks_for_birth(&command(REBIRTH, true)), Ok(true));
        assert_eq!(asks_for_birth(&command(REBIRTH, false)), Ok(false));
        assert_eq!(asks_for_birth(&command("Node Control/Reboot", true)), Ok(false));
        assert!(asks_for_birth(b"{\"v\":1}").is_err());
        assert!(asks_for_birth(&vec![0; MQTT_PAYLOAD_BYTES_MAX + 1]).is_err());
    }

    #[test]
    fn what_a_host_said_earlier_does_not_count_when_it_comes_later() {
        let online = host(br#"{"online":true,"timestamp":9}"#, None).unwrap();
        assert!(online.online);
        assert_eq!(host(br#"{"online":false,"timestamp":8}"#, Some(online)), None);
        assert!(!host(br#"{"online":false,"timestamp":9}"#, Some(online)).unwrap().online);
        assert_eq!(host(b"OFFLINE", Some(online)), None);
    }
}
