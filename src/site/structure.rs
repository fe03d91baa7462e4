//! The structural pass: holds a parsed file against its shape and notes every unknown key, wrong type, missing key, number out
//! of bounds and unknown word, each with its bytes. TOML's own types are taken at their word: `502.0` and `"502"` are no 502.

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::repair::{Stray, Verdict};
use super::shape::{Field, Shape, Table, Word};
use super::source::{FileId, Findings};
use super::suggest::{did_you_mean, nearest};
use super::values;

/// Notes in `findings` whatever in `root` is not as `shape` says.
pub(super) fn examine(
    file: FileId,
    root: &Spanned<DeTable<'_>>,
    shape: &Table,
    findings: &mut Findings,
) -> Verdict {
    let mut pass = Pass { file, findings, verdict: Verdict::default() };
    let top = At { path: String::new(), span: 0..0 };
    pass.table(&top, root.get_ref(), shape, None);
    pass.verdict
}

/// Where in the file the pass is.
struct At {
    path: String,
    span: std::ops::Range<usize>,
}

impl At {
    fn key(&self, key: &str, span: std::ops::Range<usize>) -> Self {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Self { path, span }
    }

    fn index(&self, index: usize, span: std::ops::Range<usize>) -> Self {
        Self { path: format!("{}[{index}]", self.path), span }
    }
}

struct Pass<'f> {
    file: FileId,
    findings: &'f mut Findings,
    verdict: Verdict,
}

