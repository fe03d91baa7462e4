//! The messages of a publisher: each field where its pointer says, in the form that the publisher writes.

use serde_json::{Map, Number, Value, json};

use crate::bench::{Field, Form, PublisherSpec};
use crate::error::BenchError;
use crate::image::{check_scale, nearest};
use crate::plant::{Plant, SignalId};

/// Decimal places of a number in a message.
const DECIMALS: f64 = 1000.0;

/// A message to be filled in.
#[derive(Debug)]
pub(crate) struct Template {
    form: Form,
    /// Each with where it stands.
    fields: Vec<(Vec<String>, Slot)>,
}

#[derive(Debug)]
struct Slot {
    scale: f64,
    offset: f64,
    codes: Vec<f64>,
    signal: SignalId,
}

impl Template {
    /// The template of a publisher's fields.
    pub(crate) fn new(spec: &PublisherSpec, plant: &Plant) -> Result<Self, BenchError> {
        let mut template = Self { form: spec.form.clone(), fields: Vec::with_capacity(spec.fields.len()) };
        for field in &spec.fields {
            let problem = |problem| BenchError::Signal { point: field.signal.point.clone(), problem };
            let path = path(&field.pointer)
                .ok_or_else(|| problem("its pointer is no JSON Pointer, such as `/a/b`"))?;
            if template.fields.iter().any(|(other, _)| clash(other, &path)) {
                return Err(problem("its pointer stands in the way of another field's"));
            }
            template.fields.push((path, Slot::new(field, plant)?));
        }
        Ok(template)
    }

    /// The message as the plant stands at `now_ms` (since 1970); none where there is nothing to say.
    pub(crate) fn write(&self, plant: &Plant, now_ms: i64) -> Option<String> {
        match &self.form {
            Form::Plain => {
                let value = self.fields.first()?.1.show(plant);
                (!value.is_null()).then(|| value.to_string())
            }
            Form::ThingsBoard => Some(json!({ "ts": now_ms, "values": self.fill(plant) }).to_string()),
            form => Some(wrap(form, self.fill(plant), now_ms).to_string()),
        }
    }

    /// The fields as the plant stands. A switch is true or false, a dead sensor null.
    fn fill(&self, plant: &Plant) -> Value {
        let mut message = Value::Object(Map::new());
        for (path, slot) in &self.fields {
            *place(&mut message, path) = slot.show(plant);
        }
        message
    }
}

/// Fields that have names instead of places.
#[derive(Debug)]
pub(crate) struct Values(Vec<(String, Slot)>);

impl Values {
    /// Each field by its pointer, which is its name.
    pub(crate) fn new(fields: &[Field], plant: &Plant) -> Result<Self, BenchError> {
        let named = |field: &Field| Ok((field.pointer.clone(), Slot::new(field, plant)?));
        fields.iter().map(named).collect::<Result<_, _>>().map(Self)
    }

    /// What they say as the plant stands.
    pub(crate) fn show(&self, plant: &Plant) -> Vec<(&str, Value)> {
        self.0.iter().map(|(name, slot)| (name.as_str(), slot.show(plant))).collect()
    }
}

impl Slot {
    fn new(field: &Field, plant: &Plant) -> Result<Self, BenchError> {
        let problem = |problem| BenchError::Signal { point: field.signal.point.clone(), problem };
        check_scale(field.scale, field.offset).map_err(problem)?;
        let signal = plant.signal(&field.signal.point).ok_or_else(|| problem("it is not in the plant"))?;
        Ok(Self { scale: field.scale, offset: field.offset, codes: field.codes.clone(), signal })
    }

    fn show(&self, plant: &Plant) -> Value {
        let raw = plant.value(self.signal).map(|value| (value - self.offset) / self.scale);
        match raw {
            Some(raw) if plant.is_switch(self.signal) => Value::Bool(raw >= 0.5),
            Some(raw) if !self.codes.is_empty() => (nearest(&self.codes, raw) as i64).into(),
            Some(raw) => {
                Number::from_f64((raw * DECIMALS).round() / DECIMALS).map_or(Value::Null, Value::Number)
            }
            None => Value::Null,
        }
    }
}

