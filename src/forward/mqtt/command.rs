//! Commands from the centre: what a payload asks for, or one clear sentence on why it cannot be understood.

use std::time::Duration;

use serde_json::Value as Json;

use crate::forward::contract::{CommandKind, CommandMessage};
use crate::model::limits::{
    MQTT_PAYLOAD_BYTES_MAX, OPERATOR_NAME_CHARS_MAX, OPERATOR_REASON_CHARS_MAX, OUTPUT_COMMAND_MAX,
};
use crate::model::{Action, Command, Scope, Stamp, Wall};
use crate::words;

/// Characters of a command's id, and of an alarm's or an output's name.
const ID_CHARS_MAX: usize = 64;
const ALARM_CHARS_MAX: usize = 256;

/// What a centre wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    /// For the engine.
    Command(Command),
    /// For the engine, if it is fresh; when it was given, if that is said.
    Momentary(Command, Option<Stamp>),
    /// The retained state again.
    Snapshot,
    /// Events again: the first, and the last if it is not the newest.
    Resend(u64, Option<u64>),
}

/// When a command came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    pub(super) at: Wall,
    /// How long the connection had been open by then. A broker that kept commands while it was not hands them over at once.
    pub(super) connected_for: Duration,
}

/// Why a command that is meant for a moment must not be carried out any more, if it must not.
pub(super) fn too_late(given: Option<Stamp>, arrival: Arrival) -> Option<String> {
    let seconds = OUTPUT_COMMAND_MAX.as_secs();
    match given {
        None if arrival.connected_for < OUTPUT_COMMAND_MAX => Some(format!(
            "the broker may have kept this command from before the connection, which is not {seconds} s old: \
             say in `at` when it is given, or send it again"
        )),
        None => None,
        Some(given) => {
            let off_ms = arrival.at.0.abs_diff(given.wall.0);
            (u128::from(off_ms) > OUTPUT_COMMAND_MAX.as_millis()).then(|| {
                format!("it was given at {given}, more than {seconds} s from the gateway's time: too late to switch")
            })
        }
    }
}

/// A payload that is no command: its id if it has one, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) id: Option<String>,
    pub(super) why: String,
}

/// The command in `payload`, with its id. `retained` says that the broker kept it for subscribers to come.
pub(super) fn parse(payload: &[u8], retained: bool) -> Result<(String, Request), Refusal> {
    let unread = |why: String| Refusal { id: None, why };
    if payload.len() > MQTT_PAYLOAD_BYTES_MAX {
        let size = payload.len();
        return Err(unread(format!(
            "a command has at most {MQTT_PAYLOAD_BYTES_MAX} bytes; this one has {size}"
        )));
    }
    let json: Json =
        serde_json::from_slice(payload).map_err(|error| unread(format!("not valid JSON: {error}")))?;
    let id = json.get("id").and_then(Json::as_str).and_then(|id| needed("id", id, ID_CHARS_MAX).ok());
    read(json, retained).map_err(|why| Refusal { id, why })
}

fn read(json: Json, retained: bool) -> Result<(String, Request), String> {
    if !json.is_object() {
        return Err("a command is a JSON object".to_owned());
    }
    match json.get("v") {
        None => return Err("missing field `v`: the version of the contract, 1".to_owned()),
        Some(v) if *v != 1 => return Err(format!("`v` is {v}; only version 1 is understood")),
        Some(_) => {}
    }
    let message: CommandMessage = serde_json::from_value(json).map_err(|error| error.to_string())?;
    if retained {
        return Err("a command must not be retained: it would be carried out at every connection".to_owned());
    }
    let id = needed("id", &message.id, ID_CHARS_MAX)?;
    Ok((id, request(message)?))
}

fn request(message: CommandMessage) -> Result<Request, String> {
    if message.cmd == CommandKind::Snapshot {
        return Ok(Request::Snapshot);
    }
    if message.cmd == CommandKind::Resend {
        return Ok(Request::Resend(present("from", message.from)?, message.to));
    }
    let reason = taken("reason", message.reason.as_deref(), OPERATOR_REASON_CHARS_MAX)?;
    let by = needed("by", &present("by", message.by.clone())?, OPERATOR_NAME_CHARS_MAX)?;
    let (is_momentary, at) = (message.cmd == CommandKind::Switch, message.at);
    let command = Command { action: action(message)?, by, reason };
    Ok(if is_momentary { Request::Momentary(command, at) } else { Request::Command(command) })
}

