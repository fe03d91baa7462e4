//! The same centre by Sparkplug B (3.0): the gateway is an edge node, its devices are Sparkplug devices. Births say what there is,
//! data what is new, deaths what is gone, all counted by one number.
//!
//! The standard has everything but the death published at `QoS` 0, which no broker acknowledges. So a PING stands behind what was
//! published: brokers answer in order, and with the answer they have read all before it. That is what an entry counts as delivered
//! by here; whoever needs the broker's word for each message takes the contract.

mod metrics;
mod orders;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;
use tokio::select;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

pub(super) use self::metrics::Memory;
pub(super) use self::orders::{asks_for_birth, host};
use super::back::{Back, arrived};
use super::link::{Link, Lost};
use super::payload::{Outgoing, is_late};
use super::repute::Repute;
use super::session::End;
use super::wire::{Heard, Message, Terms, publish_bytes};
use crate::forward::feed::{Feed, Page};
use crate::forward::queue::{Lane, Room, Ticket};
use crate::forward::{Context, Health, SAVE_EVERY};
use crate::model::limits::{MQTT_ACK_WAIT_MAX, MQTT_WINDOW_MAX, SHUTDOWN_MAX, SPARKPLUG_HOST_WAIT_MAX};
use crate::model::{Board, Event, LinkState, Mono, Text, Wall};
use crate::site::SparkplugNode;
use crate::sparkplug::{Metric, Payload, SPACE};
use crate::store::{Row, StoreError};
use metrics::milliseconds;

/// Packet ids of the few packets that have one.
const SUBSCRIPTION: u16 = 1;
const DEATH: u16 = 2;
/// Places that only births, deaths and events may take.
const RESERVE: u64 = 10;

/// What an edge node works with that outlives its connection.
pub(super) struct Means<'a> {
    pub(super) context: &'a Context,
    pub(super) health: &'a Health,
    pub(super) node: &'a SparkplugNode,
    pub(super) feed: &'a mut Feed,
    pub(super) repute: &'a mut Repute,
    pub(super) memory: &'a mut Memory,
    /// The way back to the first broker, where this is another.
    pub(super) back: Option<Back<'a>>,
}

/// The death of the session of this number, to be told by the broker when we are gone.
pub(super) fn death(node: &SparkplugNode, session: u64, now: Wall) -> Outgoing {
    let payload = Payload::of([metrics::session(session, now)], milliseconds(now), None);
    Outgoing { topic: topic(node, "NDEATH", None), retain: false, payload: payload.encode_to_vec() }
}

fn topic(node: &SparkplugNode, kind: &str, device: Option<&str>) -> String {
    let SparkplugNode { group, node, .. } = node;
    match device {
        Some(device) => format!("{SPACE}/{group}/{kind}/{node}/{device}"),
        None => format!("{SPACE}/{group}/{kind}/{node}"),
    }
}

/// One connection.
pub(super) struct Edge<'a> {
    means: Means<'a>,
    link: Link,
    terms: Terms,
    board: watch::Receiver<Arc<Board>>,
    /// Alarms that the birth tells of.
    alarms: BTreeSet<String>,
    /// The broker has taken the subscription.
    is_subscribed: bool,
    host: Option<orders::Host>,
    birth_due: bool,
    /// The number of the next message.
    seq: u8,
    /// Devices that have been born and have not died since.
    alive: BTreeSet<String>,
    births_due: BTreeSet<String>,
    /// Which devices are alive is to be held against the board.
    settle_due: bool,
    /// Messages given on their way, and how many of them the broker has read.
    given: u64,
    read: u64,
    open: VecDeque<(u64, Ticket)>,
    /// When a PING was sent that is not answered.
    asked_at: Option<Mono>,
    /// When the broker last answered, or was last owed nothing.
    answered_at: Mono,
    connected_at: Mono,
}

