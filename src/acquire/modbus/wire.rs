//! The session as polls and probes use it: it leaves slow converters their pause between an answer and the next
//! question, and knows how long each answer took.

use std::time::Duration;

use tokio_modbus::{Request, Response};

use super::dial::Dial;
use super::guard::{Answer, Failure, Question};
use super::session::Session;
use crate::clock::Clock;
use crate::model::{Mono, Now};

/// A session and when it may be used.
pub(super) struct Wire<D> {
    session: Session<D>,
    clock: Clock,
    /// The next question is not asked before.
    ready: Mono,
}

/// What came of a question.
#[derive(Debug)]
pub(super) struct Asked {
    /// The answer, or why there is none.
    pub(super) answer: Result<Answer, Failure>,
    /// How long it took.
    pub(super) took: Duration,
    /// When it was there.
    pub(super) ended: Now,
}

impl<D: Dial> Wire<D> {
    /// A wire over `session`.
    pub(super) fn new(session: Session<D>, clock: Clock) -> Self {
        Self { session, clock, ready: Mono::ZERO }
    }

    /// Asks at `now`, or when the wire is ready, and leaves it alone for the question's pause afterwards.
    pub(super) async fn ask(&mut self, question: Question, now: Mono) -> Asked {
        let asked = self.readied(now).await;
        let answer = self.session.ask(question).await;
        let ended = self.clock.now();
        self.rest(question.pause, ended.mono);
        Asked { answer, took: ended.mono - asked, ended }
    }

    /// Takes what the last question got before it was asked once more, where that could not be understood.
    pub(super) const fn take_garbled(&mut self) -> Option<Failure> {
        self.session.take_garbled()
    }

    /// Makes any request to `unit`, once, when the wire is ready, and leaves it alone for `pause` afterwards.
    pub(super) async fn call<T>(
        &mut self,
        unit: u8,
        limit: Duration,
        pause: Duration,
        request: Request<'static>,
        fits: impl FnOnce(Response) -> Option<T>,
    ) -> Result<T, Failure> {
        self.readied(self.clock.mono()).await;
        let answer = self.session.call(unit, limit, request, fits).await;
        self.rest(pause, self.clock.mono());
        answer
    }

    /// Waits until the wire is ready, and says when that was.
    async fn readied(&mut self, now: Mono) -> Mono {
        if now < self.ready {
            self.session.rest_until(self.ready).await;
        }
        now.max(self.ready)
    }

    /// A question is over at `now`: the next one waits for `pause`.
    fn rest(&mut self, pause: Duration, now: Mono) {
        if !pause.is_zero() {
            self.ready = now + pause;
        }
    }

    /// When the wire will be ready for the next question.
    pub(super) fn settled(&self, now: Mono) -> Mono {
        self.session.settled(now).max(self.ready)
    }

    /// Leaves the line alone until `moment`.
    pub(super) async fn rest_until(&mut self, moment: Mono) {
        self.session.rest_until(moment).await;
    }

    /// Returns when the far end gives a reason to connect at once.
    pub(super) async fn called(&mut self) {
        self.session.called().await;
    }

    /// Opens the connection if it is not open.
    pub(super) async fn connect(&mut self) -> Result<(), Failure> {
        self.session.connect().await
    }
}
