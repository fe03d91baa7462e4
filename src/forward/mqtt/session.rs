//! One connection being served: hand over what is next while there is room, take in acknowledgements and commands, say what
//! changed. Everything here dies with the connection but the feed and the broker's repute.

use tokio::select;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::again::Again;
use super::back::{Back, arrived};
use super::command::{Arrival, Refusal as CommandRefusal};
use super::desk::{Answer, Desk, Duty};
use super::link::{Link, Lost};
use super::pace::Pace;
use super::payload::Outgoing;
use super::refusals::{Fate, Refusals, named};
use super::repute::Repute;
use super::states::States;
use super::topics::Topics;
use super::window::{Token, Window};
use super::wire::{Heard, Message, Refusal, Terms, publish_bytes};
use crate::forward::contract::{StatusMessage, V1};
use crate::forward::feed::{Feed, Page};
use crate::forward::queue::{Lane, Room, Ticket};
use crate::forward::{Context, Health, SAVE_EVERY};
use crate::model::limits::{MQTT_ACK_WAIT_MAX, SHUTDOWN_MAX};
use crate::model::{Mono, Text, Wall};
use crate::store::StoreError;

/// How a connection ended.
#[derive(Debug)]
pub(super) enum End {
    /// In good order.
    Stopped,
    /// The first broker is back, and has let us in.
    Back(Link, Terms),
    /// Otherwise.
    Lost(Lost),
}

/// What this gateway's status is while it is connected.
pub(super) fn status(context: &Context, given_up: u64) -> StatusMessage {
    StatusMessage {
        v: V1,
        online: true,
        since: context.clock.now().wall.stamp(&context.site.identity.zone),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        boot: context.boot,
        config: context.site.hash.clone(),
        given_up,
        fault: context.store.fault().borrow().clone(),
    }
}

/// What is said of it once it is gone.
pub(super) fn offline(topics: &Topics, status: &StatusMessage) -> Outgoing {
    Outgoing::status(topics, &StatusMessage { online: false, ..status.clone() })
}

/// What a session works with that outlives it.
pub(super) struct Means<'a> {
    pub(super) context: &'a Context,
    pub(super) health: &'a Health,
    pub(super) topics: &'a Topics,
    pub(super) feed: &'a mut Feed,
    pub(super) repute: &'a mut Repute,
    /// The way back to the first broker, where this is another.
    pub(super) back: Option<Back<'a>>,
}

/// One connection.
pub(super) struct Session<'a> {
    means: Means<'a>,
    link: Link,
    /// What the broker puts up with.
    terms: Terms,
    window: Window,
    pace: Pace,
    refusals: Refusals,
    status: StatusMessage,
    status_due: bool,
    /// Why the gateway cannot journal. It is told beside the journal, because no event of it can be kept.
    fault: watch::Receiver<Option<Text>>,
    states: States,
    desk: Desk,
    /// Events that the centre has asked for again.
    again: Option<Again>,
    given_up_at: (u64, u64),
    /// When the broker last acknowledged something, or was last owed nothing.
    acknowledged_at: Mono,
    connected_at: Mono,
}

impl<'a> Session<'a> {
    /// A session on a connection that a broker has taken us in on.
    pub(super) fn new(means: Means<'a>, link: Link, terms: Terms, mut status: StatusMessage) -> Self {
        let context = means.context;
        let mut fault = context.store.fault();
        status.fault.clone_from(&fault.borrow_and_update());
        let now = context.clock.now().mono;
        Self {
            link,
            terms,
            window: Window::new(terms.receive_max),
            pace: Pace::default(),
            refusals: Refusals::new(fastrand::Rng::new()),
            status,
            status_due: true,
            fault,
            states: States::new(context.store.board()),
            desk: Desk::new(context.inbox.clone()),
            again: None,
            given_up_at: means.feed.given_up_at(),
            acknowledged_at: now,
            connected_at: now,
            means,
        }
    }

    /// Has the centre told that something from it could not be taken.
    pub(super) fn refuse(&mut self, why: String) {
        self.desk.refuse(None, CommandRefusal { id: None, why });
    }

