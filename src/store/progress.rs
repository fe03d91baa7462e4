//! How far one destination has acknowledged: what a forwarder's cursor holds.

/// The telemetry rows with ids in `(after, upto]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The last id before it.
    pub after: u64,
    /// Its last id; greater than `after`.
    pub upto: u64,
}

impl Span {
    /// Whether `id` is in it.
    pub const fn contains(self, id: u64) -> bool {
        self.after < id && id <= self.upto
    }
}

/// What a destination has acknowledged: every event up to `event`; every telemetry row up to `telemetry` but for those
/// in `gaps`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// The last event of an unbroken run from the first.
    pub event: u64,
    /// The telemetry row up to which nothing but the gaps is owed.
    pub telemetry: u64,
    /// Rows still owed; ascending, apart from each other.
    pub gaps: Vec<Span>,
}

impl Progress {
    /// Whether the telemetry row `id` has yet to be acknowledged.
    pub fn owes(&self, id: u64) -> bool {
        id > self.telemetry || self.gaps.iter().any(|gap| gap.contains(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_a_gap_or_beyond_the_position_is_owed() {
        let progress = Progress { event: 0, telemetry: 10, gaps: vec![Span { after: 3, upto: 5 }] };
        let owed: Vec<u64> = (1..=12).filter(|&id| progress.owes(id)).collect();
        assert_eq!(owed, [4, 5, 11, 12]);
    }
}