impl<'a> Edge<'a> {
    /// An edge node on a connection that a broker has taken us in on.
    pub(super) fn new(means: Means<'a>, link: Link, terms: Terms) -> Self {
        let (board, now) = (means.context.store.board(), means.context.clock.now().mono);
        let alarms = metrics::alarms(&means.context.site).into_iter().map(str::to_owned).collect();
        Self {
            means,
            link,
            terms,
            board,
            alarms,
            is_subscribed: false,
            host: None,
            birth_due: true,
            seq: 0,
            alive: BTreeSet::new(),
            births_due: BTreeSet::new(),
            settle_due: false,
            given: 0,
            read: 0,
            open: VecDeque::new(),
            asked_at: None,
            answered_at: now,
            connected_at: now,
        }
    }

    /// Serves the connection until it is lost or `stop` comes.
    pub(super) async fn serve(mut self, stop: &CancellationToken) -> Result<End, StoreError> {
        let mut filters = vec![topic(self.means.node, "NCMD", None)];
        filters.extend(self.host_topic());
        self.link.subscribe(SUBSCRIPTION, filters);
        self.means.feed.connected();
        let clock = self.means.context.clock;
        let mut save = interval(SAVE_EVERY);
        save.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let end = loop {
            self.hand_over().await?;
            let is_owed = self.given > self.read;
            let (due, wait) = if self.may_speak() {
                (self.answered_at + MQTT_ACK_WAIT_MAX, MQTT_ACK_WAIT_MAX)
            } else {
                (self.connected_at + SPARKPLUG_HOST_WAIT_MAX, SPARKPLUG_HOST_WAIT_MAX)
            };
            select! {
                heard = self.link.next() => match heard.map(|heard| self.take(heard)) {
                    Ok(None) => {}
                    Ok(Some(lost)) => break End::Lost(lost),
                    Err(lost) => return Ok(End::Lost(lost)),
                },
                () = self.means.feed.changed() => {}
                Ok(()) = self.board.changed() => {
                    self.board.mark_unchanged();
                    self.settle_due = true;
                }
                _ = save.tick() => {
                    if self.means.feed.save().is_err() {
                        tracing::debug!("the store has stopped: acknowledgements are no longer kept");
                    }
                }
                () = sleep_until(clock.instant(due)), if is_owed || !self.may_speak() => {
                    break End::Lost(Lost::Error(self.waited_in_vain(wait)));
                }
                made = arrived(&mut self.means.back) => break End::Back(made.0, made.1),
                () = stop.cancelled() => break End::Stopped,
            }
        };
        if timeout(SHUTDOWN_MAX / 2, self.farewell()).await.is_err() {
            tracing::info!(
                "the broker did not take everything in time; what is left goes out with the next connection"
            );
        }
        Ok(end)
    }

    fn host_topic(&self) -> Option<String> {
        self.means.node.primary_host.as_ref().map(|host| format!("{SPACE}/STATE/{host}"))
    }

    /// Whether births and data may be published: not before the subscription stands and the primary host is there.
    fn may_speak(&self) -> bool {
        let host_is_there =
            self.means.node.primary_host.is_none() || self.host.is_some_and(|host| host.online);
        self.is_subscribed && host_is_there
    }

    fn waited_in_vain(&self, wait: Duration) -> Text {
        let seconds = wait.as_secs();
        match &self.means.node.primary_host {
            Some(host) if self.is_subscribed && !self.may_speak() => Text::new(
                format!("Sparkplug 主应用 `{host}` 在 {seconds} s 内未上线"),
                format!("the primary host `{host}` was not there within {seconds} s"),
            ),
            _ => Text::new(
                format!("MQTT 代理 {seconds} s 内未应答"),
                format!("the broker has answered nothing for {seconds} s"),
            ),
        }
    }

    fn room(&self) -> u64 {
        u64::from(MQTT_WINDOW_MAX).saturating_sub(self.given - self.read)
    }

