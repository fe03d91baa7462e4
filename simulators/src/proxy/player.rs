//! Plays to the client what faults made of answers, in the order in which the answers came: on a bus and on a connection
//! no answer overtakes another.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Sleep, sleep};

use super::state::State;
use super::twist::Act;
use crate::limits::PROXY_QUEUE_LEN_MAX;

/// What became of one answer.
pub(super) struct Part {
    /// When to begin.
    begin: Option<Pin<Box<Sleep>>>,
    acts: Vec<Act>,
    /// The connection that it belongs to.
    own: mpsc::WeakSender<Act>,
}

impl Part {
    /// To be played to `own` from now on. A wait at the beginning counts from now, whatever is played before.
    pub(super) fn new(mut acts: Vec<Act>, own: mpsc::WeakSender<Act>) -> Self {
        let wait = acts.first().and_then(Act::wait);
        if wait.is_some() {
            acts.remove(0);
        }
        Self { begin: wait.map(|time| Box::pin(sleep(time))), acts, own }
    }
}

/// Begins to play; says where to put what is to be played.
pub(super) fn start(state: Arc<State>) -> mpsc::Sender<Part> {
    let (queue, parts) = mpsc::channel(PROXY_QUEUE_LEN_MAX);
    let stop = state.stop.clone();
    tokio::spawn(async move { stop.run_until_cancelled(play(state, parts)).await });
    queue
}

async fn play(state: Arc<State>, mut parts: mpsc::Receiver<Part>) {
    while let Some(Part { begin, acts, own }) = parts.recv().await {
        if let Some(begin) = begin {
            begin.await;
        }
        for act in acts {
            if let Some(time) = act.wait() {
                sleep(time).await;
            } else if let Some(voice) = state.voice(&own) {
                // The connection may be over: then nobody hears it.
                voice.send(act).await.ok();
            }
        }
    }
}

impl Act {
    fn wait(&self) -> Option<Duration> {
        if let Self::Wait(time) = self { Some(*time) } else { None }
    }
}
