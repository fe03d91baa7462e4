//! A link's connection over its whole life: opened when needed, closed by the guard, opened again at once. On
//! lines whose frames carry no number of their question, a question that was given up is followed by a silence
//! as long as its deadline, in which its late answer is heard and thrown away, and its unit must answer a question
//! of another shape before it is believed again (`doubt`).

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_modbus::{Request, Response};

use super::Framing;
use super::dial::{Dial, Pace};
use super::doubt::Doubts;
use super::guard::{Answer, Failure, Guard, Question};
use super::line::Line;
use crate::clock::{Clock, Timer};
use crate::model::Mono;
use crate::model::limits::CONNECT_MAX;
use crate::words;

/// One link's connection, or the lack of one.
pub(super) struct Session<D> {
    dial: D,
    framing: Framing,
    pace: Pace,
    clock: Clock,
    timer: Timer,
    guard: Guard,
    /// Whether the present question has gone out.
    spoken: Arc<AtomicBool>,
    /// Whether anything has come for it.
    heard: Arc<AtomicBool>,
    doubts: Doubts,
    /// Until when an answer to a question that was given up may still come.
    unsettled: Mono,
    /// What the last question got for an answer before it was asked once more, if that was none.
    garbled: Option<Failure>,
}

impl<D: Dial> Session<D> {
    /// A session that is not connected yet.
    pub(super) fn new(dial: D, framing: Framing, clock: Clock) -> Self {
        let (pace, timer) = (dial.pace(), clock.timer());
        let (guard, doubts, unsettled) = (Guard::closed(), Doubts::default(), Mono::ZERO);
        let (spoken, heard) = (Arc::default(), Arc::default());
        Self { dial, framing, pace, clock, timer, guard, spoken, heard, doubts, unsettled, garbled: None }
    }

    /// Asks, over a fresh connection if there is none. An old connection may have died unseen since it was last
    /// used: then the question, which changes nothing at the device, is asked once more over a fresh one.
    pub(super) async fn ask(&mut self, question: Question) -> Result<Answer, Failure> {
        let reused = self.guard.is_open();
        self.garbled = None;
        let mut answer = self.ask_once(question).await;
        if let Err(Failure::Lost(_) | Failure::Garbled(_)) = answer
            && reused
        {
            let spoken = self.spoken.load(Ordering::Relaxed);
            self.garbled =
                answer.as_ref().err().filter(|failure| matches!(failure, Failure::Garbled(_))).cloned();
            rest(question.pause).await;
            match self.ask_once(question).await {
                // The question may be what ended the connection: that counts against whom it was put to.
                Err(Failure::Unreachable(_)) if spoken => self.garbled = None,
                again => answer = again,
            }
        }
        answer.map_err(|failure| self.seen(failure))
    }

    /// Takes what the last question got before it was asked once more, where that could not be understood. That an idle
    /// connection had died says nothing of the line, and is not told.
    pub(super) const fn take_garbled(&mut self) -> Option<Failure> {
        self.garbled.take()
    }

    /// Asks `unit` something that is no block of registers, once.
    pub(super) async fn call<T>(
        &mut self,
        unit: u8,
        limit: Duration,
        request: Request<'static>,
        fits: impl FnOnce(Response) -> Option<T>,
    ) -> Result<T, Failure> {
        self.ready().await?;
        let answer = self.guard.call(unit, limit, &mut self.timer, request, fits).await;
        self.note_open_question(limit);
        answer.map_err(|failure| self.seen(failure))
    }

    /// A failure as it is told: a line on which something came is not silent. It is noisy, or its speed is wrong, and who
    /// looks for the cause must know.
    fn seen(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Silent(_) if self.heard.load(Ordering::Relaxed) => Failure::unfinished(),
            failure => failure,
        }
    }

    /// When the line will be ready for the next question, if it is `now`.
    pub(super) fn settled(&self, now: Mono) -> Mono {
        now.max(self.unsettled)
    }

    /// Leaves the line alone until `moment`.
    pub(super) async fn rest_until(&mut self, moment: Mono) {
        self.timer.until(moment).await;
    }

    /// Opens the connection if it is not open.
    pub(super) async fn connect(&mut self) -> Result<(), Failure> {
        if self.guard.is_open() {
            return Ok(());
        }
        let dialled = timeout(CONNECT_MAX, self.dial.dial()).await;
        let stream = dialled.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let unreachable = |error| Failure::Unreachable(words::connecting(&error, self.dial.address()));
        let mut line = Line::new(stream.map_err(unreachable)?);
        if self.clock.mono() < self.unsettled {
            let settled = line.settle(self.clock.instant(self.unsettled)).await;
            settled.map_err(|error| Failure::Lost(words::io_error(&error)))?;
        }
        (self.spoken, self.heard) = (line.spoken(), line.heard());
        self.guard = Guard::attach(self.framing, line);
        Ok(())
    }

    /// Returns when the far end gives a reason to connect at once.
    pub(super) async fn called(&mut self) {
        self.dial.called().await;
    }

    async fn ask_once(&mut self, question: Question) -> Result<Answer, Failure> {
        self.connect().await?;
        if !self.doubts.is_empty()
            && let Some(check) = self.doubts.check(question, self.clock.mono())
        {
            match self.put(check).await {
                Ok(_) | Err(Failure::Refused(_)) => {
                    self.doubts.checked(check.unit);
                    rest(check.pause).await;
                }
                Err(failure) => return Err(failure),
            }
        }
        let answer = self.put(question).await;
        match &answer {
            Ok(_) => self.doubts.answered(question.unit),
            Err(Failure::Refused(_)) => {}
            Err(_) if self.is_open_question() => self.doubts.given_up(question, self.clock.mono()),
            Err(_) => {}
        }
        answer
    }

    /// Puts a question on the line, whatever its answer is worth.
    async fn put(&mut self, question: Question) -> Result<Answer, Failure> {
        self.ready().await?;
        let timeout = question.timeout + self.pace.character * question.characters();
        let answer = self.guard.ask(Question { timeout, ..question }, &mut self.timer).await;
        self.note_open_question(timeout);
        answer
    }

    /// Makes the line ready for a question.
    async fn ready(&mut self) -> Result<(), Failure> {
        self.connect().await?;
        if self.framing == Framing::Rtu {
            sleep(self.pace.silence).await;
        }
        self.spoken.store(false, Ordering::Relaxed);
        self.heard.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Whether an answer does not show which question it answers. Numbers begin anew with each session on a connection, and
    /// so do not show it where the connection outlives the session.
    const fn is_anonymous(&self) -> bool {
        matches!(self.framing, Framing::Rtu) || self.pace.lasting
    }

    /// Whether the question that was just given up may still be answered, unrecognized.
    fn is_open_question(&self) -> bool {
        self.is_anonymous() && self.spoken.load(Ordering::Relaxed)
    }

    /// If the question that was just asked was given up, its answer may still come for as long as it was waited for.
    fn note_open_question(&mut self, limit: Duration) {
        if self.is_open_question() && !self.guard.is_open() {
            self.unsettled = self.clock.mono() + limit;
        }
    }
}

/// Leaves the line alone.
async fn rest(pause: Duration) {
    if !pause.is_zero() {
        sleep(pause).await;
    }
}
