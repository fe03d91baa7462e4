//! The environment over the file: variables such as `HAZGATE__STORE__DIRECTORY` override single values of `[site]`, `[clock]`, `[alarms]`, `[calendar]`, `[store]`,
//! `[console]` and `[broker]`. Arrays of tables can't be overridden. A variable that fits nothing is a mistake, not a shrug.

use std::collections::BTreeMap;

use config::{Config, File, FileFormat};

use super::raw::RawServices;
use super::shape::{Shape, Table};
use super::source::{Findings, Place, Sources};
use super::suggest::did_you_mean;
use super::values;

/// What every overriding variable begins with.
pub(super) const PREFIX: &str = "HAZGATE__";
/// The tables that may be overridden.
pub(super) const TABLES: [&str; 7] = ["site", "clock", "alarms", "calendar", "store", "console", "broker"];

/// The services of a site file's text with the variables over them; none, and mistakes, if they do not fit, and
/// none if the text itself has mistakes (is not `whole`).
pub(super) fn overlay(
    text: &str,
    whole: bool,
    variables: &BTreeMap<String, String>,
    shape: &Table,
    sources: &mut Sources,
    findings: &mut Findings,
) -> Option<RawServices> {
    let mut good = whole;
    for (name, value) in variables {
        if let Err((message, hint)) = fit(name, value, shape) {
            good = false;
            let file = sources.add(name, None);
            let finding = findings.add(Place { file, path: key_path(name), or: None }, message);
            if let Some(hint) = hint {
                finding.hint(hint);
            }
        }
    }
    if !good {
        return None;
    }
    match layered(text, variables) {
        Ok(services) => Some(services),
        Err(error) => {
            let file = sources.add("environment", None);
            findings.add(Place { file, path: String::new(), or: None }, error.to_string());
            None
        }
    }
}

fn layered(text: &str, variables: &BTreeMap<String, String>) -> Result<RawServices, config::ConfigError> {
    let variables = variables.clone().into_iter().collect();
    let environment = config::Environment::with_prefix(PREFIX.trim_end_matches('_'))
        .separator("__")
        .try_parsing(false)
        .source(Some(variables));
    Config::builder()
        .add_source(File::from_str(text, FileFormat::Toml))
        .add_source(environment)
        .build()?
        .try_deserialize()
}

fn key_path(variable: &str) -> String {
    variable.trim_start_matches(PREFIX).to_ascii_lowercase().replace("__", ".")
}

type Refusal = (String, Option<String>);

/// Whether a variable names a value that may be overridden, and gives it a value of its type.
fn fit(variable: &str, value: &str, shape: &Table) -> Result<(), Refusal> {
    let path = key_path(variable);
    let mut steps = path.split('.');
    let first = steps.next().unwrap_or_default();
    if !TABLES.contains(&first) {
        let hint = did_you_mean(first, TABLES).unwrap_or_else(|| format!("known: {}", TABLES.join(", ")));
        return Err((format!("`{variable}` overrides nothing: `[{first}]` can't be overridden"), Some(hint)));
    }
    let mut here = shape.field(first).map(|field| &field.shape);
    for step in steps {
        let Some(table) = here.and_then(as_table) else { return Err(nothing(variable, step, None)) };
        here = Some(
            table
                .field(step)
                .map(|field| &field.shape)
                .ok_or_else(|| nothing(variable, step, Some(table)))?,
        );
    }
    here.map_or(Ok(()), |shape| fit_value(value, shape))
}

fn as_table(shape: &Shape) -> Option<&Table> {
    match shape {
        Shape::Table(table) => Some(table),
        Shape::Either(shapes) => shapes.iter().find_map(as_table),
        _ => None,
    }
}

fn nothing(variable: &str, step: &str, table: Option<&Table>) -> Refusal {
    let names = table.map(|table| table.fields.iter().map(|field| field.name.as_str()));
    let hint = names.and_then(|names| did_you_mean(step, names));
    (format!("`{variable}` overrides nothing: there is no key `{step}`"), hint)
}

fn fit_value(value: &str, shape: &Shape) -> Result<(), Refusal> {
    let refuse = |expected: String| Err((format!("`{value}` does not fit: expected {expected}"), None));
    match shape {
        Shape::Integer { min, max } => match value.parse::<i64>() {
            Ok(number) if (*min..=*max).contains(&number) => Ok(()),
            _ => refuse(format!("a whole number, {min} to {max}")),
        },
        Shape::Switch if value != "true" && value != "false" => refuse("true or false".to_owned()),
        Shape::Text(Some(format)) => match values::complaint(format, value) {
            Some(complaint) => Err((complaint.message, complaint.hint)),
            None => Ok(()),
        },
        Shape::Either(shapes) if shapes.iter().any(|shape| fit_value(value, shape).is_ok()) => Ok(()),
        Shape::Table(_) | Shape::Free(_) | Shape::Tagged { .. } | Shape::List { .. } | Shape::Either(_) => {
            refuse("the name of a single value after two more underscores".to_owned())
        }
        _ => Ok(()),
    }
}