/// Puts about the fields what the form has beside them.
fn wrap(form: &Form, mut fields: Value, now_ms: i64) -> Value {
    match form {
        Form::StampedJson { pointer, form } => {
            *place(&mut fields, &path(pointer).unwrap_or_default()) = form.write(now_ms);
            fields
        }
        Form::Samples { pointer, sample } => {
            let mut message = Value::Null;
            *place(&mut message, &path(pointer).unwrap_or_default()) =
                Value::Array(vec![wrap(sample, fields, now_ms)]);
            message
        }
        Form::Json | Form::Plain | Form::ThingsBoard => fields,
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

/// Where in the message a path leads to, which is made if it is not there yet.
fn place<'a>(message: &'a mut Value, path: &[String]) -> &'a mut Value {
    path.iter().fold(message, |at, key| {
        if let Some((name, value)) = picked(key) {
            return item(at, name, value);
        }
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        &mut at[key.as_str()]
    })
}

/// The parts of `[key=value]`.
fn picked(key: &str) -> Option<(&str, &str)> {
    key.strip_prefix('[')?.strip_suffix(']')?.split_once('=')
}

/// The item of a list that says of itself that its `name` is `value`.
fn item<'a>(list: &'a mut Value, name: &str, value: &str) -> &'a mut Value {
    let mut items = match list.take() {
        Value::Array(items) => items,
        _ => Vec::new(),
    };
    let found = items.iter().position(|item| item[name] == value);
    let at = found.unwrap_or(items.len());
    if found.is_none() {
        items.push(json!({ name: value }));
    }
    *list = Value::Array(items);
    &mut list[at]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::bench::{Bench, HazardKind, HazardSpec, SignalRef, TimeForm};

    fn bench(pointers: &[(&str, &str)]) -> Bench {
        let field = |&(pointer, role): &(&str, &str)| Field {
            pointer: pointer.to_owned(),
            scale: 1.0,
            offset: 0.0,
            codes: Vec::new(),
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
            form: Form::Json,
            fields: pointers.iter().map(field).collect(),
        };
        let hazard = HazardSpec { id: "dust1".to_owned(), kind: HazardKind::Dust };
        Bench { hazards: vec![hazard], links: Vec::new(), publishers: vec![publisher], edges: Vec::new() }
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

    fn write(form: Form, pointers: &[(&str, &str)]) -> String {
        let mut bench = bench(pointers);
        bench.publishers[0].form = form;
        let plant = Plant::new(&bench, 1).unwrap();
        Template::new(&bench.publishers[0], &plant).unwrap().write(&plant, 1_795_263_303_214).unwrap()
    }

    #[test]
    fn every_form_is_written_as_its_readers_expect_it() {
        let one = [("/n", "spark_count")];
        assert_eq!(write(Form::Json, &one), r#"{"n":0.0}"#);
        let stamped = Form::StampedJson { pointer: "/at".to_owned(), form: TimeForm::Milliseconds };
        assert_eq!(write(stamped.clone(), &one), r#"{"at":1795263303214,"n":0.0}"#);
        let samples = Form::Samples { pointer: "/rows".to_owned(), sample: Box::new(stamped) };
        assert_eq!(write(samples, &one), r#"{"rows":[{"at":1795263303214,"n":0.0}]}"#);
        assert_eq!(write(Form::ThingsBoard, &one), r#"{"ts":1795263303214,"values":{"n":0.0}}"#);
        assert_eq!(write(Form::Plain, &[("", "spark_count")]), "0.0");
        let list = [("/d/[name=n]/value", "spark_count"), ("/d/[name=r]/value", "fan_running")];
        let list = write(Form::Json, &list);
        assert_eq!(list, r#"{"d":[{"name":"n","value":0.0},{"name":"r","value":true}]}"#);
    }

    #[test]
    fn a_code_is_a_whole_number_among_those_that_it_says() {
        let mut bench = bench(&[("/n", "spark_count")]);
        bench.publishers[0].fields[0].codes = vec![7.0, 3.0];
        let plant = Plant::new(&bench, 1).unwrap();
        let written = Template::new(&bench.publishers[0], &plant).unwrap().write(&plant, 0);
        assert_eq!(written.unwrap(), r#"{"n":3}"#);
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
        let silent = Template { form: Form::Plain, ..template };
        assert_eq!(silent.write(&plant, 0), None, "a plain message has no way to say so");
    }
}
