//! A load that a site file gives, or leaves to be learnt.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

/// A load that is given as a number, or `"learned"`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(untagged)]
pub(in crate::site) enum Bound {
    /// In the point's unit.
    Given(f64),
    /// From the point's own past.
    Learned(Learned),
}

/// The word for what is learnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::site) enum Learned {
    /// The only one.
    Learned,
}

impl Bound {
    /// The number, if it is one.
    pub(in crate::site) const fn given(self) -> Option<f64> {
        match self {
            Self::Given(load) => Some(load),
            Self::Learned(_) => None,
        }
    }
}

impl JsonSchema for Bound {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Bound".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "number" }, { "type": "string", "enum": ["learned"] }] })
    }
}
