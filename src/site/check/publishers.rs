//! `[[device]]` with `protocol = "mqtt"`: where its messages come, how they are written, how its death is told, and
//! where in them a point's value stands.

use std::time::Duration;

use super::Context;
use super::devices::One;
use super::links::{self, Links, Login};
use super::points::Detailed;
use super::reach::{dial_in_keys, serial_keys};
use super::registers;
use crate::site::defaults;
use crate::site::model::{LinkKind, Protocol};
use crate::site::publisher::{Edge, Format, MqttDevice, TimeAt, TimeForm, Will};
use crate::site::raw::{FormatWord, RawDevice, TimeWord};
use crate::site::signal::{Conversion, Extract};
use crate::site::values::{EdgeName, Period, TopicFilter};

/// Shortest silence after which a publisher is down.
const SILENCE_MIN: Period = Period(Duration::from_secs(1));
/// Least trust in the time of a message that makes sense: clocks are never nearer than that for long.
const SKEW_MIN: Period = Period(Duration::from_secs(1));

/// Keys of a device that only MQTT has.
pub(super) fn mqtt_keys(raw: &RawDevice) -> Vec<(&'static str, bool)> {
    let mut keys = vec![
        ("url", raw.url.is_some()),
        ("topic", raw.topic.is_some()),
        ("username", raw.username.is_some()),
        ("password", raw.password.is_some()),
        ("format", raw.format.is_some()),
        ("skew_max", raw.skew_max.is_some()),
        ("silence", raw.silence.is_some()),
    ];
    keys.extend(json_keys(raw));
    keys.extend(sparkplug_keys(raw));
    keys.extend(will_keys(raw));
    keys
}