impl Pass<'_> {
    /// Notes a value that can't be used.
    fn note(&mut self, at: &At, message: impl Into<String>, hint: Option<String>) {
        self.verdict.unusable.push(at.path.clone());
        self.say(at, message, hint);
    }

    fn say(&mut self, at: &At, message: impl Into<String>, hint: Option<String>) {
        let finding = self.findings.add_at(self.file, &at.path, at.span.clone(), message);
        if let Some(hint) = hint {
            finding.hint(hint);
        }
    }

    /// A table; `tag` is the key that said which one it is, already looked at.
    fn table(&mut self, at: &At, table: &DeTable<'_>, shape: &Table, tag: Option<&str>) {
        let mut meant = Vec::new();
        for (key, value) in table {
            let name: &str = key.get_ref();
            match shape.field(name) {
                Some(field) => self.field(&at.key(name, value.span()), value, field),
                None if tag == Some(name) => {}
                None => {
                    let guess = self
                        .unknown_key(at, key, shape)
                        .filter(|field| !table.contains_key(field.name.as_str()));
                    if let Some(field) = guess {
                        self.field(&at.key(&field.name, value.span()), value, field);
                        meant.push(field.name.as_str());
                    }
                }
            }
        }
        let is_missing = |field: &&Field| {
            field.required
                && !table.contains_key(field.name.as_str())
                && !meant.contains(&field.name.as_str())
        };
        for field in shape.fields.iter().filter(is_missing) {
            self.missing_key(at, field);
        }
    }

    fn field(&mut self, at: &At, value: &Spanned<DeValue<'_>>, field: &Field) {
        self.value(at, value, &field.shape, field.hint.as_deref());
    }

    /// The field that an unknown key is taken for.
    fn unknown_key<'s>(
        &mut self,
        at: &At,
        key: &Spanned<DeString<'_>>,
        shape: &'s Table,
    ) -> Option<&'s Field> {
        let name: &str = key.get_ref();
        let names = || shape.fields.iter().map(|field| field.name.as_str());
        let meant = nearest(name, names());
        let hint = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("known here: {}", names().collect::<Vec<_>>().join(", ")),
        };
        self.say(&at.key(name, key.span()), format!("unknown key `{name}`"), Some(hint));
        self.verdict.strays.push(Stray {
            table: at.path.clone(),
            key: name.to_owned(),
            meant: meant.map(str::to_owned),
        });
        shape.field(meant?)
    }

    fn missing_key(&mut self, at: &At, field: &Field) {
        let hint = format!("add `{} = {}`: {}", field.name, example(&field.shape), field.about);
        self.note(at, format!("`{}` is missing", field.name), Some(hint));
    }

    fn value(&mut self, at: &At, value: &Spanned<DeValue<'_>>, shape: &Shape, hint: Option<&str>) {
        match (shape, value.get_ref()) {
            (Shape::Either(shapes), found) => match shapes.iter().find(|shape| fits(shape, found)) {
                Some(shape) => self.value(at, value, shape, hint),
                None => self.wrong_type(at, shape, found, hint),
            },
            (Shape::Table(shape), DeValue::Table(table)) => self.table(at, table, shape, None),
            (Shape::Free(item), DeValue::Table(table)) => {
                for (key, value) in table {
                    self.value(&at.key(key.get_ref(), value.span()), value, item, None);
                }
            }
            (Shape::Tagged { tag, variants }, DeValue::Table(table)) => self.tagged(at, table, tag, variants),
            (Shape::List { item, count }, DeValue::Array(list)) => self.list(at, list, item, *count),
            (Shape::Text(format), DeValue::String(text)) => self.text(at, text, format.as_deref()),
            (Shape::Words(words), DeValue::String(text)) => self.word(at, text, words),
            (Shape::Integer { min, max }, DeValue::Integer(number)) => {
                self.integer(at, i64::from_str_radix(number.as_str(), number.radix()).ok(), *min, *max);
            }
            (Shape::Number, DeValue::Float(number)) => self.finite(at, number.as_str()),
            (Shape::Number, DeValue::Integer(_)) | (Shape::Switch, DeValue::Boolean(_)) => {}
            (shape, found) => self.wrong_type(at, shape, found, hint),
        }
    }

    fn tagged(&mut self, at: &At, table: &DeTable<'_>, tag: &str, variants: &[(String, Table)]) {
        let words: Vec<Word> =
            variants.iter().map(|(word, _)| Word { word: word.clone(), about: String::new() }).collect();
        let Some(value) = table.get(tag) else {
            let hint = format!("add `{tag} = …`, one of {}", list_words(&words));
            return self.note(at, format!("`{tag}` is missing"), Some(hint));
        };
        let here = at.key(tag, value.span());
        let DeValue::String(word) = value.get_ref() else {
            return self.wrong_type(&here, &Shape::Words(words), value.get_ref(), None);
        };
        match variants.iter().find(|(name, _)| name == word) {
            Some((_, shape)) => self.table(at, table, shape, Some(tag)),
            None => self.word(&here, word, &words),
        }
    }

    fn list(&mut self, at: &At, list: &[Spanned<DeValue<'_>>], item: &Shape, count: Option<u64>) {
        if let Some(count) = count.filter(|count| *count != list.len() as u64) {
            self.note(at, format!("expected {count} values, found {}", list.len()), None);
        }
        for (index, value) in list.iter().enumerate() {
            self.value(&at.index(index, value.span()), value, item, None);
        }
    }

    fn text(&mut self, at: &At, text: &str, format: Option<&str>) {
        if let Some(complaint) = format.and_then(|format| values::complaint(format, text)) {
            self.note(at, complaint.message, complaint.hint);
        }
    }

    fn word(&mut self, at: &At, text: &str, words: &[Word]) {
        if words.iter().any(|word| word.word == text) {
            return;
        }
        let allowed = format!("one of {}", list_words(words));
        let hint = match did_you_mean(text, words.iter().map(|word| word.word.as_str())) {
            Some(guess) => format!("{guess} ({allowed})"),
            None => allowed,
        };
        self.note(at, format!("`{text}` is not known here"), Some(hint));
    }

    fn integer(&mut self, at: &At, number: Option<i64>, min: i64, max: i64) {
        if !number.is_some_and(|number| (min..=max).contains(&number)) {
            let found = number.map_or_else(|| "this number".to_owned(), |number| number.to_string());
            let hint = if min == max { format!("use {min}") } else { format!("use {min} to {max}") };
            self.note(at, format!("{found} is out of bounds"), Some(hint));
        }
    }

    fn finite(&mut self, at: &At, number: &str) {
        if !number.parse::<f64>().is_ok_and(f64::is_finite) {
            self.note(at, format!("`{number}` is not a finite number"), None);
        }
    }

    fn wrong_type(&mut self, at: &At, shape: &Shape, found: &DeValue<'_>, hint: Option<&str>) {
        let expected = kind(shape);
        let hint = hint.map(str::to_owned).or_else(|| unquote(shape, found));
        self.note(at, format!("expected {expected}, found {}", found_kind(found)), hint);
    }
}

