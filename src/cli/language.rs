//! Which of the two languages the terminal speaks.

use console::StyledObject;
use hazgate::model::{AlarmState, Class, ClockSync, EventKind, Level, Text, Transition};

use super::args::Language;

impl Language {
    /// The language asked for, or that of the environment.
    pub(crate) fn choose(asked: Option<Self>) -> Self {
        asked.unwrap_or_else(|| {
            let environment = ["LC_ALL", "LC_MESSAGES", "LANG"]
                .into_iter()
                .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
            match environment {
                Some(value) if value.starts_with("zh") => Self::Zh,
                _ => Self::En,
            }
        })
    }

    /// The text in this language.
    pub(crate) fn of(self, text: &Text) -> &str {
        self.pick(&text.zh, &text.en)
    }

    /// Whichever of the two is in this language.
    pub(crate) fn pick<'a>(self, zh: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Zh => zh,
            Self::En => en,
        }
    }

    /// The beginning of a line about an event: its level, whether it is of an alarm or a warning, and what happened, in columns.
    pub(crate) fn event_columns(self, of: &Transition) -> String {
        let (level, class, event) = (self.level(of.level), self.class(of), self.event(of.event));
        match self {
            Self::Zh => format!("{level}  {class}  {event}"),
            Self::En => format!("{level:<8}  {class:<7}  {event:<12}"),
        }
    }

    const fn class(self, of: &Transition) -> &'static str {
        match (self, of.event.is_of_alarm(), of.class) {
            (Self::Zh, true, Class::Alarm) => "报警",
            (Self::Zh, true, Class::Warning) => "预警",
            (Self::Zh, false, _) => "    ",
            (Self::En, true, Class::Alarm) => "alarm",
            (Self::En, true, Class::Warning) => "warning",
            (Self::En, false, _) => "",
        }
    }

    /// A level as shape and word, coloured on a terminal: never by colour alone.
    pub(crate) fn level(self, level: Level) -> StyledObject<&'static str> {
        Self::painted(level, self.level_words(level))
    }

    /// Something in the colour of a level, on a terminal.
    pub(crate) fn painted<T>(level: Level, what: T) -> StyledObject<T> {
        let what = console::style(what);
        match level {
            Level::Red => what.red().bold(),
            Level::Orange => what.color256(208),
            Level::Yellow => what.yellow(),
            Level::Blue => what.blue(),
            Level::Journal => what.dim(),
        }
    }

    /// A level as shape and word.
    pub(crate) const fn level_words(self, level: Level) -> &'static str {
        match (self, level) {
            (Self::Zh, Level::Red) => "◆ 红",
            (Self::Zh, Level::Orange) => "▲ 橙",
            (Self::Zh, Level::Yellow) => "■ 黄",
            (Self::Zh, Level::Blue) => "● 蓝",
            (Self::Zh, Level::Journal) => "· 记",
            (Self::En, Level::Red) => "◆ RED",
            (Self::En, Level::Orange) => "▲ ORANGE",
            (Self::En, Level::Yellow) => "■ YELLOW",
            (Self::En, Level::Blue) => "● BLUE",
            (Self::En, Level::Journal) => "· note",
        }
    }

    /// What happened to an alarm.
    fn event(self, event: EventKind) -> &'static str {
        match (self, event) {
            (Self::Zh, EventKind::Raised) => "报警",
            (Self::Zh, EventKind::Escalated) => "升级",
            (Self::Zh, EventKind::Deescalated) => "降级",
            (Self::Zh, EventKind::Acknowledged) => "确认",
            (Self::Zh, EventKind::Cleared) => "恢复",
            (Self::Zh, EventKind::Switched) => "控制",
            (Self::Zh, EventKind::Reset) => "复位",
            (Self::Zh, EventKind::Reminded) => "再次提醒",
            (Self::Zh, EventKind::Shelved) => "搁置",
            (Self::Zh, EventKind::Unshelved) => "解除搁置",
            (Self::Zh, EventKind::Suppressed) => "抑制",
            (Self::Zh, EventKind::Unsuppressed) => "解除抑制",
            (Self::Zh, EventKind::OutOfService) => "停用",
            (Self::Zh, EventKind::InService) => "恢复使用",
            (Self::Zh, EventKind::Disposed) => "处置",
            (Self::Zh, EventKind::ClockStepped) => "时钟跳变",
            (Self::Zh, EventKind::StateChanged) => "生产状态",
            (Self::Zh, EventKind::Slept) => "休眠",
            (Self::En, EventKind::Raised) => "raised",
            (Self::En, EventKind::Escalated) => "escalated",
            (Self::En, EventKind::Deescalated) => "deescalated",
            (Self::En, EventKind::Acknowledged) => "acknowledged",
            (Self::En, EventKind::Cleared) => "cleared",
            (Self::En, EventKind::Switched) => "switched",
            (Self::En, EventKind::Reset) => "reset",
            (Self::En, EventKind::Reminded) => "reminded",
            (Self::En, EventKind::Shelved) => "shelved",
            (Self::En, EventKind::Unshelved) => "unshelved",
            (Self::En, EventKind::Suppressed) => "suppressed",
            (Self::En, EventKind::Unsuppressed) => "unsuppressed",
            (Self::En, EventKind::OutOfService) => "out of service",
            (Self::En, EventKind::InService) => "in service",
            (Self::En, EventKind::Disposed) => "disposed",
            (Self::En, EventKind::ClockStepped) => "clock set",
            (Self::En, EventKind::StateChanged) => "state",
            (Self::En, EventKind::Slept) => "slept",
        }
    }

    /// What is to be said beside a stamp that this vouches for; nothing if it is to be trusted.
    pub(crate) fn clock(self, sync: ClockSync) -> Option<&'static str> {
        match sync {
            ClockSync::Unsynced => Some(self.pick("时钟未同步", "clock not synchronised")),
            ClockSync::Restamped => Some(self.pick("时间已校正", "time corrected")),
            ClockSync::Synced | ClockSync::Unknown => None,
        }
    }

    /// Where an alarm stands.
    pub(crate) fn state(self, state: AlarmState) -> &'static str {
        match (self, state) {
            (Self::Zh, AlarmState::Normal) => "正常",
            (Self::Zh, AlarmState::Unacknowledged) => "未确认",
            (Self::Zh, AlarmState::Acknowledged) => "已确认",
            (Self::Zh, AlarmState::ReturnedUnacknowledged) => "已恢复未确认",
            (Self::Zh, AlarmState::LatchedUnacknowledged) => "锁存未确认",
            (Self::Zh, AlarmState::LatchedAcknowledged) => "锁存已确认",
            (Self::Zh, AlarmState::Shelved) => "已搁置",
            (Self::Zh, AlarmState::Suppressed) => "已抑制",
            (Self::Zh, AlarmState::OutOfService) => "已停用",
            (Self::En, AlarmState::LatchedUnacknowledged) => "latched, unacknowledged",
            (Self::En, AlarmState::LatchedAcknowledged) => "latched, acknowledged",
            (Self::En, AlarmState::Shelved) => "shelved",
            (Self::En, AlarmState::Suppressed) => "suppressed",
            (Self::En, AlarmState::OutOfService) => "out of service",
            (Self::En, AlarmState::Normal) => "normal",
            (Self::En, AlarmState::Unacknowledged) => "unacknowledged",
            (Self::En, AlarmState::Acknowledged) => "acknowledged",
            (Self::En, AlarmState::ReturnedUnacknowledged) => "returned, unacknowledged",
        }
    }
}
