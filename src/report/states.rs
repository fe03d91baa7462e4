//! The states of a line over a day, as a timeline without gap or overlap: a state stands until another is said, but no longer than it stands for; what lies beyond
//! is not known.

use crate::model::Wall;
use crate::model::limits::REPORT_STRETCHES_MAX;
use crate::site::ClockSpan;

use super::document::LineState;

/// Where there are too many stretches, the day is told in parts of this length.
const COARSE_MS: i64 = 300_000;

/// A time in one state, in ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) state: LineState,
}

/// The states of one line.
#[derive(Debug, Clone)]
pub(super) struct States {
    stands_ms: i64,
    span: ClockSpan,
    /// Times in a state that is known, in order, apart from each other.
    pieces: Vec<Piece>,
    last: Option<(i64, LineState)>,
}

impl States {
    pub(super) const fn new(stands_ms: i64, span: ClockSpan) -> Self {
        Self { stands_ms, span, pieces: Vec::new(), last: None }
    }

    /// The same for another day, which begins with what stands.
    pub(super) fn next_day(&self, span: ClockSpan) -> Self {
        Self { last: self.last, ..Self::new(self.stands_ms, span) }
    }

    /// Takes what the state is said to be. What is older than the last is left aside.
    pub(super) fn take(&mut self, at: i64, state: LineState) {
        if self.last.is_some_and(|(last, _)| at < last) {
            return;
        }
        self.settle(at);
        self.last = Some((at, state));
    }

    fn settle(&mut self, until: i64) {
        let Some((since, state)) = self.last else { return };
        let to = until.min(since.saturating_add(self.stands_ms)).min(self.span.to.0);
        let from = since.max(self.span.from.0);
        if state == LineState::Unknown || from >= to {
            return;
        }
        match self.pieces.last_mut() {
            Some(last) if last.to == from && last.state == state => last.to = to,
            _ => self.pieces.push(Piece { from, to, state }),
        }
    }

    /// The whole time from the beginning of the day to `until`, which is not after its end.
    pub(super) fn timeline(&self, until: i64) -> Vec<Piece> {
        let mut whole = self.clone();
        whole.settle(until);
        let mut timeline = Vec::with_capacity(2 * whole.pieces.len() + 1);
        let mut end = self.span.from.0;
        for piece in whole.pieces {
            let piece = Piece { to: piece.to.min(until), ..piece };
            if piece.from >= piece.to {
                continue;
            }
            if end < piece.from {
                timeline.push(Piece { from: end, to: piece.from, state: LineState::Unknown });
            }
            end = piece.to;
            timeline.push(piece);
        }
        if end < until {
            timeline.push(Piece { from: end, to: until, state: LineState::Unknown });
        }
        timeline
    }
}

/// The timeline, told in equal parts if it has too many; and whether it was.
pub(super) fn bounded(timeline: Vec<Piece>) -> (Vec<Piece>, bool) {
    if timeline.len() <= REPORT_STRETCHES_MAX {
        return (timeline, false);
    }
    let (Some(first), Some(last)) = (timeline.first(), timeline.last()) else { return (timeline, false) };
    let (begin, until) = (first.from, last.to);
    let mut coarse: Vec<Piece> = Vec::new();
    for from in (begin..until).step_by(COARSE_MS as usize) {
        let to = (from + COARSE_MS).min(until);
        let state = longest(&timeline, from, to);
        match coarse.last_mut() {
            Some(last) if last.state == state => last.to = to,
            _ => coarse.push(Piece { from, to, state }),
        }
    }
    (coarse, true)
}

/// The state that a time was in for longest.
fn longest(timeline: &[Piece], from: i64, to: i64) -> LineState {
    use LineState::{Idle, Overload, Running, Stopped, Unknown};
    let begin = timeline.partition_point(|piece| piece.to <= from);
    let inside = timeline[begin..].iter().take_while(|piece| piece.from < to);
    let mut lasted = [0; 5];
    for piece in inside {
        lasted[piece.state as usize] += piece.to.min(to) - piece.from.max(from);
    }
    let states = [Stopped, Idle, Running, Overload, Unknown];
    let longest = (0..states.len()).max_by_key(|place| lasted[*place]).unwrap_or(4);
    states[longest]
}

/// A state by its code; what is none of them is not known.
pub(super) fn state_of(at: Option<f64>) -> LineState {
    match at {
        Some(0.0) => LineState::Stopped,
        Some(1.0) => LineState::Idle,
        Some(2.0) => LineState::Running,
        Some(3.0) => LineState::Overload,
        _ => LineState::Unknown,
    }
}

/// Parts of a timeline that lie in a span.
pub(super) fn inside(timeline: &[Piece], from: Wall, to: Wall) -> impl Iterator<Item = Piece> {
    timeline.iter().filter_map(move |piece| {
        let piece = Piece { from: piece.from.max(from.0), to: piece.to.min(to.0), ..*piece };
        (piece.from < piece.to).then_some(piece)
    })
}
