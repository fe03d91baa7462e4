//! InfluxDB line protocol: one line for each reading and each event. No value can break out of its place, no tag is empty, no
//! number is not a number, and each field has one type for ever.

use std::collections::HashMap;
use std::fmt::Write;

use crate::model::{ClockSync, Event, Sample, Value};
use crate::site::Site;
use crate::store::Row;

/// The hazard of each point that has one, by the point's name.
pub(super) type Hazards<'a> = HashMap<&'a str, &'a str>;

/// The hazards of the site's points.
pub(super) fn hazards(site: &Site) -> Hazards<'_> {
    let hazard = |id| site.hazard(id).name.as_str();
    site.points.iter().filter_map(|point| Some((point.name.as_str(), hazard(point.hazard?)))).collect()
}

/// A batch of lines in the making.
#[derive(Debug, Default)]
pub(super) struct Lines {
    text: String,
}

impl Lines {
    /// The lines.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// Adds a line for each reading of a row: measurement `reading`, fields `value` (float) or `state` (boolean), and `quality`.
    /// A bad reading has a quality only.
    pub(super) fn row(&mut self, site: &Site, hazards: &Hazards<'_>, row: &Row) {
        for reading in &row.readings {
            let mut line = self.line("reading", site);
            line.tag("device", &row.device);
            line.tag("point", &reading.point);
            line.tag("hazard", hazards.get(&*reading.point).copied().unwrap_or_default());
            match reading.sample {
                Sample::Good(value) | Sample::Uncertain(value, _) => line.value(value),
                Sample::Bad(_) => {}
            }
            line.text("quality", &reading.sample.quality().to_string());
            line.clock(row.clock);
            line.end(reading.at.0);
        }
    }

    /// Adds a line for an event: measurement `alarm`. What happened is a tag, so that two events of one millisecond are two points.
    pub(super) fn event(&mut self, site: &Site, event: &Event) {
        let what = &event.transition;
        let mut line = self.line("alarm", site);
        line.tag("alarm", &what.alarm);
        line.tag("hazard", what.hazard.as_deref().unwrap_or_default());
        line.tag("level", what.level.name());
        line.tag("event", &word(&what.event));
        line.text("state", &word(&what.state));
        line.text("id", &event.id.to_string());
        line.float("seq", event.seq as f64);
        if let Some(value) = what.value {
            line.float("value", value.as_f64());
        }
        if let Some(limit) = what.limit {
            line.float("limit", limit);
        }
        if let Some(quality) = what.quality {
            line.text("quality", &quality.to_string());
        }
        for (key, text) in [("point", &what.point), ("device", &what.device), ("unit", &what.unit)] {
            line.text(key, text.as_deref().unwrap_or_default());
        }
        line.text("message_zh", &what.message.zh);
        line.text("message_en", &what.message.en);
        line.text("raised_at", &what.raised_at.to_string());
        line.text("by", what.by.as_deref().unwrap_or_default());
        line.text("reason", what.reason.as_deref().unwrap_or_default());
        line.clock(event.clock);
        line.end(what.at.wall.0);
    }

    fn line(&mut self, measurement: &str, site: &Site) -> Line<'_> {
        self.text.push_str(measurement);
        let mut line = Line { text: &mut self.text, fields: 0 };
        line.tag("enterprise", &site.identity.enterprise);
        line.tag("gateway", &site.identity.gateway);
        line
    }
}

/// The word that a plain enum has on the wire.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|json| json.as_str().map(str::to_owned)).unwrap_or_default()
}

/// One line: tags, then fields, then the end.
struct Line<'a> {
    text: &'a mut String,
    fields: usize,
}

impl Line<'_> {
    /// An empty value is no tag.
    fn tag(&mut self, key: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        self.text.push(',');
        self.text.push_str(key);
        self.text.push('=');
        push_tag(self.text, value);
    }

    fn value(&mut self, value: Value) {
        match value {
            Value::Bool(on) => {
                self.key("state");
                self.text.push_str(if on { "true" } else { "false" });
            }
            Value::Int(_) | Value::Float(_) => self.float("value", value.as_f64()),
        }
    }

    /// What is not a finite number is no field.
    fn float(&mut self, key: &str, value: f64) {
        if value.is_finite() {
            self.key(key);
            write!(self.text, "{value:?}").expect("writing into memory does not fail");
        }
    }

    /// An empty text is no field.
    fn text(&mut self, key: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        self.key(key);
        self.text.push('"');
        for c in value.chars() {
            match c {
                '"' | '\\' => self.text.extend(['\\', c]),
                c if c.is_control() => self.text.push(' '),
                c => self.text.push(c),
            }
        }
        self.text.push('"');
    }

    /// Said only where the stamp was once in doubt.
    fn clock(&mut self, clock: ClockSync) {
        if matches!(clock, ClockSync::Unsynced | ClockSync::Restamped) {
            self.text("clock", &word(&clock));
        }
    }

    fn key(&mut self, key: &str) {
        self.text.push(if self.fields == 0 { ' ' } else { ',' });
        self.text.push_str(key);
        self.text.push('=');
        self.fields += 1;
    }

    /// Ends the line. Every line has at least its quality or its state, so none is without a field.
    fn end(self, at_ms: i64) {
        debug_assert!(self.fields > 0, "a line without a field");
        writeln!(self.text, " {at_ms}").expect("writing into memory does not fail");
    }
}

/// The protocol has no way to write a control character in a tag, nor a backslash before a separator: the first becomes a
/// space, the second a slash.
fn push_tag(text: &mut String, value: &str) {
    for c in value.chars() {
        match c {
            ',' | '=' | ' ' => text.extend(['\\', c]),
            '\\' => text.push('/'),
            c if c.is_control() => text.push_str("\\ "),
            c => text.push(c),
        }
    }
}