    /// Serves the connection until it is lost or `stop` comes.
    pub(super) async fn serve(
        mut self,
        with_commands: bool,
        stop: &CancellationToken,
    ) -> Result<End, StoreError> {
        if with_commands {
            let id = self.window.given(Token::Subscription);
            if !self.link.subscribe(id, vec![self.means.topics.command()]) {
                tracing::error!("the subscription to commands found no place");
            }
        }
        self.means.feed.connected();
        self.states.all_due();
        let clock = self.means.context.clock;
        let mut save = interval(SAVE_EVERY);
        save.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let end = loop {
            self.hand_over().await?;
            let ack_due = clock.instant(self.acknowledged_at + MQTT_ACK_WAIT_MAX);
            let retry = self.refusals.until();
            select! {
                heard = self.link.next() => match heard {
                    Ok(heard) => self.take(heard),
                    Err(lost) => return Ok(End::Lost(lost)),
                },
                () = self.means.feed.changed() => {}
                () = self.states.changed() => {}
                Ok(()) = self.fault.changed() => self.fault_due(),
                () = self.desk.finished() => {}
                _ = save.tick() => self.save().await?,
                () = sleep_until(clock.instant(retry.unwrap_or(Mono::ZERO))), if retry.is_some() => self.try_again(),
                () = sleep_until(ack_due), if self.window.outstanding() > 0 => {
                    let wait = MQTT_ACK_WAIT_MAX.as_secs();
                    let text = Text::new(
                        format!("MQTT 代理 {wait} s 内未确认任何报文"),
                        format!("the broker has acknowledged nothing for {wait} s"),
                    );
                    return Ok(End::Lost(Lost::Error(text)));
                }
                (link, terms) = arrived(&mut self.means.back) => break End::Back(link, terms),
                () = stop.cancelled() => break End::Stopped,
            }
        };
        if timeout(SHUTDOWN_MAX / 2, self.farewell()).await.is_err() {
            tracing::info!(
                "the broker did not acknowledge everything in time; what is left goes out with the next connection"
            );
        }
        Ok(end)
    }

    /// Hands over what is next, for as long as there is room: status and answers, events, retained states, reports, telemetry.
    async fn hand_over(&mut self) -> Result<(), StoreError> {
        loop {
            if self.send_answer() || self.send_status() {
                continue;
            }
            let room = self.pace.narrow(self.refusals.room(self.window.room()));
            if let Some(page) = self.means.feed.next(Room { telemetry: 0, ..room }).await? {
                self.send_page(page);
            } else if self.send_state() || self.send_again().await? || self.send_report().await? {
            } else if let Some(page) = self.means.feed.next(room).await? {
                self.send_page(page);
            } else {
                return Ok(());
            }
        }
    }

    fn send_page(&mut self, page: Page) {
        let now = self.means.context.clock.now().wall;
        let (store, topics) = (&self.means.context.store, self.means.topics);
        // Age is by the clock that the stamp was made by.
        let then = |moved_ms| Wall(now.0.saturating_sub(moved_ms));
        match page {
            Page::Events(events) => {
                for event in events {
                    let ticket = Ticket { lane: Lane::Events, position: event.seq };
                    let now = then(store.moved_since_event(event.seq));
                    self.send(Outgoing::event(topics, &event, now), Token::Entry(ticket));
                    if event.transition.event.is_of_alarm() && self.states.is_latest(&event) {
                        self.send(Outgoing::current(topics, &event), Token::Entry(ticket));
                    }
                }
            }
            Page::Rows(lane, rows) => {
                for row in rows {
                    let ticket = Ticket { lane, position: row.id };
                    let now = then(store.moved_since_row(row.id));
                    self.send(Outgoing::data(topics, &row, now), Token::Entry(ticket));
                }
            }
        }
    }

    /// Sends some of the events that the centre has asked for again; false if none are left or there is no room.
    async fn send_again(&mut self) -> Result<bool, StoreError> {
        let room = self.window.room().telemetry;
        let Some(mut again) = self.again.take() else { return Ok(false) };
        if room == 0 {
            self.again = Some(again);
            return Ok(false);
        }
        let events = self.means.feed.again(again.span, room).await?;
        for event in &events {
            let moved_ms = self.means.context.store.moved_since_event(event.seq);
            let now = Wall(self.means.context.clock.now().wall.0.saturating_sub(moved_ms));
            self.send(Outgoing::event(self.means.topics, event, now), Token::Volatile);
            again.span.after = event.seq;
        }
        if events.len() < room {
            self.desk.done(again.command, again.id, Ok(()));
        } else {
            self.again = Some(again);
        }
        Ok(true)
    }

