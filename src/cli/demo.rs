//! `hazgate demo`: the whole chain in one process on loopback, on free ports: a simulated plant in which something goes wrong at
//! each hazard in turn, a broker, the gateway with its console, and a centre that listens at the broker as any centre would.

mod board;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use hazgate::broker::EmbeddedBroker;
use hazgate::clock::Clock;
use hazgate::gateway::Gateway;
use hazgate::site::{self, ProcessEnvironment, Site};
use simulators::{RunningBench, Scenario, StartOptions};
use tokio_util::sync::CancellationToken;

use self::board::DemoBoard;
use super::args::{DemoArgs, Language};
use super::bench::{self, Ports};
use super::centre::{self, Access};
use super::screen::Screen;

/// The site that the demo runs, as a user's clone has it.
const DEMO_SITE: &str = include_str!("../../config/demo.toml");
/// Any free port on loopback.
const FREE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Runs the demo until told to stop, or for the time asked.
pub(crate) async fn demo(args: DemoArgs) -> anyhow::Result<ExitCode> {
    let clock = Clock::start();
    let language = Language::choose(args.lang);
    let screen = Screen::new(DemoBoard::ROWS);
    super::log_to(screen.clone(), "warn", super::is_terminal());
    let stop = super::stop_at_signal()?;
    let data = tempfile::tempdir().context("no temporary directory for the database")?;
    let stage = Stage::set(&data).await?;
    let mut board = DemoBoard::new(language, clock, &stage);
    screen.line(&board.opening());
    let end = end(args.duration, stop);
    watch(&screen, &mut board, &stage, end).await;
    screen.panel(&board.rows());
    screen.close();
    screen.line(&board.summary());
    stage.clear().await;
    Ok(if args.duration.is_some() && !board.alarm_delivered() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Everything that runs behind the terminal.
struct Stage {
    site: Site,
    plant: RunningBench,
    broker: EmbeddedBroker,
    gateway: Gateway,
}

impl Stage {
    async fn set(data: &tempfile::TempDir) -> anyhow::Result<Self> {
        let mut site = site::parse("config/demo.toml", DEMO_SITE, &ProcessEnvironment)?;
        let scenario = Scenario::demo();
        let mut plant = bench::describe(&site, &Ports::Free)
            .bench
            .start(StartOptions { seed: 1, speed: 1.0, scenario: Some(scenario) })
            .await?;
        let broker = EmbeddedBroker::start(FREE).await?;
        plant.start_publishers(Some(broker.local_addr()));
        site = site.redirect(&found_ports(&site, &plant, &broker)?);
        site.broker = None;
        site.store.directory = data.path().to_owned();
        if let Some(console) = &mut site.console {
            console.listen = FREE;
        }
        let gateway = Gateway::start(site.clone()).await?;
        Ok(Self { site, plant, broker, gateway })
    }

    async fn clear(self) {
        self.gateway.stop().await;
        self.plant.stop().await;
        self.broker.stop().await;
    }
}

/// From each address in the site file to where its far end really listens.
fn found_ports(
    site: &Site,
    plant: &RunningBench,
    broker: &EmbeddedBroker,
) -> anyhow::Result<BTreeMap<String, String>> {
    let mut ports = BTreeMap::new();
    for (index, written) in bench::modbus_addresses(site).into_iter().enumerate() {
        let Some(found) = plant.link_address(index) else { bail!("no simulator serves {written}") };
        ports.insert(written, found.to_string());
    }
    if let Some(options) = &site.broker {
        ports.insert(options.listen.to_string(), broker.local_addr().to_string());
    }
    Ok(ports)
}

/// Feeds the board with what the centre hears, what the plant does and what the gateway shows, until `end`.
async fn watch(screen: &Screen, board: &mut DemoBoard, stage: &Stage, end: impl Future<Output = ()>) {
    let broker = stage.broker.local_addr();
    let access = Access { host: broker.ip().to_string(), port: broker.port(), login: None };
    let mut heard = centre::listen(&access);
    let mut story = stage.plant.journal();
    let snapshots = stage.gateway.snapshots();
    let mut draw = tokio::time::interval(screen.panel_interval());
    tokio::pin!(end);
    loop {
        let line = tokio::select! {
            Some(news) = heard.recv() => board.hear(news),
            Ok(line) = story.recv() => Some(board.tell(&line)),
            _ = draw.tick() => {
                board.look(&snapshots.borrow());
                screen.panel(&board.rows());
                None
            }
            () = &mut end => return,
            () = screen.gone() => return,
        };
        if let Some(line) = line {
            screen.line(&line);
        }
    }
}

async fn end(duration: Option<Duration>, stop: CancellationToken) {
    match duration {
        Some(duration) => {
            tokio::select! {
                () = tokio::time::sleep(duration) => {}
                () = stop.cancelled() => {}
            }
        }
        None => stop.cancelled().await,
    }
}
