//! Fuzzing of this room: any payload as a command from a centre, and as what an edge node of Sparkplug is told.

use super::{command, edge};

/// A command, kept by the broker or not: understood, or refused in words.
pub(crate) fn command(data: &[u8]) {
    for retained in [false, true] {
        match command::parse(data, retained) {
            Ok((id, _)) => assert!(!retained && !id.is_empty() && id.trim() == id),
            Err(refusal) => assert!(!refusal.why.is_empty()),
        }
    }
}

/// What an edge node is told: by a command, and by its primary host.
pub(crate) fn edge_order(data: &[u8]) {
    if let Err(why) = edge::asks_for_birth(data) {
        assert!(!why.is_empty());
    }
    let first = edge::host(data, None);
    assert_eq!(edge::host(data, first), first, "the same again counts");
}