fn action(message: CommandMessage) -> Result<Action, String> {
    let CommandMessage { cmd, alarm, alarms, hazard, raised_at, seconds, finding, output, on, .. } = message;
    let named = || needed("alarm", &present("alarm", alarm.clone())?, ALARM_CHARS_MAX);
    Ok(match cmd {
        CommandKind::Ack => Action::Acknowledge { alarm: named()?, raised_at },
        CommandKind::AckAll => Action::AcknowledgeAll(match (hazard, alarms) {
            (None, None) => Scope::Site,
            (Some(hazard), None) => Scope::Hazard(needed("hazard", &hazard, ALARM_CHARS_MAX)?),
            (None, Some(alarms)) => Scope::Named(alarms),
            (Some(_), Some(_)) => {
                return Err("`hazard` and `alarms` are both given: say one of them".to_owned());
            }
        }),
        CommandKind::Shelve => {
            let span = Duration::from_secs(present("seconds", seconds)?.into());
            Action::Shelve { alarm: named()?, span }
        }
        CommandKind::Unshelve => Action::Unshelve { alarm: named()? },
        CommandKind::OutOfService => Action::TakeOut { alarm: named()? },
        CommandKind::InService => Action::PutBack { alarm: named()? },
        CommandKind::Reset => Action::Reset { alarm: named()? },
        CommandKind::Dispose => {
            let finding = words::finding(&present("finding", finding)?)
                .map_err(|(field, error)| format!("`{field}` {error}"))?;
            Action::Dispose { alarm: named()?, raised_at, finding }
        }
        CommandKind::StopOrder => {
            let hazard = hazard.map(|hazard| needed("hazard", &hazard, ALARM_CHARS_MAX)).transpose()?;
            Action::OrderStop { hazard, stands: present("on", on)? }
        }
        CommandKind::Switch => {
            let output = needed("output", &present("output", output)?, ALARM_CHARS_MAX)?;
            Action::Switch { output, on: present("on", on)? }
        }
        CommandKind::Snapshot | CommandKind::Resend => {
            return Err("this asks the engine for nothing".to_owned());
        }
    })
}

fn present<T>(field: &str, value: Option<T>) -> Result<T, String> {
    value.ok_or_else(|| format!("missing field `{field}`"))
}

/// What a field that must say something says, by the rule for [`words::line`].
fn needed(field: &str, value: &str, chars_max: usize) -> Result<String, String> {
    words::needed(value, chars_max).map_err(|error| format!("`{field}` {error}"))
}

