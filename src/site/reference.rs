//! The reference of the site file, written from the same shapes that the structural pass checks against, and the list of what
//! is built in, written from the files themselves. docs/site-file.md holds it; a test keeps the two the same.

mod packs;

use super::library::{self, Shelf};
use super::load::template_shape;
use super::raw::{RawPackFile, RawSite, RawTemplate};
use super::shape::{self, Field, Shape, Table, Word};
use super::values::Words;
use crate::model::Text;

/// The reference in Markdown: every table and field of the site file, of templates and of packs; then what is built in.
pub fn reference() -> String {
    let mut writer = Writer::default();
    writer.site(&shape::table_of::<RawSite>());
    writer.heading("Device template files: `devices/<name>.toml`");
    writer.tables(&template_shape());
    writer.heading("Rule pack files: `packs/<name>.toml`");
    writer.tables(&shape::table_of::<RawPackFile>());
    writer.shared();
    writer.heading("Built-in device templates");
    writer.built_in_templates();
    writer.heading("Built-in rule packs");
    writer.built_in_packs();
    writer.text
}

#[derive(Default)]
struct Writer {
    text: String,
    /// Inline tables met so far, by key: each is written once.
    inline: Vec<(String, Table)>,
}

impl Writer {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn heading(&mut self, title: &str) {
        self.line(&format!("\n## {title}\n"));
    }

    fn site(&mut self, site: &Table) {
        let (tables, plain): (Vec<&Field>, Vec<&Field>) =
            site.fields.iter().partition(|field| header(field).is_some());
        self.heading("Top of the file");
        self.rows(plain.into_iter());
        for field in tables {
            let title = header(field).unwrap_or_default();
            self.heading(&title);
            self.line(&format!("{}\n", field.about));
            self.table_field(&title, field);
        }
    }

    fn table_field(&mut self, title: &str, field: &Field) {
        match &field.shape {
            Shape::Table(table) => self.rows(table.fields.iter()),
            Shape::List { item, .. } => match item.as_ref() {
                Shape::Table(table) => self.rows(table.fields.iter()),
                Shape::Tagged { tag, variants } => {
                    for (word, table) in variants {
                        self.line(&format!("### {title} with `{tag} = \"{word}\"`\n"));
                        self.rows(table.fields.iter());
                    }
                }
                _ => {}
            },
            _ => {}
        }
    }

    /// A file other than the site file: its top and its tables.
    fn tables(&mut self, file: &Table) {
        let (tables, plain): (Vec<&Field>, Vec<&Field>) =
            file.fields.iter().partition(|field| header(field).is_some());
        self.rows(plain.into_iter());
        for field in tables {
            let title = header(field).unwrap_or_default();
            match (title.as_str(), &field.shape) {
                ("`[device]`", Shape::Table(table)) => self.names_only(&title, "[[device]]", table),
                ("`[[point]]`", Shape::List { item, .. }) => {
                    if let Shape::Table(table) = item.as_ref() {
                        self.names_only(&title, "[[point]]", table);
                    }
                }
                _ => {
                    self.line(&format!("### {title}\n\n{}\n", field.about));
                    self.table_field(&title, field);
                }
            }
        }
    }

    /// A table whose fields are explained elsewhere.
    fn names_only(&mut self, title: &str, same_as: &str, table: &Table) {
        let names: Vec<String> = table.fields.iter().map(|field| format!("`{}`", field.name)).collect();
        self.line(&format!("### {title}\n\nAs in `{same_as}`: {}.\n", names.join(", ")));
    }

