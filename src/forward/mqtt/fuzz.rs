//! Fuzzing of this room: any payload as a command from a centre.

use super::command;

/// A command, kept by the broker or not: understood, or refused in words.
pub(crate) fn command(data: &[u8]) {
    for retained in [false, true] {
        match command::parse(data, retained) {
            Ok((id, _)) => assert!(!retained && !id.is_empty() && id.trim() == id),
            Err(refusal) => assert!(!refusal.why.is_empty()),
        }
    }
}