/// What a field says, if anything.
fn taken(field: &str, value: Option<&str>, chars_max: usize) -> Result<Option<String>, String> {
    let line = words::line(value.unwrap_or_default(), chars_max);
    line.map(|line| line.map(str::to_owned)).map_err(|error| format!("`{field}` {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(payload: &str) -> Refusal {
        parse(payload.as_bytes(), false).unwrap_err()
    }

    #[test]
    fn an_acknowledgement_is_read_whole() {
        let payload = r#"{"v":1,"id":"c-1","cmd":"ack","alarm":"tank1.level","by":"李工","reason":"已派人",
            "raised_at":"2026-11-21T20:15:03.214+08:00"}"#;
        let (id, request) = parse(payload.as_bytes(), false).unwrap();
        assert_eq!(id, "c-1");
        let Request::Command(command) = request else { panic!("{request:?}") };
        assert_eq!((command.by.as_str(), command.reason.as_deref()), ("李工", Some("已派人")));
        let Action::Acknowledge { alarm, raised_at } = command.action else { panic!("{:?}", command.action) };
        assert_eq!(alarm, "tank1.level");
        assert_eq!(raised_at.unwrap().to_string(), "2026-11-21T20:15:03.214+08:00");
    }

    #[test]
    fn an_order_to_stop_is_read_whole() {
        let payload = r#"{"v":1,"id":"c-3","cmd":"stop_order","hazard":"line1","on":true,"by":"应急局","reason":"停产整改"}"#;
        let (_, request) = parse(payload.as_bytes(), false).unwrap();
        let action = Action::OrderStop { hazard: Some("line1".to_owned()), stands: true };
        let command = Command { action, by: "应急局".to_owned(), reason: Some("停产整改".to_owned()) };
        assert_eq!(request, Request::Command(command));
        let refused = refusal(r#"{"v":1,"id":"c-4","cmd":"stop_order","hazard":"line1","by":"应急局"}"#);
        assert_eq!(refused.why, "missing field `on`");
    }

    #[test]
    fn an_order_to_switch_is_read_whole() {
        let payload =
            r#"{"v":1,"id":"c-2","cmd":"switch","output":"siren1","on":false,"by":"李工","reason":"误报"}"#;
        let (_, request) = parse(payload.as_bytes(), false).unwrap();
        let action = Action::Switch { output: "siren1".to_owned(), on: false };
        let command = Command { action, by: "李工".to_owned(), reason: Some("误报".to_owned()) };
        assert_eq!(request, Request::Momentary(command, None));
    }

    #[test]
    fn p6_an_order_to_switch_that_may_be_old_is_refused() {
        let arrival = |seconds| Arrival { at: Wall(1_000_000), connected_for: Duration::from_secs(seconds) };
        let given = |ms| Some(Wall(ms).stamp(&jiff::tz::TimeZone::UTC));
        assert!(too_late(None, arrival(9)).unwrap().contains("`at`"), "it may have waited at the broker");
        assert_eq!(too_late(None, arrival(10)), None);
        assert_eq!(too_late(given(990_000), arrival(0)), None);
        assert!(too_late(given(989_999), arrival(60)).unwrap().contains("too late"));
        assert!(too_late(given(1_010_001), arrival(60)).is_some(), "a clock that is ahead proves nothing");
    }

    #[test]
    fn blanks_around_a_field_are_no_part_of_it_and_a_blank_reason_is_none() {
        let payload =
            r#"{"v":1,"id":" c-1 ","cmd":"ack","alarm":"tank1.level ","by":"\t李工　","reason":"  "}"#;
        let (id, request) = parse(payload.as_bytes(), false).unwrap();
        let action = Action::Acknowledge { alarm: "tank1.level".to_owned(), raised_at: None };
        assert_eq!(id, "c-1");
        assert_eq!(request, Request::Command(Command { action, by: "李工".to_owned(), reason: None }));
    }

    #[test]
    fn whatever_is_wrong_is_said_in_one_sentence_that_names_it() {
        let long = "x".repeat(501);
        let with_reason = format!(r#"{{"v":1,"id":"a","cmd":"ack","alarm":"b","by":"c","reason":"{long}"}}"#);
        let cases = [
            ("", "not valid JSON"),
            ("{\"v\":1", "not valid JSON"),
            ("[]", "JSON object"),
            ("{}", "missing field `v`"),
            (r#"{"v":0,"id":"a","cmd":"snapshot"}"#, "`v` is 0"),
            (r#"{"v":"1","id":"a","cmd":"snapshot"}"#, "`v` is \"1\""),
            (r#"{"v":1,"cmd":"snapshot"}"#, "missing field `id`"),
            (r#"{"v":1,"id":"","cmd":"snapshot"}"#, "`id` is blank"),
            (r#"{"v":1,"id":" \t","cmd":"snapshot"}"#, "`id` is blank"),
            (r#"{"v":1,"id":"a\nb","cmd":"snapshot"}"#, "`id` holds a control character"),
            (r#"{"v":1,"id":"a"}"#, "missing field `cmd`"),
            (r#"{"v":1,"id":"a","cmd":"explode"}"#, "unknown variant `explode`"),
            (r#"{"v":1,"id":"a","cmd":"ack","by":"c"}"#, "missing field `alarm`"),
            (r#"{"v":1,"id":"a","cmd":"ack","alarm":"b"}"#, "missing field `by`"),
            (r#"{"v":1,"id":"a","cmd":"resend","to":7}"#, "missing field `from`"),
            (r#"{"v":1,"id":"a","cmd":"resend","from":-1}"#, "invalid value"),
            (r#"{"v":1,"id":"a","cmd":"switch","on":true,"by":"c"}"#, "missing field `output`"),
            (r#"{"v":1,"id":"a","cmd":"switch","output":"b","by":"c"}"#, "missing field `on`"),
            (r#"{"v":1,"id":"a","cmd":"switch","output":"b","on":true}"#, "missing field `by`"),
            (r#"{"v":1,"id":"a","cmd":"switch","output":"b","on":1,"by":"c"}"#, "invalid type"),
            (r#"{"v":1,"id":"a","cmd":"ack","alarm":"b","by":"c","raisedat":1}"#, "unknown field `raisedat`"),
            (r#"{"v":1,"id":"a","cmd":"ack","alarm":"b","by":" \n"}"#, "`by` is blank"),
            (r#"{"v":1,"id":"a","cmd":"ack","alarm":"b","by":"c\u0000d"}"#, "`by` holds a control character"),
            (
                r#"{"v":1,"id":"a","cmd":"ack","alarm":"b","by":"c","reason":"d\re"}"#,
                "`reason` holds a control",
            ),
            (&with_reason, "`reason` has more than 500 characters"),
        ];
        for (payload, part) in cases {
            let Refusal { why, .. } = refusal(payload);
            assert!(why.contains(part), "{payload}: {why}");
        }
    }

    #[test]
    fn a_refusal_carries_the_commands_id_whenever_there_is_one() {
        assert_eq!(refusal(r#"{"v":2,"id":"a"}"#).id.as_deref(), Some("a"));
        assert_eq!(refusal(r#"{"v":1,"id":7,"cmd":"ack"}"#).id, None);
    }

    #[test]
    fn a_command_too_large_or_retained_is_refused() {
        let large = vec![b' '; MQTT_PAYLOAD_BYTES_MAX + 1];
        assert!(parse(&large, false).unwrap_err().why.contains("at most"));
        let payload = br#"{"v":1,"id":"a","cmd":"snapshot"}"#;
        assert!(parse(payload, true).unwrap_err().why.contains("retained"));
        assert!(parse(payload, false).is_ok());
    }
}
