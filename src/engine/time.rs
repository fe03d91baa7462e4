//! What is said of the wall clock's steps and of the computer's sleep: events of no alarm, which ask for no one's action.

use std::time::Duration;

use crate::model::{ClockChange, EventKind, Stamp, Text, Transition, Value};

use super::instance::Instances;

/// Names under which steps and sleeps stand in the journal. No rule may bear them.
const STEPS: &str = "gateway.clock_step";
const SLEEPS: &str = "gateway.sleep";

/// What has become of the wall clock.
#[derive(Debug, Default)]
pub(super) struct TimeBook {
    steps: Instances,
    sleeps: Instances,
}

impl TimeBook {
    /// The events of a change: none if it is one of trust alone.
    pub(super) fn events(&mut self, change: &ClockChange, at: Stamp) -> Vec<Transition> {
        let mut events = Vec::new();
        if !change.slept.is_zero() {
            let (zh, en) = span(change.slept);
            let words = Text::new(
                format!("计算机休眠了 {zh}，其间未监测"),
                format!("The computer slept for {en}; nothing was watched"),
            );
            let name = self.sleeps.name(at);
            events.push(note(EventKind::Slept, SLEEPS, change.slept.as_secs_f64(), words, at, name));
        }
        if change.by_ms != 0 {
            let name = self.steps.name(at);
            let seconds = change.by_ms as f64 / 1000.0;
            events.push(note(EventKind::ClockStepped, STEPS, seconds, stepped(change), at, name));
        }
        events
    }
}

fn stepped(change: &ClockChange) -> Text {
    let (zh, en) = span(Duration::from_millis(change.by_ms.unsigned_abs()));
    if change.by_ms > 0 {
        return Text::new(format!("系统时钟向前跳变 {zh}"), format!("The clock was put forward by {en}"));
    }
    Text::new(format!("系统时钟向后回拨 {zh}"), format!("The clock was put back by {en}"))
}

fn note(
    event: EventKind,
    name: &str,
    seconds: f64,
    message: Text,
    at: Stamp,
    raised_at: Stamp,
) -> Transition {
    Transition {
        value: Some(Value::Float(seconds)),
        unit: Some("s".to_owned()),
        raised_at,
        ..Transition::new(at, event, name, message)
    }
}

/// A span of time in its two largest units, in Chinese and in English.
fn span(time: Duration) -> (String, String) {
    let (s, ms) = (time.as_secs(), time.subsec_millis());
    let (m, h, d) = (s / 60, s / 3600, s / 86_400);
    match () {
        () if d > 0 => (format!("{d} 天 {} 小时", h % 24), format!("{d} d {} h", h % 24)),
        () if h > 0 => (format!("{h} 小时 {} 分", m % 60), format!("{h} h {} min", m % 60)),
        () if m > 0 => (format!("{m} 分 {} 秒", s % 60), format!("{m} min {} s", s % 60)),
        () => (format!("{s}.{} 秒", ms / 100), format!("{s}.{} s", ms / 100)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_said_in_its_two_largest_units() {
        for (ms, zh, en) in [
            (1_250, "1.2 秒", "1.2 s"),
            (61_900, "1 分 1 秒", "1 min 1 s"),
            (7_380_000, "2 小时 3 分", "2 h 3 min"),
            (1_795_263_303_214, "20778 天 12 小时", "20778 d 12 h"),
        ] {
            assert_eq!(span(Duration::from_millis(ms)), (zh.to_owned(), en.to_owned()));
        }
    }
}
