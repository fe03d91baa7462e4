//! How the second stage goes on although the first found mistakes, so that one run reports both: a misspelt key is taken for
//! the one that it is near to, any other unknown key is left out, and an entry with a wrong value is left out whole. What was
//! left out is remembered, so that nothing is called missing that is only misspelt.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::values::complaint;

/// What the structural pass makes of a file.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// Unknown keys.
    pub(super) strays: Vec<Stray>,
    /// Key paths of values that can't be used.
    pub(super) unusable: Vec<String>,
}

/// An unknown key.
#[derive(Debug)]
pub(super) struct Stray {
    /// Key path of its table; empty for the file's top.
    pub(super) table: String,
    /// The key as it is written.
    pub(super) key: String,
    /// The key that it is taken for.
    pub(super) meant: Option<String>,
}

/// Stand in the place of a table's name: devices whose points are not known, or not all.
const BLURRED: &str = "device without its template";
const THINNED: &str = "device without some point";
/// Stands in the place of a device's name.
const ANY: &str = "*";

/// What was left out of a site, by the names that others may know it under.
#[derive(Debug, Default)]
pub(super) struct Damage {
    /// A whole file is missing: it may have held anything.
    all: bool,
    /// Names of entries by table.
    names: BTreeSet<(String, String)>,
    /// Tables that lost an entry whose name can't be read.
    nameless: BTreeSet<String>,
}

impl Damage {
    /// Notes that a whole file is missing.
    pub(super) fn lose_all(&mut self) {
        self.all = true;
    }

    /// Notes that a device's template is missing, and so what its points are.
    pub(super) fn blur(&mut self, device: &str) {
        self.names.insert((BLURRED.to_owned(), device.to_owned()));
    }

    /// Notes that a point is missing that may belong to any device.
    pub(super) fn lose_point(&mut self) {
        self.names.insert((THINNED.to_owned(), ANY.to_owned()));
    }

    /// Whether anything is missing.
    pub(super) fn any(&self) -> bool {
        self.all || !self.names.is_empty() || !self.nameless.is_empty()
    }

    /// Whether a device's template is missing.
    pub(super) fn blurs(&self, device: &str) -> bool {
        self.holds(BLURRED, device)
    }

    /// Whether points of a device may be missing.
    pub(super) fn thins(&self, device: &str) -> bool {
        self.all || self.nameless.contains("point") || self.holds(THINNED, device) || self.holds(THINNED, ANY)
    }

    /// Whether an entry of this name may be among what is missing.
    pub(super) fn may_hold(&self, table: &str, name: &str) -> bool {
        let device = name.split('.').next().unwrap_or_default();
        self.all
            || self.nameless.contains(table)
            || self.holds(table, name)
            || (table == "point"
                && (self.may_hold("device", device) || self.blurs(device) || self.may_hold("derived", name)))
    }

    fn holds(&self, table: &str, name: &str) -> bool {
        self.names.contains(&(table.to_owned(), name.to_owned()))
    }

    fn lose(&mut self, table: &str, entry: &DeValue<'_>) {
        let text = |key: &str| entry.as_table()?.get(key)?.get_ref().as_str();
        let name = match (table, text("id"), text("device"), text("signal")) {
            ("point", _, Some(device), Some(signal)) => {
                self.names.insert((THINNED.to_owned(), device.to_owned()));
                Some(format!("{device}.{signal}"))
            }
            // An id that can't be one says nothing of the name that was meant.
            (_, Some(id), _, _) if complaint("id", id).is_none() => Some(id.to_owned()),
            _ => None,
        };
        match name {
            Some(name) => self.names.insert((table.to_owned(), name)),
            None => self.nameless.insert(table.to_owned()),
        };
    }
}

/// Original numbers of the entries of each table that lost some.
pub(super) type Kept = BTreeMap<String, Vec<usize>>;

/// Makes of `root` what can be deserialized.
pub(super) fn repair(root: &mut Spanned<DeTable<'_>>, verdict: &Verdict, damage: &mut Damage) -> Kept {
    let root = root.get_mut();
    for stray in &verdict.strays {
        put_right(root, stray, damage);
    }
    let mut entries: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for path in &verdict.unusable {
        let (table, index) = head(path);
        match index {
            Some(index) if table != "include" => drop(entries.entry(table).or_default().insert(index)),
            _ => {
                if table == "include" {
                    damage.lose_all();
                }
                damage.nameless.insert(table.to_owned());
                root.remove(table);
            }
        }
    }
    entries
        .into_iter()
        .map(|(table, gone)| (table.to_owned(), leave_out(root, table, &gone, damage)))
        .collect()
}

/// Leaves entries out of a table; the original numbers of those that stay.
fn leave_out(root: &mut DeTable<'_>, table: &str, gone: &BTreeSet<usize>, damage: &mut Damage) -> Vec<usize> {
    let Some(DeValue::Array(list)) = root.get_mut(table).map(Spanned::get_mut) else { return Vec::new() };
    let entries = std::mem::replace(list, DeArray::new());
    let mut kept = Vec::new();
    for (index, entry) in entries.into_iter().enumerate() {
        if gone.contains(&index) {
            damage.lose(table, entry.get_ref());
        } else {
            kept.push(index);
            list.push(entry);
        }
    }
    kept
}

fn put_right(root: &mut DeTable<'_>, stray: &Stray, damage: &mut Damage) {
    let top = stray.table.is_empty();
    let Some(table) = table_at(root, &stray.table) else { return };
    let Some((key, value)) = table.remove_entry(stray.key.as_str()) else { return };
    match &stray.meant {
        Some(meant) if !table.contains_key(meant.as_str()) => {
            table.insert(Spanned::new(key.span(), meant.clone().into()), value);
        }
        _ if top => damage.lose_all(),
        _ => {}
    }
}

fn table_at<'r, 'i>(root: &'r mut DeTable<'i>, path: &str) -> Option<&'r mut DeTable<'i>> {
    let mut here = root;
    let mut steps = path.split(['.', '[', ']']).filter(|step| !step.is_empty()).peekable();
    while let Some(step) = steps.next() {
        let mut value = here.get_mut(step)?.get_mut();
        while let DeValue::Array(list) = value {
            value = list.get_mut(steps.next()?.parse::<usize>().ok()?)?.get_mut();
        }
        let DeValue::Table(table) = value else { return None };
        here = table;
    }
    Some(here)
}

/// `device[2].poll` → `device`, 2.
fn head(path: &str) -> (&str, Option<usize>) {
    let table = &path[..path.find(['.', '[']).unwrap_or(path.len())];
    let index = path[table.len()..].strip_prefix('[').and_then(|rest| rest.split(']').next());
    (table, index.and_then(|index| index.parse().ok()))
}