    fn rows<'f>(&mut self, fields: impl Iterator<Item = &'f Field>) {
        let mut fields: Vec<&Field> = fields.collect();
        fields.sort_by_key(|field| (!field.required, field.name.as_str()));
        self.line("| field | type | unit | default | meaning |");
        self.line("| --- | --- | --- | --- | --- |");
        for field in &fields {
            let row = format!(
                "| `{}` | {} | {} | {} | {} |",
                field.name,
                kind(&field.name, &field.shape),
                field.unit.as_deref().unwrap_or_default(),
                default(field),
                field.about
            );
            self.line(&row);
            self.remember(&field.name, &field.shape);
        }
        self.line("");
        for field in fields {
            self.words(field);
        }
    }

    /// What each word of a field means.
    fn words(&mut self, field: &Field) {
        let Shape::Words(words) = &field.shape else { return };
        if words.iter().all(|word| word.about.is_empty()) {
            return;
        }
        self.line(&format!("Values of `{}`:\n", field.name));
        for Word { word, about } in words {
            self.line(&format!("- `\"{word}\"`: {about}"));
        }
        self.line("");
    }

    fn remember(&mut self, name: &str, shape: &Shape) {
        let table = match shape {
            Shape::List { item, .. } => item.as_ref(),
            shape => shape,
        };
        if let Shape::Table(table) = table
            && !self.inline.iter().any(|(known, _)| known == name)
        {
            self.inline.push((name.to_owned(), table.clone()));
        }
    }

    /// Inline tables that several tables share.
    fn shared(&mut self) {
        let mut written = 0;
        while let Some((name, table)) = self.inline.get(written).cloned() {
            self.heading(&format!("`{name} = {{ … }}`"));
            self.rows(table.fields.iter());
            written += 1;
        }
    }

    fn built_in_templates(&mut self) {
        self.line("| name | device | signals | source, and how sure it is |");
        self.line("| --- | --- | --- | --- |");
        for name in Shelf::Devices.names() {
            let Some(template) = built_in::<RawTemplate>(Shelf::Devices, &name) else { continue };
            let signals: Vec<String> =
                template.point.iter().map(|point| format!("`{}`", point.signal.0)).collect();
            let title = both(template.name);
            self.line(&format!("| `{name}` | {title} | {} | {} |", signals.join(" "), template.source));
        }
    }
}

fn built_in<T: serde::de::DeserializeOwned>(shelf: Shelf, name: &str) -> Option<T> {
    let text = library::find(shelf, name, None)?.text.ok()?;
    toml::from_str(&text).ok()
}

fn both(words: Words) -> String {
    let Text { zh, en } = words.into();
    if zh == en { zh } else { format!("{zh} / {en}") }
}

/// How the header of a table is written, if a field is one.
fn header(field: &Field) -> Option<String> {
    match &field.shape {
        Shape::Table(_) => Some(format!("`[{}]`", field.name)),
        Shape::List { item, .. } if matches!(item.as_ref(), Shape::Table(_) | Shape::Tagged { .. }) => {
            Some(format!("`[[{}]]`", field.name))
        }
        _ => None,
    }
}

fn kind(name: &str, shape: &Shape) -> String {
    match shape {
        Shape::Table(_) => format!("table, see `{name} = {{ … }}`"),
        Shape::Free(item) => format!("table of {}", kind(name, item)),
        Shape::Tagged { .. } => "table".to_owned(),
        Shape::List { item, count: Some(count) } => format!("array of {count}: {}", kind(name, item)),
        Shape::List { item, count: None } => format!("array: {}", kind(name, item)),
        Shape::Text(format) => {
            format.as_deref().map_or_else(|| "text".to_owned(), |name| name.replace('-', " "))
        }
        Shape::Words(words) => {
            let words: Vec<String> = words.iter().map(|word| format!("`\"{}\"`", word.word)).collect();
            words.join(", ")
        }
        Shape::Integer { min, max } if min == max => format!("{min}"),
        Shape::Integer { min, max } => format!("whole number, {min} to {max}"),
        Shape::Number => "number".to_owned(),
        Shape::Switch => "true or false".to_owned(),
        Shape::Either(shapes) if shapes.iter().any(|shape| matches!(shape, Shape::Table(_))) => {
            "text, or `{ zh = \"…\", en = \"…\" }`".to_owned()
        }
        Shape::Either(shapes) => {
            shapes.iter().map(|shape| kind(name, shape)).collect::<Vec<_>>().join(", or ")
        }
    }
}

fn default(field: &Field) -> String {
    match &field.default {
        _ if field.required => "**required**".to_owned(),
        Some(value) if value.as_array().is_some_and(Vec::is_empty) => String::new(),
        Some(value) if value.is_object() => String::new(),
        Some(value) => format!("`{value}`"),
        None => String::new(),
    }
}
