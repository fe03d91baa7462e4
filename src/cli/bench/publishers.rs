//! From a device that publishes on MQTT to a simulated one: where it publishes, and how its messages are written.

use hazgate::clock::OsTime;
use hazgate::site::{
    self, Broker, Device, Extract, Format, MqttDevice, Point, Protocol, Site, Source, TimeAt,
};
use jiff::Timestamp;
use simulators::{Field, Form, PublisherSpec, TimeForm};

use super::{points, signal};

/// The publisher that a device is; none if it can't be simulated.
pub(super) fn publisher(site: &Site, device: &Device, broker: &Broker) -> Option<PublisherSpec> {
    let Protocol::Mqtt(mqtt) = &device.protocol else { return None };
    let form = form(&mqtt.format, site)?;
    let fields = points(site, device).filter_map(|point| field(site, point));
    Some(PublisherSpec {
        broker: broker.address.clone(),
        username: broker.username.clone(),
        password: broker.password.as_ref().map(|secret| secret.expose().to_owned()),
        topic: topic(mqtt, device),
        device: device.name.clone(),
        period: mqtt.silence / 5,
        fields: if form == Form::Plain { fields.take(1).collect() } else { fields.collect() },
        form,
    })
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

fn form(format: &Format, site: &Site) -> Option<Form> {
    let sample = |time: &Option<TimeAt>| match time {
        Some(TimeAt { path, form }) => {
            Form::StampedJson { pointer: path.clone(), form: time_form(*form, site) }
        }
        None => Form::Json,
    };
    Some(match format {
        Format::Json { samples: None, time } => sample(time),
        Format::Json { samples: Some(pointer), time } => {
            Form::Samples { pointer: pointer.clone(), sample: Box::new(sample(time)) }
        }
        Format::Plain => Form::Plain,
        Format::ThingsBoard => Form::ThingsBoard,
        Format::Sparkplug(_) => return None,
    })
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
