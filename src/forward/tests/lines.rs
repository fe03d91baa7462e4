//! The line protocol, read back by a reader that was written from its description and knows nothing of the writer.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use uuid::Uuid;

use crate::forward::line::{Lines, hazards};
use crate::model::{ClockSync, Event, Reason, Sample, Text, Value, Wall};
use crate::store::fixtures::{raised, site};
use crate::store::{Row, RowReading};

#[derive(Debug, PartialEq)]
struct Parsed {
    measurement: String,
    tags: BTreeMap<String, String>,
    fields: BTreeMap<String, String>,
    at: i64,
}

/// Splits at `separator`, but not behind a backslash and not within quotes.
fn split(text: &str, separator: char) -> Vec<String> {
    let (mut parts, mut part, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                part.push(c);
                part.extend(chars.next());
            }
            '"' => {
                quoted = !quoted;
                part.push(c);
            }
            c if c == separator && !quoted => parts.push(std::mem::take(&mut part)),
            c => part.push(c),
        }
    }
    parts.push(part);
    parts
}

fn unescape(text: &str) -> String {
    let mut chars = text.chars();
    let mut out = String::new();
    while let Some(c) = chars.next() {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    out
}

/// Splits `key=value`. Quotes mean nothing in tags, so they are split apart from fields.
fn pair(text: &str) -> (String, String) {
    let (key, value) = text.split_once('=').unwrap();
    assert!(!key.is_empty() && !value.is_empty(), "an empty key or value: {text}");
    (key.to_owned(), value.to_owned())
}

fn parse(line: &str) -> Parsed {
    // Tags hold no quotes in these tests, so one splitter does for the whole line.
    let sections = split(line, ' ');
    assert_eq!(sections.len(), 3, "{line}");
    let mut head = split(&sections[0], ',').into_iter();
    let measurement = head.next().unwrap();
    let tags = head.map(|tag| pair(&tag)).map(|(k, v)| (k, unescape(&v))).collect();
    let fields = split(&sections[1], ',').iter().map(|field| pair(field)).collect();
    Parsed { measurement, tags, fields, at: sections[2].parse().unwrap() }
}

fn row(point: &str, sample: Sample) -> Row {
    let readings = vec![RowReading { point: Arc::from(point), at: Wall(17), sample }];
    Row { id: 1, device: Arc::from("meter1"), seq: 1, at: Wall(20), clock: ClockSync::Synced, readings }
}

fn lines_of(row: &Row) -> Vec<Parsed> {
    let site = site(std::path::Path::new("x"), vec![]);
    let mut lines = Lines::default();
    lines.row(&site, &hazards(&site), row);
    std::str::from_utf8(lines.as_bytes()).unwrap().lines().map(parse).collect()
}

#[test]
fn a_reading_has_its_tags_its_own_time_and_one_type_for_each_field() {
    let [good]: [Parsed; 1] =
        lines_of(&row("meter1.power", Sample::Good(Value::Float(2.5)))).try_into().unwrap();
    assert_eq!(good.measurement, "reading");
    let tags: Vec<_> = good.tags.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(
        tags,
        ["device=meter1", "enterprise=acme", "gateway=gw1", "hazard=dust1", "point=meter1.power"]
    );
    assert_eq!((good.fields["value"].as_str(), good.fields["quality"].as_str()), ("2.5", "\"good\""));
    assert_eq!(good.at, 17);

    let whole = &lines_of(&row("meter1.power", Sample::Good(Value::Int(3))))[0];
    assert_eq!(whole.fields["value"], "3.0", "a float, like every other `value`");
    let switch = &lines_of(&row("meter1.run", Sample::Uncertain(Value::Bool(true), Reason::Stale)))[0];
    assert_eq!(switch.fields["state"], "true");
    assert!(!switch.fields.contains_key("value"));
    let gone = &lines_of(&row("old.point", Sample::Bad(Reason::Comm)))[0];
    assert_eq!(gone.fields.keys().collect::<Vec<_>>(), ["quality"], "p2: no value is invented");
    assert!(!gone.tags.contains_key("hazard"), "an empty tag is no tag");
}

proptest! {
    #[test]
    fn no_name_can_break_out_of_its_tag(name in "[^\"\\\\\\p{Cc}]{1,40}") {
        let parsed = lines_of(&row(&name, Sample::Good(Value::Float(1.0))));
        prop_assert_eq!(parsed.len(), 1);
        prop_assert_eq!(&parsed[0].tags["point"], &name);
    }

    #[test]
    fn any_name_at_all_leaves_one_line_with_its_fields(name in "\\PC{0,20}[\n\\\\,= ]{0,5}") {
        let site = site(std::path::Path::new("x"), vec![]);
        let mut lines = Lines::default();
        lines.row(&site, &hazards(&site), &row(&name, Sample::Good(Value::Float(1.0))));
        let text = std::str::from_utf8(lines.as_bytes()).unwrap();
        prop_assert_eq!(text.matches('\n').count(), 1);
        let end = r#" value=1.0,quality="good" 17"#;
        prop_assert!(text.trim_end().ends_with(end), "{}", text);
        prop_assert!(!text.trim_end().trim_end_matches(end).ends_with('\\'), "{}", text);
    }

    #[test]
    fn any_text_of_an_event_stays_in_its_quotes(zh in "\\PC{1,40}", en in "[\"\\\\,= a]{1,20}") {
        let mut transition = raised("dust1.fan");
        transition.message = Text::new(zh.clone(), en.clone());
        let event = Event { id: Uuid::nil(), seq: 7, clock: ClockSync::Unsynced, transition };
        let site = site(std::path::Path::new("x"), vec![]);
        let mut lines = Lines::default();
        lines.event(&site, &event);
        let parsed = parse(std::str::from_utf8(lines.as_bytes()).unwrap().trim_end());
        let text = |key: &str| unescape(parsed.fields[key].trim_matches('"'));
        prop_assert_eq!(parsed.fields["message_zh"].len(), parsed.fields["message_zh"].trim().len());
        prop_assert_eq!(unescape(&parsed.fields["message_en"][1..parsed.fields["message_en"].len() - 1]), en);
        prop_assert_eq!(text("clock"), "unsynced");
        prop_assert_eq!(text("state"), "unacknowledged");
        prop_assert_eq!(&parsed.tags["event"], "raised");
    }

    #[test]
    fn every_number_comes_back_as_it_was_and_none_is_not_a_number(x in any::<f64>()) {
        let parsed = &lines_of(&row("meter1.power", Sample::Good(Value::Float(x))))[0];
        match parsed.fields.get("value") {
            Some(text) => prop_assert_eq!(text.parse::<f64>().unwrap(), x),
            None => prop_assert!(!x.is_finite()),
        }
    }
}
