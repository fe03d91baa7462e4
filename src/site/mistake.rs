//! What is wrong with a site file, said so that it can be put right: file, line, column, what was found, and
//! what would be right. Every mistake of a file is found before any is shown.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Element, Level, Origin, Renderer, Snippet};
use serde::Serialize;

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// The file as the user named it, or the variable that overrides it.
    pub file: String,
    /// Line, from 1; none where no text could be read.
    pub line: Option<usize>,
    /// Column in characters, from 1; none where no text could be read.
    pub column: Option<usize>,
    /// The bytes concerned; none where no text could be read.
    pub span: Option<Range<usize>>,
    /// Where it stands in the file's tables, such as `device[2].poll`; empty for the file as a whole.
    pub key_path: String,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub hint: Option<String>,
}

/// Every mistake of a site file; at least one.
#[derive(Clone, PartialEq, Eq)]
pub struct Mistakes {
    list: Vec<Mistake>,
    /// Texts by file name, with secrets blotted out: what may be shown.
    texts: BTreeMap<String, Arc<str>>,
}

impl Mistakes {
    /// The mistakes of `list`, which is not empty, in texts that are fit to be shown.
    pub(super) fn new(list: Vec<Mistake>, texts: BTreeMap<String, Arc<str>>) -> Self {
        debug_assert!(!list.is_empty(), "a refusal without a reason");
        Self { list, texts }
    }

    /// The mistakes, in the order of the files and of their lines.
    pub fn iter(&self) -> std::slice::Iter<'_, Mistake> {
        self.list.iter()
    }

    /// How many there are; never 0.
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Every mistake with the line that it stands on, for a person, each line with its end; `color` for a terminal.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let shown: Vec<String> =
            self.list.iter().map(|mistake| self.render_one(&renderer, mistake)).collect();
        shown.join("\n\n") + "\n"
    }

    /// Every mistake for a machine: an array of objects with the fields of [`Mistake`].
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!(self.list)
    }

    fn render_one(&self, renderer: &Renderer, mistake: &Mistake) -> String {
        let excerpt = self.excerpt(mistake);
        let place: Element<'_> = match &excerpt {
            Some(excerpt) => Snippet::source(excerpt.text)
                .path(&mistake.file)
                .line_start(excerpt.line)
                .annotation(AnnotationKind::Primary.span(excerpt.span.clone()).label(&mistake.key_path))
                .into(),
            None => Origin::path(&mistake.file).into(),
        };
        let mut group = Level::ERROR.primary_title(&mistake.message).element(place);
        if let Some(hint) = &mistake.hint {
            group = group.element(Level::HELP.message(hint));
        }
        renderer.render(&[group])
    }

    /// The one line that a mistake begins on, and where in it the mistake stands.
    fn excerpt(&self, mistake: &Mistake) -> Option<Excerpt<'_>> {
        let text: &str = self.texts.get(&mistake.file)?;
        let span = mistake.span.clone()?;
        let start = text.get(..span.start)?.rfind('\n').map_or(0, |newline| newline + 1);
        let end = text.get(span.start..)?.find('\n').map_or(text.len(), |newline| span.start + newline);
        let span = span.start - start..span.end.clamp(span.start, end) - start;
        Some(Excerpt { text: text.get(start..end)?, line: mistake.line?, span })
    }
}

struct Excerpt<'a> {
    text: &'a str,
    line: usize,
    span: Range<usize>,
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.render(false).trim_end())
    }
}

impl fmt::Debug for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.list).finish()
    }
}

impl std::error::Error for Mistakes {}

impl<'a> IntoIterator for &'a Mistakes {
    type Item = &'a Mistake;
    type IntoIter = std::slice::Iter<'a, Mistake>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
