//! Files that are wrong: every mistake at its place, in words that say what would be right, and no other mistake.
//! `«` stands before the text that a mistake is to point at; `««` where two point at the same.

mod calendar;
mod conditions;
mod derived;
mod devices;
mod dial_in;
mod feeders;
mod handling;
mod meaning;
mod outputs;
mod publishers;
mod structure;
mod values;

use super::{edited, mistakes};

/// Edits of the base text, and for each mark the words that its mistake (message and hint) must hold.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a [&'a str]]);

fn check(cases: &[Case<'_>]) {
    for (edits, expected) in cases {
        let marked = edited(edits);
        let text = marked.replace('«', "");
        let found = mistakes(&text);
        let places: Vec<(usize, usize)> = marks(&marked);
        let got: Vec<(usize, usize)> =
            found.iter().map(|one| (one.line.unwrap_or(0), one.column.unwrap_or(0))).collect();
        assert_eq!(got, places, "places of the mistakes in {edits:?}:\n{found}");
        assert_eq!(found.len(), expected.len(), "{edits:?}:\n{found}");
        for (mistake, words) in found.iter().zip(*expected) {
            let said = format!("{} | {}", mistake.message, mistake.hint.as_deref().unwrap_or_default());
            for word in *words {
                assert!(said.contains(word), "`{word}` is not in `{said}`, for {edits:?}");
            }
        }
    }
}

/// Line and column of every mark, as if the marks were not there.
fn marks(text: &str) -> Vec<(usize, usize)> {
    let mut places = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let before = line.char_indices().filter(|(_, c)| *c == '«').enumerate();
        places.extend(before.map(|(nth, (at, _))| (index + 1, line[..at].chars().count() - nth + 1)));
    }
    places
}