    /// Sends the next report, one at a time: it is large, and nobody waits for it.
    async fn send_report(&mut self) -> Result<bool, StoreError> {
        if !self.window.has_room_for_state() {
            return Ok(false);
        }
        let Some((number, report)) = self.means.feed.next_report().await? else { return Ok(false) };
        self.send(Outgoing::report(self.means.topics, report), Token::Report(number));
        Ok(true)
    }

    fn resend(&mut self, command: Message, id: String, from: u64, to: Option<u64>) {
        let refused = if self.again.is_some() {
            (command, id, "events are being sent again already: ask when that is answered".to_owned())
        } else {
            match Again::new(command, id, from, to, self.means.feed.newest()) {
                Ok(again) => return self.again = Some(again),
                Err(refused) => refused,
            }
        };
        let (command, id, why) = refused;
        self.desk.refuse(Some(command), CommandRefusal { id: Some(id), why });
    }

    fn send_answer(&mut self) -> bool {
        if self.window.free() == 0 {
            return false;
        }
        let Some(Answer { reply, command }) = self.desk.next_answer() else { return false };
        self.send(Outgoing::reply(self.means.topics, &reply), Token::Volatile);
        if let Some(command) = command {
            self.acknowledge(&command);
        }
        true
    }

    fn send_status(&mut self) -> bool {
        if self.window.free() == 0 || !std::mem::take(&mut self.status_due) {
            return false;
        }
        self.send(Outgoing::status(self.means.topics, &self.status), Token::Volatile);
        true
    }

    fn send_state(&mut self) -> bool {
        if !self.window.has_room_for_state() {
            return false;
        }
        let Some(message) = self.states.next(self.means.topics) else { return false };
        self.send(message, Token::Volatile);
        true
    }

    fn send(&mut self, message: Outgoing, token: Token) {
        let bytes = publish_bytes(&message);
        if bytes > self.terms.packet_bytes_max {
            return self.too_large(&message.topic, bytes, token);
        }
        if self.window.outstanding() == 0 {
            self.acknowledged_at = self.means.context.clock.now().mono;
        }
        if is_telemetry(token) {
            self.pace.given(self.means.context.clock.now().mono);
        }
        let id = self.window.given(token);
        if !self.link.publish(id, message) {
            // The way to the connection has more places than the window. Should it ever be full, the entry stays unacknowledged
            // and goes out with the next connection.
            tracing::error!("a message found no place");
        }
    }

    fn take(&mut self, heard: Heard) {
        match heard {
            Heard::Acknowledged(id, None) => {
                let now = self.means.context.clock.now().mono;
                self.acknowledged_at = now;
                self.means.repute.acknowledged(self.means.health, now);
                match self.window.acknowledged(id) {
                    Some(token @ Token::Entry(ticket)) => {
                        if is_telemetry(token) {
                            self.pace.acknowledged(now);
                        }
                        self.refusals.taken(ticket);
                        self.means.feed.acknowledged(ticket);
                    }
                    Some(Token::Report(number)) => self.means.feed.report_acknowledged(number),
                    _ => {}
                }
            }
            Heard::Acknowledged(id, Some(refusal)) => self.take_refusal(id, &refusal),
            Heard::Subscribed(id, refused) => {
                self.acknowledged_at = self.means.context.clock.now().mono;
                self.window.acknowledged(id);
                if !refused.is_empty() {
                    tracing::warn!("the broker refused the subscription to commands");
                }
            }
            Heard::Message(message) if message.topic == self.means.topics.command() => {
                self.take_command(message);
            }
            Heard::Message(stranger) => self.acknowledge(&stranger),
            _ => {}
        }
    }

    /// The broker will not take a message: it is tried again later, or set aside where that is of no use.
    fn take_refusal(&mut self, id: u16, refusal: &Refusal) {
        let now = self.means.context.clock.now().mono;
        self.acknowledged_at = now;
        let Some(token) = self.window.refused(id) else { return };
        if is_telemetry(token) {
            self.pace.acknowledged(now);
        }
        let Token::Entry(ticket) = token else {
            self.refusals.hold_for_state(now);
            return self.doubt("部分报文", "a message", &refusal.why);
        };
        let (zh, en) = named(ticket);
        match self.refusals.refused(ticket, refusal, now) {
            Fate::Owed => self.doubt(zh, en, &refusal.why),
            Fate::SetAside => self.set_aside(ticket, &refusal.why),
        }
    }