fn json_keys(raw: &RawDevice) -> [(&'static str, bool); 3] {
    [
        ("samples", raw.samples.is_some()),
        ("time", raw.time.is_some()),
        ("time_format", raw.time_format.is_some()),
    ]
}

fn sparkplug_keys(raw: &RawDevice) -> [(&'static str, bool); 2] {
    [("edge", raw.edge.is_some()), ("rebirth", raw.rebirth.is_some())]
}

fn will_keys(raw: &RawDevice) -> [(&'static str, bool); 4] {
    [
        ("will_topic", raw.will_topic.is_some()),
        ("will_offline", raw.will_offline.is_some()),
        ("will_online", raw.will_online.is_some()),
        ("will_pointer", raw.will_pointer.is_some()),
    ]
}

impl One<'_> {
    /// The publisher that this device is.
    pub(super) fn mqtt(&self, links: &mut Links, context: &mut Context<'_>) -> Protocol {
        let own = self.own;
        self.refuse(&serial_keys(own), "a Modbus device", context);
        self.refuse(&dial_in_keys(own), "a Modbus device", context);
        self.refuse(
            &[
                ("address", own.address.is_some()),
                ("unit", own.unit.is_some()),
                ("poll", own.poll.is_some()),
                ("pause", own.pause.is_some()),
                ("timeout", own.timeout.is_some()),
                ("registers_max", own.registers_max.is_some()),
                ("gap_max", own.gap_max.is_some()),
                ("address_base", own.address_base.is_some()),
                ("byte_order", own.byte_order.is_some()),
                ("write_multiple", own.write_multiple.is_some()),
                ("status", own.status.is_some()),
            ],
            "a Modbus device",
            context,
        );
        let format = self.format(context);
        let topic = self.messages(&format, context);
        self.subscribe(links, context);
        Protocol::Mqtt(MqttDevice {
            topic,
            silence: self.at_least("silence", |raw| raw.silence, defaults::SILENCE, SILENCE_MIN, context),
            skew_max: self.at_least("skew_max", |raw| raw.skew_max, defaults::SKEW_MAX, SKEW_MIN, context),
            will: self.will(&format, context),
            format,
        })
    }

    fn subscribe(&self, links: &mut Links, context: &mut Context<'_>) {
        let own = self.own;
        let Some(url) = &own.url else {
            return self.require("url", "url = \"mqtt://10.0.0.9:1883\"", context);
        };
        let place = |key: &str| self.spot.key(key);
        let login = Login {
            username: own.username.as_ref(),
            password: own.password.as_ref(),
            tls: own.tls.as_ref(),
            place: &place,
        };
        if let Some(broker) = links::broker(url, &login, context) {
            links.join(LinkKind::Mqtt(broker), self.id, self.origin(), context.findings);
        }
    }

    fn format(&self, context: &mut Context<'_>) -> Format {
        let word = self.get(|raw| raw.format).unwrap_or(FormatWord::Json);
        if word != FormatWord::Json {
            self.refuse(&json_keys(self.own), "`format = \"json\"`", context);
        }
        if word != FormatWord::Sparkplug {
            self.refuse(&sparkplug_keys(self.own), "`format = \"sparkplug\"`", context);
        }
        match word {
            FormatWord::Json => self.json(context),
            FormatWord::Plain => Format::Plain,
            FormatWord::ThingsBoard => Format::ThingsBoard,
            FormatWord::Sparkplug => self.sparkplug(context),
        }
    }

    fn json(&self, context: &mut Context<'_>) -> Format {
        let form = self.get(|raw| raw.time_format);
        let path = self.get(|raw| raw.time.clone());
        if form.is_some() && path.is_none() {
            context
                .findings
                .add(self.place("time_format"), "the form of a time that is nowhere")
                .hint("add `time = \"/ts\"`: where in the JSON message the time stands");
        }
        let time = path.map(|path| TimeAt { path: path.0, form: form.map_or(TimeForm::Auto, time_form) });
        Format::Json { samples: self.get(|raw| raw.samples.clone()).map(|path| path.0), time }
    }

    fn sparkplug(&self, context: &mut Context<'_>) -> Format {
        self.refuse(&will_keys(self.own), "a device that is not Sparkplug", context);
        let rebirth = self.get(|raw| raw.rebirth).unwrap_or_default();
        let edge = self.get(|raw| raw.edge.clone());
        if edge.is_none() {
            self.require("edge", "edge = \"group/node/device\"", context);
        }
        let EdgeName { group, node, device } = edge.unwrap_or_default();
        Format::Sparkplug(Edge { group, node, device, rebirth })
    }

    /// The filter of its messages.
    fn messages(&self, format: &Format, context: &mut Context<'_>) -> String {
        let topic = self.get(|raw| raw.topic.clone());
        match format {
            Format::Sparkplug(edge) => {
                if topic.is_some() {
                    context
                        .findings
                        .add(self.place("topic"), "a Sparkplug device has the topics of its edge node")
                        .hint("drop `topic`: `edge` says it");
                }
                format!("spBv1.0/{}/+/{}/#", edge.group, edge.node)
            }
            _ if topic.is_none() && self.get(|raw| raw.edge.clone()).is_none() => {
                self.require("topic", "topic = \"plant/sensor1\"", context);
                String::new()
            }
            _ => topic.map(|topic| topic.0).unwrap_or_default(),
        }
    }

    fn will(&self, format: &Format, context: &mut Context<'_>) -> Option<Will> {
        if matches!(format, Format::Sparkplug(_)) {
            return None;
        }
        let Some(TopicFilter(topic)) = self.get(|raw| raw.will_topic.clone()) else {
            for (key, present) in will_keys(self.own) {
                if present {
                    context
                        .findings
                        .add(
                            self.place(key),
                            format!("`{key}` says what stands at a topic that is not named"),
                        )
                        .hint("add `will_topic = \"plant/sensor1/status\"`");
                }
            }
            return None;
        };
        if topic.contains(['+', '#']) {
            context
                .findings
                .add(self.place("will_topic"), "a Last Will has one topic, without wildcards")
                .hint("name the topic of this device's own will");
        }
        let offline = self.get(|raw| raw.will_offline.clone()).unwrap_or(defaults::WILL_OFFLINE.to_owned());
        let online = self.get(|raw| raw.will_online.clone());
        if online.as_ref().is_some_and(|online| online.eq_ignore_ascii_case(&offline)) {
            context
                .findings
                .add(self.place("will_online"), "the same word for being there and for being gone")
                .hint("upper and lower case are one: use two words");
        }
        let path = self.get(|raw| raw.will_pointer.clone()).map(|path| path.0);
        Some(Will { topic, path, offline, online })
    }
}

const fn time_form(word: TimeWord) -> TimeForm {
    match word {
        TimeWord::Auto => TimeForm::Auto,
        TimeWord::EpochS => TimeForm::Seconds,
        TimeWord::EpochMs => TimeForm::Milliseconds,
        TimeWord::EpochUs => TimeForm::Microseconds,
        TimeWord::Rfc3339 => TimeForm::Rfc3339,
        TimeWord::Local => TimeForm::Local,
    }
}

/// Where in its device's messages a point stands.
pub(super) fn extract(
    detailed: &Detailed<'_>,
    device: &MqttDevice,
    conversion: Conversion,
    context: &mut Context<'_>,
) -> Extract {
    registers::refuse_modbus(detailed, context);
    let pointer = detailed.get(|raw| raw.pointer.clone()).map(|pointer| pointer.0);
    let metric = detailed.get(|raw| raw.metric.clone());
    let (wanted, unwanted, example) = match device.format {
        Format::Sparkplug(_) => ("metric", pointer.as_ref().map(|_| "pointer"), "metric = \"Tank/Level\""),
        _ => ("pointer", metric.as_ref().map(|_| "metric"), "pointer = \"/data/value\""),
    };
    if let Some(key) = unwanted {
        let message = format!("`{key}` does not fit how the device's messages are written");
        context.findings.add(detailed.place(key), message).hint(format!("write `{example}` instead"));
    }
    let at = if wanted == "metric" { metric } else { pointer };
    if device.format == Format::Plain {
        if at.as_ref().is_some_and(|pointer| !pointer.is_empty()) {
            context
                .findings
                .add(detailed.place("pointer"), "a plain value is the whole message")
                .hint("drop `pointer`, or write `format = \"json\"` at the device");
        }
    } else if at.is_none() && unwanted.is_none() {
        context
            .findings
            .add(detailed.whole(), format!("`{wanted}` is missing"))
            .hint(format!("add `{example}`: where in the message the value stands"));
    }
    Extract { pointer: at.unwrap_or_default(), conversion }
}
