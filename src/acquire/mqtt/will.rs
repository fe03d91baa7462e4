//! A publisher's Last Will: what stands at its topic says whether the publisher is gone. Unlike a value, that holds for
//! as long as it stands there, and so is believed even when the broker kept it.

use serde_json::Value as Json;

use super::malformed::Malformed;
use super::path::{Found, Path};
use crate::model::limits::MQTT_PAYLOAD_BYTES_MAX;
use crate::site;

/// How a publisher's death is told.
#[derive(Debug)]
pub(super) struct Will {
    /// The topic.
    pub(super) topic: String,
    path: Option<Path>,
    offline: String,
    online: Option<String>,
}

/// What a Last Will says of its publisher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// It is gone.
    Gone,
    /// It is there; its values are as old as they are.
    There,
}

impl Will {
    /// By the site file.
    pub(super) fn new(will: &site::Will) -> Self {
        Self {
            topic: will.topic.clone(),
            path: will.path.as_deref().map(Path::new),
            offline: will.offline.clone(),
            online: will.online.clone(),
        }
    }

    /// What a message says. An empty one says nothing: it takes back what the broker kept.
    pub(super) fn read(&self, payload: &[u8]) -> Result<Option<Word>, Malformed> {
        if payload.len() > MQTT_PAYLOAD_BYTES_MAX {
            return Err(Malformed::TooLong);
        }
        let word = match &self.path {
            None => String::from_utf8_lossy(payload).trim().to_owned(),
            Some(_) if payload.is_empty() => String::new(),
            Some(path) => {
                let json: Json = serde_json::from_slice(payload).map_err(|error| Malformed::json(&error))?;
                let Found::One(found) = path.find(&json) else { return Err(Malformed::Nothing) };
                found.as_str().map_or_else(|| found.to_string(), str::to_owned)
            }
        };
        if word.is_empty() {
            return Ok(None);
        }
        if word.eq_ignore_ascii_case(&self.offline) {
            return Ok(Some(Word::Gone));
        }
        match &self.online {
            Some(online) if !word.eq_ignore_ascii_case(online) => Err(Malformed::Nothing),
            _ => Ok(Some(Word::There)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn will(path: Option<&str>, online: Option<&str>) -> Will {
        Will::new(&site::Will {
            topic: "t/status".into(),
            path: path.map(str::to_owned),
            offline: "offline".into(),
            online: online.map(str::to_owned),
        })
    }

    #[test]
    fn the_word_is_the_message_or_stands_in_it() {
        let plain = will(None, None);
        assert_eq!(plain.read(b" Offline\n"), Ok(Some(Word::Gone)));
        assert_eq!(plain.read(b"hello"), Ok(Some(Word::There)));
        assert_eq!(plain.read(b""), Ok(None));
        assert_eq!(plain.read(b"\xff\xfe"), Ok(Some(Word::There)));
        let json = will(Some("/state"), None);
        assert_eq!(json.read(br#"{"state":"offline"}"#), Ok(Some(Word::Gone)));
        assert_eq!(json.read(br#"{"state":"online"}"#), Ok(Some(Word::There)));
        assert_eq!(json.read(b"{}"), Err(Malformed::Nothing));
        assert_eq!(json.read(b"{"), Err(Malformed::NotJson(1, 1)));
    }

    #[test]
    fn where_both_words_are_said_a_third_is_neither() {
        let will = will(None, Some("online"));
        assert_eq!(will.read(b"ONLINE"), Ok(Some(Word::There)));
        assert_eq!(will.read(b"rebooting"), Err(Malformed::Nothing));
    }

    #[test]
    fn a_word_may_be_a_number_or_a_switch() {
        let will = Will::new(&site::Will {
            topic: String::new(),
            path: Some("/online".into()),
            offline: "false".into(),
            online: None,
        });
        assert_eq!(will.read(br#"{"online":false}"#), Ok(Some(Word::Gone)));
    }
}
