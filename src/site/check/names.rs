//! Names: each defined once, each reference to one that exists.

use std::collections::BTreeMap;

use super::Context;
use crate::site::source::{Findings, Place};
use crate::site::suggest::did_you_mean;

/// Names shown in full when none is near.
const KNOWN_SHOWN_MAX: usize = 12;

/// The names of one kind of thing, and where each is defined.
pub(super) struct Names {
    what: &'static str,
    map: BTreeMap<String, (usize, Place)>,
}

impl Names {
    /// No names yet of `what`, such as `device`.
    pub(super) fn new(what: &'static str) -> Self {
        Self { what, map: BTreeMap::new() }
    }

    /// Defines `name` for the entry at `index`. A second definition is a mistake that names the first.
    pub(super) fn define(&mut self, name: &str, index: usize, place: Place, findings: &mut Findings) -> bool {
        if let Some((_, first)) = self.map.get(name) {
            findings
                .add(place, format!("{} `{name}` is defined twice", self.what))
                .first(first.clone())
                .hint("give one of them another name");
            return false;
        }
        self.map.insert(name.to_owned(), (index, place));
        true
    }

    /// Whether there is an entry of that name.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.map.contains_key(name)
    }

    /// Where the entry of that name is defined.
    pub(super) fn defined_at(&self, name: &str) -> Option<&Place> {
        self.map.get(name).map(|(_, place)| place)
    }

    /// The entry of that name, which is meant to exist.
    /// None and no mistake, if it may be among what the first stage left out.
    pub(super) fn find(&self, name: &str, place: Place, context: &mut Context<'_>) -> Option<usize> {
        if let Some((index, _)) = self.map.get(name) {
            return Some(*index);
        }
        if context.damage.may_hold(self.what, name) {
            return None;
        }
        let many = context.findings.are_many();
        let finding = context.findings.add(place, format!("there is no {} `{name}`", self.what));
        if !many {
            finding.hint(self.advice(name));
        }
        None
    }

    /// The entry of that name, if there is one.
    pub(super) fn place_of(&self, name: &str) -> Option<usize> {
        self.map.get(name).map(|(index, _)| *index)
    }

    /// What may have been meant by `name`.
    pub(super) fn advice(&self, name: &str) -> String {
        let known = || self.map.keys().map(String::as_str);
        if let Some(guess) = did_you_mean(name, known()) {
            return guess;
        }
        match self.map.len() {
            0 => format!("no {0} is defined: add a [[{0}]]", self.what),
            1..=KNOWN_SHOWN_MAX => format!("known: {}", known().collect::<Vec<_>>().join(", ")),
            many => format!("none of the {many} that are defined is near"),
        }
    }
}