    /// Hands over what is next, for as long as there is room: births, deaths, events, telemetry.
    async fn hand_over(&mut self) -> Result<(), StoreError> {
        while self.may_speak() && self.room() > RESERVE {
            if self.birth_due {
                self.be_born();
            } else if let Some(device) = self.births_due.pop_first() {
                self.bear(&device);
            } else if self.settle_due {
                self.settle();
            } else {
                let free = self.room() - RESERVE;
                // A row may need its device's birth before it.
                let room = Room { events: free as usize, telemetry: free as usize / 2 };
                match self.means.feed.next(room).await? {
                    Some(page) => self.send_page(page),
                    None => break,
                }
            }
        }
        if self.given > self.read && self.asked_at.is_none() {
            self.asked_at = Some(self.means.context.clock.now().mono);
            self.link.ping();
        }
        Ok(())
    }

    fn now(&self) -> Wall {
        self.means.context.clock.now().wall
    }

    /// The node's birth, with which its numbers begin anew, and after it those of its devices.
    fn be_born(&mut self) {
        let (now, board) = (self.now(), Arc::clone(&self.board.borrow()));
        let site = Arc::clone(&self.means.context.site);
        self.seq = 0;
        self.say("NBIRTH", None, metrics::node_birth(&site, &board, self.link.session, now), None);
        (self.birth_due, self.settle_due) = (false, false);
        self.alive.clear();
        let is_there =
            |device: &str| board.devices.get(device).is_none_or(|status| status.state != LinkState::Down);
        let there = site.devices.iter().map(|device| device.name.clone()).filter(|device| is_there(device));
        self.births_due = there.collect();
    }

    fn bear(&mut self, device: &str) {
        let metrics = self.means.memory.device_birth(&self.means.context.site, device, self.now());
        self.say("DBIRTH", Some(device), metrics, None);
        self.alive.insert(device.to_owned());
    }

    /// One device that is not as the board has it is born or dies; done once there is none.
    fn settle(&mut self) {
        let board = Arc::clone(&self.board.borrow());
        let mut devices = board.devices.iter();
        let wrong = devices
            .find(|(name, status)| self.alive.contains(*name) == (status.state == LinkState::Down))
            .map(|(name, status)| (name.clone(), status.state));
        match wrong {
            None => self.settle_due = false,
            Some((device, LinkState::Down)) => {
                self.say("DDEATH", Some(&device), Vec::new(), None);
                self.alive.remove(&device);
            }
            Some((device, _)) => self.bear(&device),
        }
    }

    fn send_page(&mut self, page: Page) {
        match page {
            Page::Events(events) => events.iter().for_each(|event| self.send_event(event)),
            Page::Rows(lane, rows) => rows.iter().for_each(|row| self.send_row(lane, row)),
        }
    }

    fn send_event(&mut self, event: &Event) {
        let moved = self.means.context.store.moved_since_event(event.seq);
        let is_late = is_late(event.transition.at.wall, Wall(self.now().0.saturating_sub(moved)));
        let is_known = self.alarms.contains(&event.transition.alarm);
        let ticket = Ticket { lane: Lane::Events, position: event.seq };
        self.say("NDATA", None, metrics::event(event, is_known, is_late), Some(ticket));
    }

    fn send_row(&mut self, lane: Lane, row: &Row) {
        let moved = self.means.context.store.moved_since_row(row.id);
        let is_historical =
            lane == Lane::Backfill || is_late(row.at, Wall(self.now().0.saturating_sub(moved)));
        let wider = self.means.memory.learn_row(row);
        if !self.alive.contains(&*row.device) {
            // What was read before the device was lost may come after its death: it lives for as long as it takes to say it.
            self.settle_due = true;
            self.bear(&row.device);
        } else if wider {
            self.bear(&row.device);
        }
        let memory = &self.means.memory;
        let metrics = row.readings.iter().map(|it| memory.reading(it, &row.device, is_historical)).collect();
        let ticket = Ticket { lane, position: row.id };
        self.say("DDATA", Some(&row.device), metrics, Some(ticket));
    }

