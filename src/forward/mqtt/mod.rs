//! A centre's broker, or one of several, by the contract of docs/mqtt.md or by Sparkplug B. Connect, serve until the connection is lost, wait, connect
//! again; what the broker has not acknowledged by then is sent again, to whichever broker is served next.

mod again;
mod back;
mod command;
mod desk;
mod edge;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
mod link;
mod pace;
mod payload;
mod place;
mod refusals;
mod repute;
mod session;
mod states;
mod topics;
mod window;
mod wire;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::select;
use tokio_util::sync::CancellationToken;

use super::feed::Feed;
use super::{Context, Health};
use crate::model::{ForwarderId, Mono, Text};
use crate::site::{MqttTarget, Profile};
use crate::store::StoreError;
use back::{Back, Returns};
use edge::{Edge, Memory};
use link::{Link, Lost};
use place::{Door, Place, Will};
use session::{End, Means, Session};
use topics::Topics;
use wire::Terms;

/// Serves the centre until `stop`.
pub(super) async fn run(id: ForwarderId, target: &MqttTarget, context: &Context, stop: &CancellationToken) {
    let health = Health::new(id, context);
    let mut centre = Centre::new(id, target, context);
    centre.serve(&health, stop).await;
    if let Some(feed) = &mut centre.feed {
        feed.save_last().await;
    }
}

/// One centre, over all connections to its brokers.
struct Centre<'a> {
    name: String,
    target: &'a MqttTarget,
    context: &'a Context,
    topics: Topics,
    client_id: String,
    feed: Option<Feed>,
    /// What is known of each of its brokers: of the first, and of those that stand by for it.
    places: Vec<Place>,
    returns: Returns,
    /// Why the first was last left.
    trouble: Option<Text>,
    /// Connections so far.
    sessions: Arc<AtomicU64>,
    /// What an edge node knows of its points.
    memory: Memory,
}

impl<'a> Centre<'a> {
    fn new(id: ForwarderId, target: &'a MqttTarget, context: &'a Context) -> Self {
        let site = &context.site;
        let name = site.forwarder(id).name.clone();
        let (topics, client_id) = (Topics::new(site), topics::client_id(site, &name));
        let places = target.brokers.iter().map(|_| Place::new()).collect();
        let returns = Returns::new();
        Self {
            name,
            target,
            context,
            topics,
            client_id,
            feed: None,
            places,
            returns,
            trouble: None,
            sessions: Arc::default(),
            memory: Memory::default(),
        }
    }

    fn now(&self) -> Mono {
        self.context.clock.now().mono
    }

    /// Goes from broker to broker until `stop`.
    async fn serve(&mut self, health: &Health, stop: &CancellationToken) {
        let mut made = None;
        loop {
            let at = if made.is_some() { 0 } else { self.choose() };
            if made.is_none() {
                select! {
                    () = tokio::time::sleep_until(self.context.clock.instant(self.places[at].rests_until())) => {}
                    () = stop.cancelled() => return,
                }
            }
            let began = self.now();
            self.places[at].repute.begin();
            match self.visit(at, made.take(), health, stop).await {
                Ok(End::Stopped) => return,
                Ok(End::Back(link, terms)) => {
                    tracing::info!(forwarder = self.name, "the first broker is back");
                    made = Some((link, terms));
                }
                Ok(End::Lost(lost)) => self.lost(at, lost, self.now() - began, health),
                Err(error) => {
                    health.fails(&error.words());
                    let now = self.now();
                    self.places[at].ended(now - began, now);
                }
            }
        }
    }

    /// The first in order that does not rest, or the one whose rest is over soonest.
    fn choose(&self) -> usize {
        let now = self.now();
        let rested = self.places.iter().position(|place| place.rests_until() <= now);
        let soonest = || (0..self.places.len()).min_by_key(|at| self.places[*at].rests_until());
        rested.or_else(soonest).unwrap_or(0)
    }