/// Whether a value has the TOML type of a shape.
fn fits(shape: &Shape, value: &DeValue<'_>) -> bool {
    matches!(
        (shape, value),
        (Shape::Table(_) | Shape::Free(_) | Shape::Tagged { .. }, DeValue::Table(_))
            | (Shape::List { .. }, DeValue::Array(_))
            | (Shape::Text(_) | Shape::Words(_), DeValue::String(_))
            | (Shape::Integer { .. } | Shape::Number, DeValue::Integer(_))
            | (Shape::Number, DeValue::Float(_))
            | (Shape::Switch, DeValue::Boolean(_))
    )
}

/// What a shape is called in a message.
pub(super) fn kind(shape: &Shape) -> String {
    match shape {
        Shape::Table(_) | Shape::Free(_) | Shape::Tagged { .. } => "a table".to_owned(),
        Shape::List { item, count: Some(count) } => format!("an array of {count}, each {}", kind(item)),
        Shape::List { item, count: None } => format!("an array, each {}", kind(item)),
        Shape::Text(None) => "a string".to_owned(),
        Shape::Text(Some(format)) => format!("a string ({})", format.replace('-', " ")),
        Shape::Words(words) => format!("one of {}", list_words(words)),
        Shape::Integer { min, max } if *max == i64::MAX => format!("a whole number from {min}"),
        Shape::Integer { min, max } => format!("a whole number, {min} to {max}"),
        Shape::Number => "a number".to_owned(),
        Shape::Switch => "true or false".to_owned(),
        Shape::Either(shapes) => shapes.iter().map(kind).collect::<Vec<_>>().join(", or "),
    }
}

const fn found_kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

/// The commonest slip: quotes too many or too few.
fn unquote(shape: &Shape, found: &DeValue<'_>) -> Option<String> {
    match (shape, found) {
        (Shape::Integer { .. } | Shape::Number | Shape::Switch, DeValue::String(_)) => {
            Some("write it without quotes".to_owned())
        }
        (Shape::Integer { .. }, DeValue::Float(_)) => Some("write it without a fraction".to_owned()),
        (Shape::Text(Some(format)), DeValue::Integer(_)) if format == "duration" => {
            Some("write the unit too, in quotes: \"500ms\", \"5s\", \"10min\" or \"1h\"".to_owned())
        }
        (Shape::Text(_) | Shape::Words(_), DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_)) => {
            Some("write it in quotes".to_owned())
        }
        (Shape::List { .. }, DeValue::Table(_)) => {
            Some("write its header with two brackets: `[[…]]`".to_owned())
        }
        (Shape::Table(_), DeValue::Array(_)) => Some("write its header with one bracket: `[…]`".to_owned()),
        _ => None,
    }
}

fn list_words(words: &[Word]) -> String {
    words.iter().map(|word| format!("\"{}\"", word.word)).collect::<Vec<_>>().join(", ")
}

/// What a value of a shape looks like, for a hint.
fn example(shape: &Shape) -> String {
    match shape {
        Shape::Table(_) | Shape::Free(_) | Shape::Tagged { .. } => "{ … }".to_owned(),
        Shape::List { .. } => "[…]".to_owned(),
        Shape::Text(_) => "\"…\"".to_owned(),
        Shape::Words(words) => words.first().map_or_else(String::new, |word| format!("\"{}\"", word.word)),
        Shape::Integer { min, .. } => min.to_string(),
        Shape::Number => "0.0".to_owned(),
        Shape::Switch => "true".to_owned(),
        Shape::Either(shapes) => shapes.first().map_or_else(String::new, example),
    }
}
