//! Whatever the text, the answer is a site or mistakes, each at a place that exists: never a panic.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{BASE, variables};
use crate::site::{Mistakes, parse};

const DEMO: &str = include_str!("../../../config/demo.toml");

fn whole(mistakes: &Mistakes) {
    for color in [false, true] {
        let shown = mistakes.render(color);
        assert!(shown.ends_with('\n') && shown.trim_end().len() + 1 == shown.len(), "{shown:?}");
    }
    assert!(mistakes.iter().all(|one| !one.message.is_empty()));
    assert!(mistakes.to_json().as_array().is_some_and(|list| list.len() == mistakes.len()));
}

fn judge(text: &str) {
    if let Err(mistakes) = parse("any.toml", text, &variables()) {
        whole(&mistakes);
    }
}

/// Pieces that make trouble at the seams of the language.
fn scrap() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("\"".to_owned()),
        Just("[[".to_owned()),
        Just("]]\n".to_owned()),
        Just("= \n".to_owned()),
        Just("\"\"\"".to_owned()),
        Just("password = \"".to_owned()),
        Just("é灰🜁".to_owned()),
        Just("-1e999".to_owned()),
        Just("999999999999999999999".to_owned()),
        Just("{ a.b = 1, ".to_owned()),
        Just("1979-05-27T07:32:00Z".to_owned()),
        "[a-z_]{1,8}",
        any::<char>().prop_map(String::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_is_judged(text in any::<String>()) {
        judge(&text);
    }

    #[test]
    fn a_mutilated_site_is_judged(start in 0.0..1.0f64, length in 0usize..40, scrap in scrap()) {
        for text in [BASE, DEMO] {
            let cut = |at: usize| (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            let from = cut((start * text.len() as f64) as usize);
            let to = cut(from + length).max(from);
            judge(&format!("{}{scrap}{}", &text[..from], &text[to..]));
        }
    }

    #[test]
    fn a_site_whose_lines_are_shuffled_is_judged(seed in any::<prop::sample::Index>(), count in 1usize..6) {
        let mut lines: Vec<&str> = BASE.lines().collect();
        for step in 0..count {
            let at = seed.index(lines.len());
            let line = lines.remove(at);
            let to = (at + step * 7) % (lines.len() + 1);
            lines.insert(to, line);
        }
        judge(&lines.join("\n"));
    }

    #[test]
    fn arbitrary_variables_are_judged(name in "[A-Z_]{0,20}", value in any::<String>()) {
        let env = BTreeMap::from([(format!("HAZGATE__{name}"), value), ("PW".to_owned(), "x".to_owned())]);
        if let Err(mistakes) = parse("any.toml", BASE, &env) {
            whole(&mistakes);
        }
    }
}
