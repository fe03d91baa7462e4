//! A bench in operation: a ticker that moves the simulation by the wall clock, servers and publishers that show it.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};
use tokio_serial::SerialStream;

use crate::bench::{Bench, LineSpec, LinkSpec};
use crate::edge::EdgeNode;
use crate::error::{BenchError, FaultError};
use crate::fault::FaultCommand;
use crate::limits;
use crate::publisher::Publisher;
use crate::scenario::Scenario;
use crate::server::{self, Link};
use crate::shared::Shared;
use crate::simulation::Simulation;
use crate::story::StoryLine;

/// How a bench is run.
#[derive(Debug, Clone, PartialEq)]
pub struct StartOptions {
    /// Where chance comes from; a scenario's own seed goes before it.
    pub seed: u64,
    /// Plant seconds per second; above 0, at most 1000. Publishers keep to wall time.
    pub speed: f64,
    /// The story to play; none leaves the plant in peace.
    pub scenario: Option<Scenario>,
}

impl Default for StartOptions {
    fn default() -> Self {
        Self { seed: 1, speed: 1.0, scenario: None }
    }
}

/// A bench in operation. Dropping it stops it at once; [`RunningBench::stop`] in good order.
#[derive(Debug)]
pub struct RunningBench {
    shared: Arc<Shared>,
    addresses: BTreeMap<String, SocketAddr>,
    by_link: Vec<Option<SocketAddr>>,
    ports: Vec<String>,
    waiting: Vec<Waiting>,
    tasks: JoinSet<()>,
}

impl Bench {
    /// Checks everything, binds every listener, then serves; on an error nothing is left running. Publishers wait for
    /// [`RunningBench::start_publishers`].
    pub async fn start(self, options: StartOptions) -> Result<RunningBench, BenchError> {
        let StartOptions { seed, speed, scenario } = options;
        if !(speed > 0.0 && speed <= limits::SPEED_MAX) {
            return Err(BenchError::Speed(speed));
        }
        let simulation = Simulation::new(&self, seed, scenario)?;
        let plant = simulation.plant();
        let links =
            self.links.iter().map(|spec| Link::new(spec, plant).map(Arc::new)).collect::<Result<_, _>>()?;
        let mut waiting = Vec::with_capacity(self.publishers.len() + self.edges.len());
        for (index, spec) in self.publishers.iter().enumerate() {
            waiting.push(Waiting::Publisher(Publisher::new(spec, index, plant)?));
        }
        for (index, spec) in self.edges.iter().enumerate() {
            waiting.push(Waiting::Edge(EdgeNode::new(spec, index, plant)?));
        }
        let places = take_all(&self.links).await?;
        let shared = Arc::new(Shared::new(simulation, links));
        Ok(RunningBench::serve(shared, places, waiting, speed))
    }
}

impl RunningBench {
    fn serve(shared: Arc<Shared>, places: Vec<(String, Place)>, waiting: Vec<Waiting>, speed: f64) -> Self {
        let (mut addresses, mut by_link, mut ports) = (BTreeMap::new(), Vec::new(), Vec::new());
        let mut tasks = JoinSet::new();
        for (link, (asked, place)) in shared.links().iter().zip(places) {
            let link = Arc::clone(link);
            match place {
                Place::Socket(listener, address) => {
                    by_link.push(Some(address));
                    addresses.insert(asked, address);
                    tasks.spawn(listen(listener, address, link));
                }
                Place::Port(port, setting) => {
                    by_link.push(None);
                    ports.push(asked.clone());
                    tasks
                        .spawn(async move { match server::line::serve(port, asked, setting, link).await {} });
                }
            }
        }
        tasks.spawn(tick(Arc::clone(&shared), speed));
        Self { shared, addresses, by_link, ports, waiting, tasks }
    }

    /// Where each link that is no serial line listens, by the address that was asked for.
    pub fn addresses(&self) -> &BTreeMap<String, SocketAddr> {
        &self.addresses
    }

    /// Where the link of this index in the bench listens; needed where several asked for port 0. None for a serial line.
    pub fn link_address(&self, index: usize) -> Option<SocketAddr> {
        self.by_link.get(index).copied().flatten()
    }

    /// The serial ports that are answered on.
    pub fn ports(&self) -> &[String] {
        &self.ports
    }

    /// Lets the publishers begin, all of them with `broker` if one is given. A second call changes nothing.
    pub fn start_publishers(&mut self, broker: Option<SocketAddr>) {
        for waiting in self.waiting.drain(..) {
            let shared = Arc::clone(&self.shared);
            match waiting {
                Waiting::Publisher(mut publisher) => {
                    if let Some(broker) = broker {
                        publisher.redirect(broker.ip().to_string(), broker.port());
                    }
                    self.tasks.spawn(publisher.run(shared));
                }
                Waiting::Edge(mut edge) => {
                    if let Some(broker) = broker {
                        edge.redirect(broker.ip().to_string(), broker.port());
                    }
                    self.tasks.spawn(edge.run(shared));
                }
            }
        }
    }

    /// Lets a fault begin or end; registers show a device's fault when this returns.
    pub fn inject(&self, command: &FaultCommand) -> Result<(), FaultError> {
        self.shared.inject(command)
    }

    /// What a point's sensor shows now, in its engineering unit; none for a dead sensor and for an unknown point.
    pub fn value(&self, point: &str) -> Option<f64> {
        self.shared.with_plant(|plant| plant.signal(point).and_then(|signal| plant.value(signal)))
    }

    /// What happens from now on, line by line.
    pub fn journal(&self) -> broadcast::Receiver<StoryLine> {
        self.shared.journal()
    }

    /// Closes every socket and waits for every task, at most 2 s.
    pub async fn stop(mut self) {
        self.tasks.abort_all();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(limits::STOP_MAX, all).await.is_err() {
            tracing::warn!("a simulated device did not stop in time");
        }
    }
}

async fn tick(shared: Arc<Shared>, speed: f64) {
    let mut ticker = interval(limits::TICK);
    // The first tick comes at once, when no time has passed.
    ticker.tick().await;
    loop {
        ticker.tick().await;
        shared.advance(limits::TICK.as_secs_f64() * speed);
    }
}

/// What is to publish once it is told to begin.
#[derive(Debug)]
enum Waiting {
    Publisher(Publisher),
    Edge(EdgeNode),
}

/// Where a link is served.
enum Place {
    Socket(TcpListener, SocketAddr),
    Port(SerialStream, LineSpec),
}

/// Every link's place, with how it was asked for.
async fn take_all(specs: &[LinkSpec]) -> Result<Vec<(String, Place)>, BenchError> {
    let mut places = Vec::with_capacity(specs.len());
    for spec in specs {
        let address = &spec.listen;
        let failed = |source| BenchError::Bind { address: address.clone(), source };
        let place = match spec.line {
            Some(setting) => server::line::open(address, setting).map(|port| Place::Port(port, setting)),
            None => bind(address).await.map(|(listener, bound)| Place::Socket(listener, bound)),
        };
        places.push((address.clone(), place.map_err(failed)?));
    }
    Ok(places)
}

async fn listen(listener: TcpListener, address: SocketAddr, link: Arc<Link>) {
    if let Err(error) = server::serve(listener, link).await {
        tracing::warn!(%address, %error, "a simulated link no longer listens");
    }
}

async fn bind(address: &str) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = timeout(limits::BIND_MAX, TcpListener::bind(address))
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

#[cfg(test)]
mod tests;