    /// One connection, from connect, or from where it was made already, to its end.
    async fn visit(
        &mut self,
        at: usize,
        made: Option<(Link, Terms)>,
        health: &Health,
        stop: &CancellationToken,
    ) -> Result<End, StoreError> {
        let context = self.context;
        let feed = match &mut self.feed {
            Some(feed) => feed,
            none => none.insert(Feed::open(&context.store, &self.name).await?),
        };
        let status = session::status(context, feed.given_up().await?);
        let will = match &self.target.profile {
            Profile::Contract => Will::Offline(session::offline(&self.topics, &status)),
            Profile::Sparkplug(node) => Will::Death(node, context.clock),
        };
        let sessions = Arc::clone(&self.sessions);
        let door = Door { target: self.target, client_id: &self.client_id, will, sessions };
        let first_is_clean = self.places[0].is_clean();
        let place = &mut self.places[at];
        let (link, terms) = if let Some(made) = made {
            made
        } else {
            let mut link = door.open(at, place.is_clean());
            let welcome = select! {
                welcome = link.welcome() => welcome,
                () = stop.cancelled() => return Ok(End::Stopped),
            };
            match welcome {
                Ok(terms) => (link, terms),
                Err(lost) => return Ok(End::Lost(lost)),
            }
        };
        let back = (at > 0).then(|| Back::new(door, first_is_clean, context.clock, self.returns.wait()));
        if at > 0 {
            place.repute.stands_in(standing_in(self.trouble.as_ref(), &link.address));
        }
        if let Profile::Sparkplug(node) = &self.target.profile {
            let memory = &mut self.memory;
            memory.prime(feed).await?;
            let means = edge::Means { context, health, node, feed, repute: &mut place.repute, memory, back };
            return Edge::new(means, link, terms).serve(stop).await;
        }
        let (with_commands, refused) = (place.takes_commands(), place.refused.take());
        let topics = &self.topics;
        let means = Means { context, health, topics, feed, repute: &mut place.repute, back };
        let mut session = Session::new(means, link, terms, status);
        if let Some(why) = refused {
            session.refuse(why);
        }
        session.serve(with_commands, stop).await
    }

    /// A connection, or the attempt at one, is lost after so long.
    fn lost(&mut self, at: usize, lost: Lost, lasted: Duration, health: &Health) {
        let now = self.now();
        let place = &mut self.places[at];
        if at == 0 && place.repute.has_acknowledged() {
            self.returns.lost(lasted);
        }
        place.ended(lasted, now);
        let words = match lost {
            Lost::Error(words) => words,
            Lost::Oversized(bytes) => place.oversized(bytes),
            Lost::TakenOver(words) => stand_back(place, &words, &self.client_id, health, now),
            Lost::Closed(words) => {
                if place.closed_without_a_word(lasted) {
                    stand_back(place, &words, &self.client_id, health, now)
                } else {
                    words
                }
            }
        };
        health.fails(&words);
        if at == 0 {
            self.trouble = Some(words);
        }
    }
}

/// Another client goes by our name at the broker, or seems to: it is told, and not fought for.
fn stand_back(place: &mut Place, words: &Text, client_id: &str, health: &Health, now: Mono) -> Text {
    let seconds = place.stand_back(now).as_secs();
    let words = words.clone().because(&Text::new(
        format!(
            "另一客户端可能使用同一标识 `{client_id}`：两台网关编号相同，或旧网关仍在运行；本网关最多等待 {seconds} s 后再连接"
        ),
        format!(
            "another client may go by the id `{client_id}`: two gateways of one name, or one that was replaced and still runs; \
             this one waits for up to {seconds} s before it connects again"
        ),
    ));
    place.repute.doubt(&words, health, now);
    words
}

/// What is told while a standby is served: nothing is lost, and there is one broker less than there should be.
fn standing_in(trouble: Option<&Text>, address: &str) -> Text {
    let words = Text::new(
        format!("首选代理不可用，经备用代理 {address} 发送"),
        format!("the first broker is not there, and delivery goes on through {address}"),
    );
    trouble.map_or_else(|| words.clone(), |trouble| words.clone().because(trouble))
}
