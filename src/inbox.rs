//! The bounded way into the gateway's loop: acquisition, forwarders and the console all speak to the engine
//! through here and through nothing else.

use tokio::sync::{mpsc, oneshot};

use crate::clock::Clock;
use crate::model::limits::INBOX_LEN_MAX;
use crate::model::{
    Batch, Command, CommandError, CommandResult, HealthReport, HealthSource, Input, LinkReport, Now,
    OutputReport, Text,
};

/// One input, when it came, and whom to answer.
#[derive(Debug)]
pub struct Message {
    /// When it was handed over: before it waited for a place, so that a loop that was held up judges by when things
    /// happened and not by when it got to them.
    pub arrived: Now,
    /// For the engine.
    pub input: Input,
    /// Who waits for the result of a command. Answered once its effects are on disk.
    pub reply: Option<oneshot::Sender<CommandResult>>,
}

/// The sending side. A full inbox makes the sender wait; a closed one means that the gateway is stopping, and
/// what is sent is dropped.
#[derive(Debug, Clone)]
pub struct Inbox {
    sender: mpsc::Sender<Message>,
    clock: Clock,
}

impl Inbox {
    /// An inbox and its receiving end, which the gateway's loop owns.
    pub fn new(clock: Clock) -> (Self, mpsc::Receiver<Message>) {
        let (sender, receiver) = mpsc::channel(INBOX_LEN_MAX);
        (Self { sender, clock }, receiver)
    }

    /// Hands over readings of one device.
    pub async fn readings(&self, batch: Batch) {
        self.send(Input::Readings(batch)).await;
    }

    /// Hands over news of a device's link.
    pub async fn link(&self, report: LinkReport) {
        self.send(Input::Link(report)).await;
    }

    /// Hands over news of one of the gateway's own parts: `error` is none when it works.
    pub async fn health(&self, source: HealthSource, error: Option<Text>) {
        self.send(Input::Health(HealthReport { source, error })).await;
    }

    /// Hands over news of an output.
    pub async fn output(&self, report: OutputReport) {
        self.send(Input::Output(report)).await;
    }

    /// Gives a command and waits until its effects are on disk.
    pub async fn command(&self, command: Command) -> CommandResult {
        let (reply, answer) = oneshot::channel();
        let message = self.message(Input::Command(command), Some(reply));
        self.sender.send(message).await.map_err(|_| CommandError::Unavailable)?;
        answer.await.map_err(|_| CommandError::Unavailable)?
    }

    fn message(&self, input: Input, reply: Option<oneshot::Sender<CommandResult>>) -> Message {
        Message { arrived: self.clock.now(), input, reply }
    }

    async fn send(&self, input: Input) {
        let message = self.message(input, None);
        if self.sender.send(message).await.is_err() {
            tracing::debug!("input after the gateway's loop ended: dropped");
        }
    }
}
