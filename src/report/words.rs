//! How reports are worded for people, in Chinese and in English.

use super::document::LineState;
use crate::model::{Class, Level, Text};

/// A language that reports are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// 中文
    Zh,
    /// English
    En,
}

impl Language {
    /// Whichever of the two is in this language.
    pub const fn pick<'a>(self, zh: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Zh => zh,
            Self::En => en,
        }
    }

    /// The text in this language.
    pub fn of(self, text: &Text) -> &str {
        self.pick(&text.zh, &text.en)
    }

    /// As documents say what language they are in.
    pub(super) const fn code(self) -> &'static str {
        self.pick("zh-CN", "en")
    }

    pub(super) const fn state(self, state: LineState) -> &'static str {
        match state {
            LineState::Stopped => self.pick("停机", "stopped"),
            LineState::Idle => self.pick("空载", "idle"),
            LineState::Running => self.pick("运行", "running"),
            LineState::Overload => self.pick("过载", "overload"),
            LineState::Unknown => self.pick("未知", "not known"),
        }
    }

    pub(super) const fn level(self, level: Level) -> &'static str {
        match level {
            Level::Red => self.pick("红", "red"),
            Level::Orange => self.pick("橙", "orange"),
            Level::Yellow => self.pick("黄", "yellow"),
            Level::Blue => self.pick("蓝", "blue"),
            Level::Journal => self.pick("记录", "log"),
        }
    }

    pub(super) const fn class(self, class: Class) -> &'static str {
        match class {
            Class::Alarm => self.pick("报警", "alarm"),
            Class::Warning => self.pick("预警", "warning"),
        }
    }
}
