//! The centre's commands of one connection: those being carried out, and the answers that are due. Bounded, because
//! anyone who may publish to the command topic can fill it.

use std::collections::VecDeque;

use tokio::task::JoinSet;
use tokio::time::timeout;

use super::command::{self, Arrival, Refusal, Request};
use super::wire::Message;
use crate::forward::contract::{ReplyMessage, V1};
use crate::inbox::Inbox;
use crate::model::limits::{COMMAND_WAIT_MAX, MQTT_COMMANDS_MAX};
use crate::model::{Command, CommandError, CommandResult};

/// An answer that is due, and the command that it answers, to be acknowledged to the broker with it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) reply: ReplyMessage,
    pub(super) command: Option<Message>,
}

/// What the session itself must do about a command.
#[derive(Debug)]
pub(super) enum Duty {
    Nothing,
    /// Send the retained state again.
    Snapshot,
    /// Acknowledge a command for which there is no place.
    Dismiss(Message),
    /// Send events again, from the first to the last if it is not the newest; then the command of this id is done.
    Resend {
        command: Message,
        id: String,
        from: u64,
        to: Option<u64>,
    },
}

/// Commands and answers.
pub(super) struct Desk {
    inbox: Inbox,
    running: JoinSet<(Message, String, CommandResult)>,
    answers: VecDeque<Answer>,
}

impl Desk {
    pub(super) fn new(inbox: Inbox) -> Self {
        Self { inbox, running: JoinSet::new(), answers: VecDeque::new() }
    }

    /// Takes in a command.
    pub(super) fn take(&mut self, message: Message, arrival: Arrival) -> Duty {
        if self.running.len() + self.answers.len() >= MQTT_COMMANDS_MAX {
            tracing::warn!("too many commands at once: one was dropped");
            return Duty::Dismiss(message);
        }
        match command::parse(&message.payload, message.retained) {
            Err(refusal) => self.refuse(Some(message), refusal),
            Ok((id, Request::Command(command))) => self.carry_out(message, id, command),
            Ok((id, Request::Momentary(command, given))) => match command::too_late(given, arrival) {
                None => self.carry_out(message, id, command),
                Some(why) => self.refuse(Some(message), Refusal { id: Some(id), why }),
            },
            Ok((id, Request::Resend(from, to))) => return Duty::Resend { command: message, id, from, to },
            Ok((id, Request::Snapshot)) => {
                self.done(message, id, Ok(()));
                return Duty::Snapshot;
            }
        }
        Duty::Nothing
    }

    /// Has the centre told that something from it could not be taken.
    pub(super) fn refuse(&mut self, command: Option<Message>, refusal: Refusal) {
        tracing::warn!(id = refusal.id, why = refusal.why, "a command was refused");
        let reply = ReplyMessage { v: V1, id: refusal.id, ok: false, error: Some(refusal.why) };
        self.answers.push_back(Answer { reply, command });
    }

    /// Waits until a command has been carried out; for ever if none is under way. May be abandoned.
    pub(super) async fn finished(&mut self) {
        match self.running.join_next().await {
            Some(Ok((command, id, result))) => self.done(command, id, result),
            Some(Err(error)) => tracing::error!(%error, "a command was not carried out"),
            None => std::future::pending().await,
        }
    }

    /// The next answer to send.
    pub(super) fn next_answer(&mut self) -> Option<Answer> {
        self.answers.pop_front()
    }

    fn carry_out(&mut self, message: Message, id: String, command: Command) {
        let inbox = self.inbox.clone();
        self.running.spawn(async move {
            let result = timeout(COMMAND_WAIT_MAX, inbox.command(command)).await;
            (message, id, result.unwrap_or(Err(CommandError::Unavailable)))
        });
    }

    /// Has the centre told what became of a command.
    pub(super) fn done(&mut self, command: Message, id: String, result: CommandResult) {
        let error = result.err().map(|error| error.to_string());
        let reply = ReplyMessage { v: V1, id: Some(id), ok: error.is_none(), error };
        self.answers.push_back(Answer { reply, command: Some(command) });
    }
}
