//! One connection being served: hand over what is next while there is room, take in acknowledgements and commands, say what
//! changed. Everything here dies with the connection but the feed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rumqttc::{ConnectReturnCode, Event, Outgoing as Sent, Packet, Publish, QoS, SubscribeReasonCode};
use tokio::select;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::again::Again;
use super::command::{Arrival, Refusal};
use super::desk::{Answer, Desk, Duty};
use super::link::{Link, Lost};
use super::payload::Outgoing;
use super::topics::Topics;
use super::window::{Token, Window};
use crate::forward::contract::{StatusMessage, V1};
use crate::forward::feed::{Feed, Page};
use crate::forward::queue::{Lane, Room, Ticket};
use crate::forward::{Context, Health, SAVE_EVERY};
use crate::model::limits::{MQTT_ACK_WAIT_MAX, SHUTDOWN_MAX};
use crate::model::{AlarmState, Board, Event as AlarmEvent, Mono, Text, Wall};
use crate::store::StoreError;

/// How a connection ended.
#[derive(Debug)]
pub(super) enum End {
    /// In good order.
    Stopped,
    /// Otherwise.
    Lost(Lost),
}

/// A retained state that is due. Made from the board when it is sent, so that many changes are one message.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Status,
    Alarm(String),
    Risk,
    Device(String),
    Output(String),
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

/// One connection.
pub(super) struct Session<'a> {
    context: &'a Context,
    health: &'a Health,
    topics: &'a Topics,
    link: Link,
    feed: &'a mut Feed,
    window: Window,
    status: StatusMessage,
    /// Why the gateway cannot journal. It is told beside the journal, because no event of it can be kept.
    fault: watch::Receiver<Option<Text>>,
    board: watch::Receiver<Arc<Board>>,
    /// The board as it was last looked at.
    seen: Arc<Board>,
    due: BTreeSet<Due>,
    desk: Desk,
    /// Events that the centre has asked for again.
    again: Option<Again>,
    given_up_at: (u64, u64),
    /// When the broker last acknowledged something, or was last owed nothing.
    acknowledged_at: Mono,
    connected_at: Mono,
}

impl<'a> Session<'a> {
    /// A session on a link that is yet to be connected.
    pub(super) fn new(
        context: &'a Context,
        health: &'a Health,
        topics: &'a Topics,
        link: Link,
        feed: &'a mut Feed,
        mut status: StatusMessage,
    ) -> Self {
        let mut fault = context.store.fault();
        status.fault.clone_from(&fault.borrow_and_update());
        let mut board = context.store.board();
        let seen = Arc::clone(&board.borrow_and_update());
        Self {
            context,
            health,
            topics,
            link,
            given_up_at: feed.given_up_at(),
            feed,
            window: Window::default(),
            status,
            fault,
            board,
            seen,
            due: BTreeSet::new(),
            desk: Desk::new(context.inbox.clone()),
            again: None,
            acknowledged_at: context.clock.now().mono,
            connected_at: context.clock.now().mono,
        }
    }

    /// Waits until the broker has let us in. Returns how it ended if it did not.
    pub(super) async fn connect(&mut self, stop: &CancellationToken) -> Option<End> {
        let event = select! {
            event = self.link.next() => event,
            () = stop.cancelled() => return Some(End::Stopped),
        };
        match event {
            Ok(Event::Incoming(Packet::ConnAck(ack))) if ack.code == ConnectReturnCode::Success => None,
            Ok(other) => Some(End::Lost(Lost::Error(Text::new(
                format!("MQTT 代理的首个报文不是连接确认：{other:?}"),
                format!("the broker began with {other:?}"),
            )))),
            Err(lost) => Some(End::Lost(lost)),
        }
    }

    /// Has the centre told that something from it could not be taken.
    pub(super) fn refuse(&mut self, why: String) {
        self.desk.refuse(None, Refusal { id: None, why });
    }

