//! Where a value stands in JSON: a JSON Pointer (RFC 6901), whose levels may also pick the item of a list by what it says
//! of itself: `/data/[name=h2s]/value`. In an object such a level is a key like any other, as the RFC has it.

use serde_json::Value as Json;

/// A path, prepared for use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    written: String,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    /// A key of an object, or an index into a list.
    key: String,
    /// Of `[key=value]`: which item of a list.
    pick: Option<(String, String)>,
}

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Found<'a> {
    /// This.
    One(&'a Json),
    /// Nothing.
    Nothing,
    /// Several items of a list say the same of themselves: nobody knows which is meant.
    Several,
}

impl Path {
    /// A path as it is written. Any text is one; the site's check has refused those that make no sense.
    pub(super) fn new(written: &str) -> Self {
        let steps = written.split('/').skip(1).map(Step::new).collect();
        Self { written: written.to_owned(), steps }
    }

    /// As in the site file.
    pub(super) fn as_str(&self) -> &str {
        &self.written
    }

    /// What stands there.
    pub(super) fn find<'a>(&self, json: &'a Json) -> Found<'a> {
        let mut at = json;
        for step in &self.steps {
            match step.take(at) {
                Found::One(next) => at = next,
                other => return other,
            }
        }
        Found::One(at)
    }
}

impl Step {
    fn new(level: &str) -> Self {
        let plain = |text: &str| text.replace("~1", "/").replace("~0", "~");
        let inside = level.strip_prefix('[').and_then(|level| level.strip_suffix(']'));
        let pick = inside.and_then(|inside| inside.split_once('='));
        Self { key: plain(level), pick: pick.map(|(key, value)| (plain(key), plain(value))) }
    }

    fn take<'a>(&self, json: &'a Json) -> Found<'a> {
        let found = match (json, &self.pick) {
            (Json::Object(object), _) => object.get(&self.key),
            (Json::Array(list), Some(pick)) => return picked(list, pick),
            (Json::Array(list), None) => index(&self.key).and_then(|index| list.get(index)),
            _ => None,
        };
        found.map_or(Found::Nothing, Found::One)
    }
}

fn picked<'a>(list: &'a [Json], (key, value): &(String, String)) -> Found<'a> {
    let mut items = list.iter().filter(|item| item.get(key).is_some_and(|found| reads(found, value)));
    match (items.next(), items.next()) {
        (Some(_), Some(_)) => Found::Several,
        (Some(item), None) => Found::One(item),
        (None, _) => Found::Nothing,
    }
}

/// Whether a value reads as `text`: `id=3` picks both 3 and "3".
fn reads(found: &Json, text: &str) -> bool {
    match found {
        Json::String(found) => found == text,
        Json::Number(number) => number.to_string() == text,
        Json::Bool(on) => on.to_string() == text,
        Json::Null | Json::Array(_) | Json::Object(_) => false,
    }
}

/// An index has no sign and no leading zero.
fn index(key: &str) -> Option<usize> {
    let digits = key.bytes().all(|byte| byte.is_ascii_digit());
    let plain = key == "0" || !key.starts_with('0');
    (digits && plain).then(|| key.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn at(json: &Json, path: &str) -> Option<Json> {
        match Path::new(path).find(json) {
            Found::One(found) => Some(found.clone()),
            Found::Nothing => None,
            Found::Several => Some(json!("several")),
        }
    }

    #[test]
    fn an_item_is_picked_by_what_it_says_of_itself() {
        let json = json!({"data": [
            {"name": "h2s", "value": 3.1},
            {"name": "co", "value": 12, "id": 7},
            {"name": "a/b", "value": 1},
            {"name": "twin", "value": 1}, {"name": "twin", "value": 2},
            5, null,
        ]});
        for (path, expected) in [
            ("/data/[name=h2s]/value", Some(json!(3.1))),
            ("/data/[id=7]/value", Some(json!(12))),
            ("/data/[name=a~1b]/value", Some(json!(1))),
            ("/data/[name=o2]/value", None),
            ("/data/[name=twin]/value", Some(json!("several"))),
            ("/data/1/value", Some(json!(12))),
            ("/data/01/value", None),
            ("/data/-/value", None),
        ] {
            assert_eq!(at(&json, path), expected, "{path}");
        }
    }

    #[test]
    fn in_an_object_it_is_a_key() {
        let json = json!({"[name=h2s]": 1, "a": {"[x]": 2}});
        assert_eq!(at(&json, "/[name=h2s]"), Some(json!(1)));
        assert_eq!(at(&json, "/a/[x]"), Some(json!(2)));
    }

    proptest! {
        #[test]
        fn without_picks_it_is_a_json_pointer(path in "(/(a|b|0|1|a~1b|~0|)){0,4}") {
            let json = json!({"a": [1, {"b": 2, "": 3}], "b": {"a/b": [0, [1]], "~": 4, "0": 5}, "": {"": 6}});
            prop_assert_eq!(at(&json, &path), json.pointer(&path).cloned());
        }
    }
}
