//! A centre's broker, by the contract of docs/mqtt.md. Connect, serve until the connection is lost, wait, connect again; what
//! the broker has not acknowledged by then is sent again.

mod again;
mod command;
mod desk;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzz;
mod link;
mod payload;
mod session;
mod topics;
mod window;

use tokio::select;
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::feed::Feed;
use super::{Context, Health};
use crate::model::{ForwarderId, Text};
use crate::site::Broker;
use crate::store::StoreError;
use link::{Connect, Link, Lost};
use session::{End, Session};
use topics::Topics;

/// Serves the broker until `stop`.
pub(super) async fn run(id: ForwarderId, broker: &Broker, context: &Context, stop: &CancellationToken) {
    let health = Health::new(id, context);
    let mut backoff = Backoff::new(fastrand::Rng::new());
    let mut centre = Centre::new(id, broker, context);
    while let Err(error) = centre.visit(&health, &mut backoff, stop).await {
        health.fails(&error);
        select! {
            () = tokio::time::sleep(backoff.wait()) => {}
            () = stop.cancelled() => break,
        }
    }
    if let Some(feed) = &mut centre.feed {
        feed.save_last().await;
    }
}

/// How much of the command channel is used. A packet that cannot be taken would come again with the session, and a
/// retained one with the subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Commands {
    /// The broker keeps commands for us.
    Kept,
    /// The broker is asked to forget what it kept.
    Fresh,
    /// None are taken.
    Off,
}

/// One broker, over all its connections.
struct Centre<'a> {
    name: String,
    broker: &'a Broker,
    context: &'a Context,
    topics: Topics,
    feed: Option<Feed>,
    commands: Commands,
    /// Said to the centre at the next connection.
    refused: Option<String>,
}

impl<'a> Centre<'a> {
    fn new(id: ForwarderId, broker: &'a Broker, context: &'a Context) -> Self {
        let site = &context.site;
        let (name, topics) = (site.forwarder(id).name.clone(), Topics::new(site));
        Self { name, broker, context, topics, feed: None, commands: Commands::Kept, refused: None }
    }

    /// One connection, from connect to loss. `Ok` once `stop` has come, else what went wrong, in words.
    async fn visit(
        &mut self,
        health: &Health,
        backoff: &mut Backoff,
        stop: &CancellationToken,
    ) -> Result<(), Text> {
        let began = self.context.clock.now().mono;
        let end = self.connect_and_serve(health, stop).await.map_err(|error| error.words())?;
        backoff.ended(health.is_well(), self.context.clock.now().mono - began);
        match end {
            End::Stopped => Ok(()),
            End::Lost(Lost::Error(error)) => Err(error),
            End::Lost(Lost::Oversized(bytes)) => Err(self.oversized(bytes)),
        }
    }

    async fn connect_and_serve(
        &mut self,
        health: &Health,
        stop: &CancellationToken,
    ) -> Result<End, StoreError> {
        let feed = match &mut self.feed {
            Some(feed) => feed,
            none => none.insert(Feed::open(&self.context.store, &self.name).await?),
        };
        let status = session::status(self.context, feed.given_up().await?);
        let link = Link::open(Connect {
            broker: self.broker,
            client_id: topics::client_id(&self.context.site, &self.name),
            clean: self.commands != Commands::Kept,
            will: session::offline(&self.topics, &status),
        });
        let mut session = Session::new(self.context, health, &self.topics, link, feed, status);
        if let Some(end) = session.connect(stop).await {
            return Ok(end);
        }
        if let Some(why) = self.refused.take() {
            session.refuse(why);
        }
        session.serve(self.commands != Commands::Off, stop).await
    }

    fn oversized(&mut self, bytes: usize) -> Text {
        let why = Text::new(
            format!("MQTT 代理发来的 {bytes} 字节报文过长，无法接收"),
            format!("a packet of {bytes} bytes from the broker is too large to be taken"),
        );
        self.refused = Some(why.en.clone());
        self.commands = match self.commands {
            Commands::Kept => Commands::Fresh,
            Commands::Fresh | Commands::Off => Commands::Off,
        };
        if self.commands == Commands::Off {
            tracing::error!(forwarder = self.name, "commands are off until the next start: {}", why.en);
        }
        why
    }
}