    /// An entry is not sent any more. It stays in the journal, or in the history.
    fn set_aside(&mut self, ticket: Ticket, why: &Text) {
        let (zh, en) = named(ticket);
        tracing::error!(lane = ?ticket.lane, number = ticket.position, why = why.en, "set aside: the broker will not take it");
        self.means.feed.acknowledged(ticket);
        self.doubt(
            &format!("{zh} {} ", ticket.position),
            &format!("{en} {}, which is set aside", ticket.position),
            why,
        );
    }

    fn too_large(&mut self, topic: &str, bytes: usize, token: Token) {
        let max = self.terms.packet_bytes_max;
        let why = Text::new(
            format!("报文长 {bytes} 字节，超过代理允许的 {max} 字节"),
            format!("the packet has {bytes} bytes and the broker takes {max}"),
        );
        match token {
            Token::Entry(ticket) if !self.window.holds(ticket) => self.set_aside(ticket, &why),
            _ => {
                tracing::error!(topic, why = why.en, "not sent");
                if let Token::Report(number) = token {
                    self.means.feed.report_acknowledged(number);
                }
                self.doubt("部分报文", "a message", &why);
            }
        }
    }

    fn doubt(&mut self, zh: &str, en: &str, why: &Text) {
        let address = &self.link.address;
        let words = Text::new(
            format!("MQTT 代理 {address} 拒收{zh}"),
            format!("the broker {address} does not take {en}"),
        );
        let now = self.means.context.clock.now().mono;
        self.means.repute.doubt(&words.because(why), self.means.health, now);
    }

    /// What the broker refused is tried again: whatever it has not acknowledged is owed anew.
    fn try_again(&mut self) {
        self.refusals.over();
        self.window.begin_anew();
        self.means.feed.connected();
        self.status_due = true;
        self.states.all_due();
    }

    fn take_command(&mut self, message: Message) {
        let now = self.means.context.clock.now();
        let arrival = Arrival { at: now.wall, connected_for: now.mono - self.connected_at };
        match self.desk.take(message, arrival) {
            Duty::Nothing => {}
            Duty::Dismiss(message) => self.acknowledge(&message),
            Duty::Resend { command, id, from, to } => self.resend(command, id, from, to),
            Duty::Snapshot => {
                self.status_due = true;
                self.states.all_due();
            }
        }
    }

    fn acknowledge(&self, command: &Message) {
        if !self.link.acknowledge(command) {
            tracing::warn!("a command could not be acknowledged: the broker sends it again");
        }
    }

    /// What keeps the gateway from journalling has changed.
    fn fault_due(&mut self) {
        self.status.fault.clone_from(&self.fault.borrow_and_update());
        self.status_due = true;
    }

    async fn save(&mut self) -> Result<(), StoreError> {
        let feed = &mut *self.means.feed;
        if feed.save().is_err() {
            tracing::debug!("the store has stopped: acknowledgements are no longer kept");
        }
        if self.given_up_at != feed.given_up_at() {
            self.given_up_at = feed.given_up_at();
            let given_up = feed.given_up().await?;
            if given_up != self.status.given_up {
                self.status.given_up = given_up;
                self.status_due = true;
            }
        }
        Ok(())
    }

    /// Sends the last events, says that we go, and waits until the broker has it all.
    async fn farewell(mut self) {
        loop {
            let room = self.refusals.room(self.window.room());
            match self.means.feed.next(Room { telemetry: 0, ..room }).await {
                Ok(Some(page)) => self.send_page(page),
                _ => break,
            }
        }
        while self.send_answer() {}
        self.send(offline(self.means.topics, &self.status), Token::Volatile);
        while self.window.outstanding() > 0 {
            match self.link.next().await {
                Ok(heard) => self.take(heard),
                Err(_) => return,
            }
        }
        self.link.leave().await;
    }
}

/// Whether it is of a row of readings.
fn is_telemetry(token: Token) -> bool {
    matches!(token, Token::Entry(Ticket { lane: Lane::Live | Lane::Backfill, .. }))
}