    fn say(&mut self, kind: &str, device: Option<&str>, metrics: Vec<Metric>, ticket: Option<Ticket>) {
        let payload = Payload::of(metrics, milliseconds(self.now()), Some(u64::from(self.seq)));
        let topic = topic(self.means.node, kind, device);
        let message = Outgoing { topic, retain: false, payload: payload.encode_to_vec() };
        let bytes = publish_bytes(&message);
        if bytes > self.terms.packet_bytes_max {
            return self.too_large(&message.topic, bytes, ticket);
        }
        if self.given == self.read {
            self.answered_at = self.means.context.clock.now().mono;
        }
        self.seq = self.seq.wrapping_add(1);
        self.given += 1;
        if !self.link.publish(0, message) {
            tracing::error!("a message found no place");
        }
        self.open.extend(ticket.map(|ticket| (self.given, ticket)));
    }

    /// What the broker would not take is not sent, and holds up nothing.
    fn too_large(&mut self, topic: &str, bytes: usize, ticket: Option<Ticket>) {
        let (address, max) = (&self.link.address, self.terms.packet_bytes_max);
        let words = Text::new(
            format!("报文长 {bytes} 字节，超过 MQTT 代理 {address} 允许的 {max} 字节，未发送"),
            format!("a packet of {bytes} bytes was not sent, for the broker {address} takes {max}"),
        );
        tracing::error!(topic, ?ticket, "{}", words.en);
        let now = self.means.context.clock.now().mono;
        self.means.repute.doubt(&words, self.means.health, now);
        if let Some(ticket) = ticket {
            self.means.feed.acknowledged(ticket);
        }
    }

    /// Takes in what the broker says. Returns why the connection is to end, if it is.
    fn take(&mut self, heard: Heard) -> Option<Lost> {
        match heard {
            Heard::Subscribed(SUBSCRIPTION, refused) if refused.is_empty() => self.is_subscribed = true,
            Heard::Subscribed(..) => {
                return Some(Lost::Error(Text::new(
                    format!("MQTT 代理 {} 拒绝订阅 Sparkplug 命令", self.link.address),
                    format!(
                        "the broker {} refused the subscription to Sparkplug commands",
                        self.link.address
                    ),
                )));
            }
            Heard::Pong(read) => self.take_answer(read),
            Heard::Message(message) => return self.take_message(&message),
            _ => {}
        }
        None
    }

    /// The broker has read so many of our messages.
    fn take_answer(&mut self, read: u64) {
        self.asked_at = None;
        if read <= self.read {
            return;
        }
        self.read = read;
        let now = self.means.context.clock.now().mono;
        self.answered_at = now;
        self.means.repute.acknowledged(self.means.health, now);
        while let Some((number, ticket)) = self.open.front().copied() {
            if number > read {
                break;
            }
            self.means.feed.acknowledged(ticket);
            self.open.pop_front();
        }
    }

    fn take_message(&mut self, message: &Message) -> Option<Lost> {
        self.link.acknowledge(message);
        if Some(&message.topic) == self.host_topic().as_ref() {
            let was_there = self.may_speak();
            self.host = host(&message.payload, self.host).or(self.host);
            if was_there && !self.may_speak() {
                let host = self.means.node.primary_host.as_deref().unwrap_or_default();
                return Some(Lost::Error(Text::new(
                    format!("Sparkplug 主应用 `{host}` 已离线"),
                    format!("the primary host `{host}` is gone"),
                )));
            }
        } else if !message.retained {
            match asks_for_birth(&message.payload) {
                Ok(asks) => self.birth_due |= asks,
                Err(why) => tracing::warn!(topic = message.topic, why, "a command was refused"),
            }
        }
        None
    }

    /// Sends the last events, says that we go, and waits until the broker has it all.
    async fn farewell(mut self) {
        while self.given > 0 && self.room() > 0 {
            match self.means.feed.next(Room { events: self.room() as usize, telemetry: 0 }).await {
                Ok(Some(page)) => self.send_page(page),
                _ => break,
            }
        }
        self.link.ping();
        let death = death(self.means.node, self.link.session, self.now());
        self.link.publish(DEATH, death);
        loop {
            match self.link.next().await {
                Ok(Heard::Acknowledged(DEATH, _)) => break,
                Ok(heard) => drop(self.take(heard)),
                Err(_) => return,
            }
        }
        self.link.leave().await;
    }
}
