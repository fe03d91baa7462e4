//! `hazgate fleet`: many whole gateways in one process, against a centre that is to be tried. Each has a site file, a store, an engine and
//! a forwarder of its own, as `hazgate run` has them; only the devices are simulated, and swing as often as is asked for.

mod args;
mod drain;
mod meter;
mod site;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use hazgate::clock::Clock;
use hazgate::gateway::Gateway;
use hazgate::model::Mono;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub(crate) use self::args::FleetArgs;
use self::drain::Owed;
use self::meter::Meter;
use self::site::{Login, Plan};

/// How often it is told how far things are.
const TELL_EVERY: Duration = Duration::from_secs(10);
/// How often it is looked whether everything has been acknowledged.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Runs the fleet: its start, the load, and the wait until the centre has acknowledged every event. A signal ends the load early, a second one
/// everything.
pub(crate) async fn fleet(args: FleetArgs) -> anyhow::Result<ExitCode> {
    super::log_to(std::io::stderr, "error", super::is_terminal());
    let stop = super::stop_at_signal()?;
    let clock = Clock::start();
    let logins = args.logins.as_deref().map(site::read_logins).transpose()?.unwrap_or_default();
    let meter = Meter::start(&args).await.context("the simulated meter did not start")?;
    let plan = Plan::new(&args, meter.address)?;
    let gateways = start(&args, &plan, &logins, clock, &stop).await?;
    tell(&format!("{} gateways run after {} s", gateways.len(), seconds(clock, Mono::ZERO)))?;

    let began = clock.mono();
    let mut tick = tokio::time::interval(TELL_EVERY);
    let end = tokio::time::sleep(args.duration);
    tokio::pin!(end);
    loop {
        tokio::select! {
            _ = tick.tick() => {
                tell(&format!("{:>4} s: {} answers, {} swings", seconds(clock, began), meter.answers(), meter.swings()))?;
            }
            () = &mut end => break,
            () = stop.cancelled() => break,
        }
    }
    meter.calm();
    tell(&format!("the load ends after {} s: {} swings", seconds(clock, began), meter.swings()))?;
    let calm = clock.mono();
    let is_drained = drain::wait(&plan, args.drain, LOOK_EVERY).await?;
    let took = seconds(clock, calm);
    stop_all(gateways).await;
    let owed = Owed::of_all(&plan)?;
    tell(&format!(
        "after {took} s: {} events kept, {} of them not acknowledged by {} gateways; {} rows of telemetry kept, {} not acknowledged",
        owed.events.kept, owed.events.owed, owed.behind, owed.rows.kept, owed.rows.owed
    ))?;
    Ok(if is_drained && owed.events.owed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Starts the gateways one after the other, evenly over the ramp.
async fn start(
    args: &FleetArgs,
    plan: &Plan,
    logins: &BTreeMap<String, Login>,
    clock: Clock,
    stop: &CancellationToken,
) -> anyhow::Result<Vec<Gateway>> {
    let began = clock.mono();
    let mut gateways = Vec::with_capacity(plan.names().len());
    for (n, name) in (0_u32..).zip(plan.names()) {
        let due = began + args.ramp * n / args.gateways;
        tokio::select! {
            () = tokio::time::sleep_until(clock.instant(due)) => {}
            () = stop.cancelled() => break,
        }
        let site = plan.lay(name, logins.get(name))?;
        let gateway = Gateway::start(site).await.with_context(|| format!("{name} did not start"))?;
        gateways.push(gateway);
    }
    Ok(gateways)
}

async fn stop_all(gateways: Vec<Gateway>) {
    let mut stopping: JoinSet<()> = gateways.into_iter().map(Gateway::stop).collect();
    while stopping.join_next().await.is_some() {}
}

fn seconds(clock: Clock, since: Mono) -> u64 {
    (clock.mono() - since).as_secs()
}

fn tell(line: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{line}")
}