    /// Serves the connection until it is lost or `stop` comes.
    pub(super) async fn serve(
        mut self,
        with_commands: bool,
        stop: &CancellationToken,
    ) -> Result<End, StoreError> {
        if with_commands && self.link.client.try_subscribe(self.topics.command(), QoS::AtLeastOnce).is_err() {
            return Ok(End::Lost(Lost::Error(Text::new(
                "无法发出命令订阅请求",
                "the client took no subscription",
            ))));
        }
        self.connected_at = self.context.clock.now().mono;
        self.feed.connected();
        self.due.insert(Due::Status);
        self.all_due();
        let mut save = interval(SAVE_EVERY);
        save.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            self.hand_over().await?;
            let ack_due = self.context.clock.instant(self.acknowledged_at + MQTT_ACK_WAIT_MAX);
            select! {
                event = self.link.next() => match event {
                    Ok(event) => self.take(event),
                    Err(lost) => return Ok(End::Lost(lost)),
                },
                () = self.feed.changed() => {}
                Ok(()) = self.board.changed() => self.changes_due(),
                Ok(()) = self.fault.changed() => self.fault_due(),
                () = self.desk.finished() => {}
                _ = save.tick() => self.save().await?,
                () = sleep_until(ack_due), if self.window.outstanding() > 0 => {
                    let wait = MQTT_ACK_WAIT_MAX.as_secs();
                    let text = Text::new(
                        format!("MQTT 代理 {wait} s 内未确认任何报文"),
                        format!("the broker has acknowledged nothing for {wait} s"),
                    );
                    return Ok(End::Lost(Lost::Error(text)));
                }
                () = stop.cancelled() => break,
            }
        }
        if timeout(SHUTDOWN_MAX / 2, self.farewell()).await.is_err() {
            tracing::info!(
                "the broker did not acknowledge everything in time; what is left goes out at the next start"
            );
        }
        Ok(End::Stopped)
    }

    /// Hands over what is next, for as long as there is room: status and answers, events, retained states, telemetry.
    async fn hand_over(&mut self) -> Result<(), StoreError> {
        loop {
            if self.send_answer() || self.send_status() {
                continue;
            }
            let room = self.window.room();
            if let Some(page) = self.feed.next(Room { telemetry: 0, ..room }).await? {
                self.send_page(page);
            } else if self.send_due() || self.send_again().await? {
            } else if let Some(page) = self.feed.next(room).await? {
                self.send_page(page);
            } else {
                return Ok(());
            }
        }
    }

    fn send_page(&mut self, page: Page) {
        let now = self.context.clock.now().wall;
        let store = &self.context.store;
        // Age is by the clock that the stamp was made by.
        let then = |moved_ms| Wall(now.0.saturating_sub(moved_ms));
        match page {
            Page::Events(events) => {
                for event in events {
                    let ticket = Ticket { lane: Lane::Events, position: event.seq };
                    let now = then(store.moved_since_event(event.seq));
                    self.send(Outgoing::event(self.topics, &event, now), Token::Entry(ticket));
                    if event.transition.event.is_of_alarm() && self.is_latest(&event) {
                        self.send(Outgoing::current(self.topics, &event), Token::Entry(ticket));
                    }
                }
            }
            Page::Rows(lane, rows) => {
                for row in rows {
                    let ticket = Ticket { lane, position: row.id };
                    let now = then(store.moved_since_row(row.id));
                    self.send(Outgoing::data(self.topics, &row, now), Token::Entry(ticket));
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
        let events = self.feed.again(again.span, room).await?;
        for event in &events {
            let now = self
                .context
                .clock
                .now()
                .wall
                .0
                .saturating_sub(self.context.store.moved_since_event(event.seq));
            self.send(Outgoing::event(self.topics, event, Wall(now)), Token::Volatile);
            again.span.after = event.seq;
        }
        if events.len() < room {
            self.desk.done(again.command, again.id, Ok(()));
        } else {
            self.again = Some(again);
        }
        Ok(true)
    }

    fn resend(&mut self, command: Publish, id: String, from: u64, to: Option<u64>) {
        let refused = if self.again.is_some() {
            (command, id, "events are being sent again already: ask when that is answered".to_owned())
        } else {
            match Again::new(command, id, from, to, self.feed.newest()) {
                Ok(again) => return self.again = Some(again),
                Err(refused) => refused,
            }
        };
        let (command, id, why) = refused;
        self.desk.refuse(Some(command), Refusal { id: Some(id), why });
    }

    /// Whether the alarm still stands as this event left it. If not, a later event says how it stands.
    fn is_latest(&self, event: &AlarmEvent) -> bool {
        let board = self.board.borrow();
        match board.alarms.get(&event.transition.alarm) {
            Some(standing) => standing.seq <= event.seq,
            None => event.transition.state == AlarmState::Normal,
        }
    }

    fn send_answer(&mut self) -> bool {
        if self.window.free() == 0 {
            return false;
        }
        let Some(Answer { reply, command }) = self.desk.next_answer() else { return false };
        self.send(Outgoing::reply(self.topics, &reply), Token::Volatile);
        if let Some(command) = command {
            self.acknowledge(&command);
        }
        true
    }

    fn send_status(&mut self) -> bool {
        if self.window.free() == 0 || !self.due.remove(&Due::Status) {
            return false;
        }
        self.send(Outgoing::status(self.topics, &self.status), Token::Volatile);
        true
    }

    fn send_due(&mut self) -> bool {
        if !self.window.has_room_for_state() {
            return false;
        }
        let Some(due) = self.due.pop_first() else { return false };
        let board = Arc::clone(&self.board.borrow());
        let message = match due {
            Due::Status => Some(Outgoing::status(self.topics, &self.status)),
            // An alarm that is normal by now says so by its event.
            Due::Alarm(name) => board.alarms.get(&name).map(|event| Outgoing::current(self.topics, event)),
            Due::Risk => Some(Outgoing::risk(self.topics, &board.risk)),
            Due::Device(name) => board.devices.get(&name).map(|status| Outgoing::device(self.topics, status)),
            Due::Output(name) => board.outputs.get(&name).map(|status| Outgoing::output(self.topics, status)),
        };
        if let Some(message) = message {
            self.send(message, Token::Volatile);
        }
        true
    }

    fn send(&mut self, message: Outgoing, token: Token) {
        if self.window.outstanding() == 0 {
            self.acknowledged_at = self.context.clock.now().mono;
        }
        if self.link.publish(message) {
            self.window.given(token);
        } else {
            // The queue has more places than the window. Should it ever be full, the entry stays unacknowledged and goes out
            // with the next connection.
            tracing::error!("the client took no message");
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Outgoing(Sent::Publish(packet_id)) => self.window.numbered(packet_id),
            Event::Incoming(Packet::PubAck(ack)) => {
                self.acknowledged_at = self.context.clock.now().mono;
                // Not sooner: a broker that lets us in and acknowledges nothing does not work.
                self.health.works();
                if let Some(ticket) = self.window.acknowledged(ack.pkid) {
                    self.feed.acknowledged(ticket);
                }
            }
            Event::Incoming(Packet::Publish(publish)) => self.take_command(publish),
            Event::Incoming(Packet::SubAck(ack))
                if ack.return_codes.contains(&SubscribeReasonCode::Failure) =>
            {
                tracing::warn!("the broker refused the subscription to commands");
            }
            _ => {}
        }
    }

    fn take_command(&mut self, publish: Publish) {
        let now = self.context.clock.now();
        let arrival = Arrival { at: now.wall, connected_for: now.mono - self.connected_at };
        match self.desk.take(publish, arrival) {
            Duty::Nothing => {}
            Duty::Dismiss(publish) => self.acknowledge(&publish),
            Duty::Resend { command, id, from, to } => self.resend(command, id, from, to),
            Duty::Snapshot => {
                self.due.insert(Due::Status);
                self.all_due();
            }
        }
    }

    fn acknowledge(&self, command: &Publish) {
        if self.link.client.try_ack(command).is_err() {
            tracing::warn!("a command could not be acknowledged: the broker sends it again");
        }
    }

    /// All of the board is to be sent.
    fn all_due(&mut self) {
        let board = Arc::clone(&self.board.borrow_and_update());
        self.due.insert(Due::Risk);
        self.due.extend(board.alarms.keys().cloned().map(Due::Alarm));
        self.due.extend(board.devices.keys().cloned().map(Due::Device));
        self.due.extend(board.outputs.keys().cloned().map(Due::Output));
        self.seen = board;
    }

    /// What changed on the board is to be sent. Alarms are among it only if their stamp was put right: all else their events bring.
    fn changes_due(&mut self) {
        let board = Arc::clone(&self.board.borrow_and_update());
        if !Arc::ptr_eq(&board.risk, &self.seen.risk) {
            self.due.insert(Due::Risk);
        }
        for (name, event) in &board.alarms {
            let seen = self.seen.alarms.get(name);
            if seen.is_some_and(|seen| seen.seq == event.seq && !Arc::ptr_eq(seen, event)) {
                self.due.insert(Due::Alarm(name.clone()));
            }
        }
        self.due.extend(renewed(&self.seen.devices, &board.devices).map(Due::Device));
        self.due.extend(renewed(&self.seen.outputs, &board.outputs).map(Due::Output));
        self.seen = board;
    }

    /// What keeps the gateway from journalling has changed.
    fn fault_due(&mut self) {
        self.status.fault.clone_from(&self.fault.borrow_and_update());
        self.due.insert(Due::Status);
    }

    async fn save(&mut self) -> Result<(), StoreError> {
        if self.feed.save().is_err() {
            tracing::debug!("the store has stopped: acknowledgements are no longer kept");
        }
        if self.given_up_at != self.feed.given_up_at() {
            self.given_up_at = self.feed.given_up_at();
            let given_up = self.feed.given_up().await?;
            if given_up != self.status.given_up {
                self.status.given_up = given_up;
                self.due.insert(Due::Status);
            }
        }
        Ok(())
    }

    /// Sends the last events, says that we go, and waits until the broker has it all.
    async fn farewell(&mut self) {
        while let Ok(Some(page)) = self.feed.next(Room { telemetry: 0, ..self.window.room() }).await {
            self.send_page(page);
        }
        while self.send_answer() {}
        self.send(offline(self.topics, &self.status), Token::Volatile);
        while self.window.outstanding() > 0 {
            match self.link.next().await {
                Ok(event) => self.take(event),
                Err(_) => return,
            }
        }
        if self.link.client.try_disconnect().is_ok() {
            while !matches!(self.link.next().await, Ok(Event::Outgoing(Sent::Disconnect)) | Err(_)) {}
        }
    }
}

/// The names of the entries of `new` that are not those of `old`.
fn renewed<T>(
    old: &BTreeMap<String, Arc<T>>,
    new: &BTreeMap<String, Arc<T>>,
) -> impl Iterator<Item = String> {
    let same = |name: &str, entry: &Arc<T>| old.get(name).is_some_and(|old| Arc::ptr_eq(old, entry));
    new.iter().filter(move |(name, entry)| !same(name, entry)).map(|(name, _)| name.clone())
}
