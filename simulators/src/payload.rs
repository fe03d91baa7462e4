//! The message of a publisher: a JSON object with each field where its pointer says.

use serde_json::{Map, Number, Value};

use crate::bench::PublisherSpec;
use crate::error::BenchError;
use crate::image::check_scale;
use crate::plant::{Plant, SignalId};

/// Decimal places of a number in a message.
const DECIMALS: f64 = 1000.0;

/// A message to be filled in.
#[derive(Debug)]
pub(crate) struct Template {
    fields: Vec<Slot>,
}

#[derive(Debug)]
struct Slot {
    path: Vec<String>,
    scale: f64,
    offset: f64,
    signal: SignalId,
}

impl Template {
    /// The template of a publisher's fields.
    pub(crate) fn new(spec: &PublisherSpec, plant: &Plant) -> Result<Self, BenchError> {
        let mut template = Self { fields: Vec::with_capacity(spec.fields.len()) };
        for field in &spec.fields {
            let problem = |problem| BenchError::Signal { point: field.signal.point.clone(), problem };
            check_scale(field.scale, field.offset).map_err(problem)?;
            let path = path(&field.pointer)
                .ok_or_else(|| problem("its pointer is no JSON Pointer, such as `/a/b`"))?;
            if template.fields.iter().any(|other| clash(&other.path, &path)) {
                return Err(problem("its pointer stands in the way of another field's"));
            }
            let signal =
                plant.signal(&field.signal.point).ok_or_else(|| problem("it is not in the plant"))?;
            template.fields.push(Slot { path, scale: field.scale, offset: field.offset, signal });
        }
        Ok(template)
    }

    /// The message as the plant stands. A switch is true or false, a dead sensor null.
    pub(crate) fn fill(&self, plant: &Plant) -> Value {
        let mut message = Value::Object(Map::new());
        for slot in &self.fields {
            *place(&mut message, &slot.path) = slot.show(plant);
        }
        message
    }
}

impl Slot {
    fn show(&self, plant: &Plant) -> Value {
        let raw = plant.value(self.signal).map(|value| (value - self.offset) / self.scale);
        match raw {
            Some(raw) if plant.is_switch(self.signal) => Value::Bool(raw >= 0.5),
            Some(raw) => {
                Number::from_f64((raw * DECIMALS).round() / DECIMALS).map_or(Value::Null, Value::Number)
            }
            None => Value::Null,
        }
    }
}

/// The keys of a JSON Pointer.
fn path(pointer: &str) -> Option<Vec<String>> {
    if pointer.is_empty() {
        return Some(Vec::new());
    }
    let keys = pointer.strip_prefix('/')?.split('/');
    Some(keys.map(|key| key.replace("~1", "/").replace("~0", "~")).collect())
}

/// Whether one path leads to or through the other's end.
fn clash(a: &[String], b: &[String]) -> bool {
    a.starts_with(b) || b.starts_with(a)
}

fn place<'a>(message: &'a mut Value, path: &[String]) -> &'a mut Value {
    path.iter().fold(message, |at, key| {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        &mut at[key.as_str()]
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::bench::{Bench, Field, HazardKind, HazardSpec, SignalRef};

    fn bench(pointers: &[(&str, &str)]) -> Bench {
        let field = |&(pointer, role): &(&str, &str)| Field {
            pointer: pointer.to_owned(),
            scale: 1.0,
            offset: 0.0,
            signal: SignalRef {
                hazard: Some("dust1".to_owned()),
                device: "sensor".to_owned(),
                role: Some(role.to_owned()),
                range: None,
                point: format!("sensor.{role}"),
            },
        };
        let publisher = PublisherSpec {
            broker: "127.0.0.1:1883".to_owned(),
            topic: "plant/sensor".to_owned(),
            device: "sensor".to_owned(),
            period: Duration::from_secs(1),
            username: None,
            password: None,
            fields: pointers.iter().map(field).collect(),
        };
        let hazard = HazardSpec { id: "dust1".to_owned(), kind: HazardKind::Dust };
        Bench { hazards: vec![hazard], links: Vec::new(), publishers: vec![publisher] }
    }

    fn fill(pointers: &[(&str, &str)]) -> Result<Value, BenchError> {
        let bench = bench(pointers);
        let plant = Plant::new(&bench, 1)?;
        Ok(Template::new(&bench.publishers[0], &plant)?.fill(&plant))
    }

    #[test]
    fn fields_stand_where_their_pointers_say() {
        let message =
            fill(&[("/data/fan/run", "fan_running"), ("/data/n", "spark_count"), ("/a~1b", "fan_power")]);
        let message = message.unwrap();
        assert_eq!(message["data"], json!({ "fan": { "run": true }, "n": 0.0 }));
        assert!(message["a/b"].as_f64().is_some_and(|kw| (20.0..24.0).contains(&kw)), "{message}");
        assert_eq!(fill(&[("", "spark_count")]).unwrap(), json!(0.0));
    }

    #[test]
    fn pointers_that_cannot_stand_together_are_refused() {
        for pointers in [
            vec![("/a", "fan_power"), ("/a/b", "duct_speed")],
            vec![("/a", "fan_power"), ("/a", "duct_speed")],
            vec![("", "fan_power"), ("/a", "duct_speed")],
            vec![("a", "fan_power")],
        ] {
            let error = fill(&pointers).unwrap_err().to_string();
            assert!(error.contains("pointer"), "{error}");
        }
    }

    #[test]
    fn a_dead_sensor_is_null() {
        use crate::fault::{FaultCommand, Target};
        let bench = bench(&[("/kw", "fan_power")]);
        let mut plant = Plant::new(&bench, 1).unwrap();
        let template = Template::new(&bench.publishers[0], &plant).unwrap();
        let target = Target::Point("sensor.fan_power".to_owned());
        plant.apply(&FaultCommand::Inject { target, fault: "dead".to_owned(), delay: None }).unwrap();
        assert_eq!(template.fill(&plant), json!({ "kw": null }));
    }
}
