//! From a device that publishes on MQTT to a simulated one: where it publishes, and how its messages are written.

use std::time::Duration;

use hazgate::clock::OsTime;
use hazgate::site::{
    self, Broker, Device, Edge, Extract, Format, MqttDevice, Point, Protocol, Site, Source, TimeAt,
};
use jiff::Timestamp;
use simulators::{Bench, EdgeDevice, EdgeSpec, Field, Form, PublisherSpec, TimeForm};

use super::{points, signal};

/// Puts the device on the bench: as a publisher, or behind its edge node.
pub(super) fn add(site: &Site, device: &Device, broker: &Broker, bench: &mut Bench) {
    let Protocol::Mqtt(mqtt) = &device.protocol else { return };
    let fields: Vec<Field> = points(site, device).filter_map(|point| field(site, point)).collect();
    match &mqtt.format {
        Format::Json { samples, time } => {
            let form = json(samples.as_ref(), time.as_ref(), site);
            bench.publishers.push(publisher(device, mqtt, broker, form, fields));
        }
        Format::Plain => {
            // Every point says what the one number does.
            let fields = fields.into_iter().take(1).collect();
            bench.publishers.push(publisher(device, mqtt, broker, Form::Plain, fields));
        }
        Format::ThingsBoard => {
            bench.publishers.push(publisher(device, mqtt, broker, Form::ThingsBoard, fields));
        }
        Format::Sparkplug(edge) => {
            let device = EdgeDevice { device: device.name.clone(), name: edge.device.clone(), fields };
            node(edge, mqtt, broker, &mut bench.edges).devices.push(device);
        }
    }
}

fn publisher(
    device: &Device,
    mqtt: &MqttDevice,
    broker: &Broker,
    form: Form,
    fields: Vec<Field>,
) -> PublisherSpec {
    PublisherSpec {
        broker: broker.address.clone(),
        username: broker.username.clone(),
        password: password(broker),
        topic: topic(mqtt, device),
        device: device.name.clone(),
        period: period(mqtt),
        form,
        fields,
    }
}

/// The edge node that this is, which may be there already.
fn node<'a>(
    edge: &Edge,
    mqtt: &MqttDevice,
    broker: &Broker,
    edges: &'a mut Vec<EdgeSpec>,
) -> &'a mut EdgeSpec {
    let spec = EdgeSpec {
        broker: broker.address.clone(),
        username: broker.username.clone(),
        password: password(broker),
        group: edge.group.clone(),
        node: edge.node.clone(),
        period: period(mqtt),
        devices: Vec::new(),
    };
    let is_it = |known: &EdgeSpec| {
        (&known.broker, &known.group, &known.node) == (&spec.broker, &spec.group, &spec.node)
    };
    let at = edges.iter().position(is_it).unwrap_or(edges.len());
    if at == edges.len() {
        edges.push(spec);
    }
    let found = &mut edges[at];
    found.period = found.period.min(period(mqtt));
    found
}

fn password(broker: &Broker) -> Option<String> {
    broker.password.as_ref().map(|secret| secret.expose().to_owned())
}

/// Often enough that a lost message is no silence.
fn period(mqtt: &MqttDevice) -> Duration {
    mqtt.silence / 5
}

fn field(site: &Site, point: &Point) -> Option<Field> {
    let Source::Mqtt(Extract { pointer, conversion }) = &point.source else { return None };
    let (scale, offset) = conversion.line.scale_and_offset();
    let codes = conversion.codes.iter().map(|code| code.code as f64).collect();
    Some(Field { pointer: pointer.clone(), signal: signal(site, point), scale, offset, codes })
}

/// One of the topics that the device's filter takes.
fn topic(mqtt: &MqttDevice, device: &Device) -> String {
    mqtt.topic.replace(['+', '#'], &device.name)
}

fn json(samples: Option<&String>, time: Option<&TimeAt>, site: &Site) -> Form {
    let sample = match time {
        Some(TimeAt { path, form }) => {
            Form::StampedJson { pointer: path.clone(), form: time_form(*form, site) }
        }
        None => Form::Json,
    };
    match samples {
        Some(pointer) => Form::Samples { pointer: pointer.clone(), sample: Box::new(sample) },
        None => sample,
    }
}

fn time_form(form: site::TimeForm, site: &Site) -> TimeForm {
    match form {
        site::TimeForm::Seconds => TimeForm::Seconds,
        site::TimeForm::Auto | site::TimeForm::Milliseconds => TimeForm::Milliseconds,
        site::TimeForm::Microseconds => TimeForm::Microseconds,
        site::TimeForm::Rfc3339 => TimeForm::Rfc3339,
        // The offset of today: who simulates over the night in which clocks are changed will see it.
        site::TimeForm::Local => {
            let now = Timestamp::from_microsecond(OsTime::read().wall_us).unwrap_or_default();
            TimeForm::Local { ahead_s: site.identity.zone.to_offset(now).seconds() }
        }
    }
}
