//! One connection through the proxy: a task that owns both of its ends, passes questions on, and plays what the
//! fault made of each answer.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::ProxyFault;
use super::frame::{Cutter, Frame, Piece, Way};
use super::state::State;
use super::twist::Act;
use crate::limits::{PROXY_ACTS_LEN_MAX, PROXY_GAP, PROXY_READ_BYTES_MAX, PROXY_WRITE_MAX};

/// One connection.
pub(super) struct Wire<C, S> {
    client: C,
    server: S,
    /// Sees to it that the client's end, once dropped, is reset and not closed in order, where that is possible.
    cut: fn(&C),
    state: Arc<State>,
    questions: Cutter,
    answers: Cutter,
    voice: mpsc::Sender<Act>,
    acts: mpsc::Receiver<Act>,
    /// Half open: nothing passes any more.
    dead: bool,
}

/// The connection is over.
struct Over;

impl From<io::Error> for Over {
    fn from(_: io::Error) -> Self {
        Self
    }
}

impl<C, S> Wire<C, S>
where
    C: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    pub(super) fn new(client: C, server: S, cut: fn(&C), state: Arc<State>) -> Self {
        let (voice, acts) = mpsc::channel(PROXY_ACTS_LEN_MAX);
        state.connected(&voice);
        let questions = Cutter::new(state.framing, Way::Question);
        let answers = Cutter::new(state.framing, Way::Answer);
        Self { client, server, cut, state, questions, answers, voice, acts, dead: false }
    }

    /// Passes on what comes until one end closes, the fault ends the connection, or the proxy stops.
    pub(super) async fn run(mut self) {
        let (stop, mut faults) = (self.state.stop.clone(), self.state.faults.subscribe());
        let refused = faults.wait_for(|faults| faults.all == Some(ProxyFault::Refuse));
        let pass = async { while self.pass().await.is_ok() {} };
        tokio::select! {
            () = pass => {}
            _ = refused => {}
            () = stop.cancelled() => {}
        }
    }

    /// Passes on the next thing that happens.
    async fn pass(&mut self) -> Result<(), Over> {
        let (mut asked, mut told) = ([0; PROXY_READ_BYTES_MAX], [0; PROXY_READ_BYTES_MAX]);
        let stuck = self.questions.is_stuck() || self.answers.is_stuck();
        tokio::select! {
            read = self.client.read(&mut asked) => self.question(some(&asked, read?)?).await,
            read = self.server.read(&mut told) => self.answer(some(&told, read?)?).await,
            Some(act) = self.acts.recv() => self.perform(act).await,
            () = sleep(PROXY_GAP), if stuck => self.silence().await,
        }
    }

    async fn question(&mut self, bytes: &[u8]) -> Result<(), Over> {
        self.questions.push(bytes);
        while let Some(piece) = self.questions.next() {
            self.ask(piece).await?;
        }
        Ok(())
    }

    async fn ask(&mut self, piece: Piece) -> Result<(), Over> {
        self.state.asked();
        self.dead |= self.state.has(ProxyFault::HalfOpen);
        if self.dead {
            return Ok(());
        }
        write(&mut self.server, &bytes(piece)).await
    }

    async fn answer(&mut self, bytes: &[u8]) -> Result<(), Over> {
        self.answers.push(bytes);
        while let Some(piece) = self.answers.next() {
            match piece {
                Piece::Frame(frame) => self.play(frame).await?,
                Piece::Raw(bytes) => self.say(&bytes).await?,
            }
        }
        Ok(())
    }

    async fn play(&mut self, answer: Frame) -> Result<(), Over> {
        let mut acts = self.state.twist(answer).into_iter();
        while let Some(act) = acts.next() {
            if let Act::Wait(_) = act {
                self.play_on([act].into_iter().chain(acts).collect());
                return Ok(());
            }
            self.perform(act).await?;
        }
        Ok(())
    }

    /// What comes later is played beside the connection, which may be another one by then where answers are heard by
    /// whoever listens. More at once than the limit allows are lost.
    fn play_on(&self, acts: Vec<Act>) {
        let (state, own) = (Arc::clone(&self.state), self.voice.downgrade());
        let playing = async move {
            let Ok(_place) = state.players.try_acquire() else { return };
            for act in acts {
                if let Act::Wait(time) = act {
                    sleep(time).await;
                } else if let Some(voice) = state.voice(&own) {
                    // The connection may be over: then nobody hears it.
                    voice.send(act).await.ok();
                }
            }
        };
        let stop = self.state.stop.clone();
        tokio::spawn(async move { stop.run_until_cancelled(playing).await });
    }

    async fn perform(&mut self, act: Act) -> Result<(), Over> {
        match act {
            Act::Say(bytes) => self.say(&bytes).await,
            Act::Wait(_) => Ok(()),
            Act::Hangup => Err(Over),
            Act::Reset => {
                (self.cut)(&self.client);
                Err(Over)
            }
        }
    }

    async fn say(&mut self, bytes: &[u8]) -> Result<(), Over> {
        if self.dead { Ok(()) } else { write(&mut self.client, bytes).await }
    }

    /// Nothing has come for a while: what can't be a frame is passed on as it is.
    async fn silence(&mut self) -> Result<(), Over> {
        if self.questions.is_stuck()
            && let Some(piece) = self.questions.flush()
        {
            self.ask(piece).await?;
        }
        if self.answers.is_stuck()
            && let Some(piece) = self.answers.flush()
        {
            self.say(&bytes(piece)).await?;
        }
        Ok(())
    }
}

fn some(buffer: &[u8], read: usize) -> Result<&[u8], Over> {
    if read == 0 { Err(Over) } else { Ok(&buffer[..read]) }
}

fn bytes(piece: Piece) -> Vec<u8> {
    match piece {
        Piece::Frame(frame) => frame.bytes(),
        Piece::Raw(bytes) => bytes,
    }
}

async fn write(to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Result<(), Over> {
    let written = timeout(PROXY_WRITE_MAX, async {
        to.write_all(bytes).await?;
        to.flush().await
    });
    Ok(written.await.map_err(|_| Over)??)
}
