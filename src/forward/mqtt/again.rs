//! Events that the centre has asked for again, because it found a gap in their numbers: read from the journal, told as any event is, and the
//! command answered when the last of them is on its way. Should the connection be lost first, the broker hands over the command again.

use super::wire::Message;
use crate::store::Span;

/// A command that is being carried out.
#[derive(Debug)]
pub(super) struct Again {
    pub(super) command: Message,
    pub(super) id: String,
    /// What is left of it.
    pub(super) span: Span,
}

impl Again {
    /// Events of these numbers, the last included, or as far as there are any; or why not.
    pub(super) fn new(
        command: Message,
        id: String,
        from: u64,
        to: Option<u64>,
        newest: u64,
    ) -> Result<Self, (Message, String, String)> {
        let upto = to.unwrap_or(newest);
        let why = if from > newest {
            format!("there is no event {from} yet: the newest is {newest}")
        } else if from == 0 || from > upto {
            format!("`from` {from} to `to` {upto} is no span of events, which are numbered from 1")
        } else {
            return Ok(Self { command, id, span: Span { after: from - 1, upto: upto.min(newest) } });
        };
        Err((command, id, why))
    }
}
