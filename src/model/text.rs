//! Text in the two languages that operators and centres read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A text in Chinese and English.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// Simplified Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Text {
    /// A text from its Chinese and English forms.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }

    /// The same words in both languages: for what is not translated, such as tag numbers and the words of an operating
    /// system.
    pub fn same(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { zh: text.clone(), en: text }
    }

    /// This text followed by its reason, each language by its own.
    #[must_use]
    pub fn because(self, why: &Self) -> Self {
        Self { zh: format!("{}：{}", self.zh, why.zh), en: format!("{}: {}", self.en, why.en) }
    }
}
