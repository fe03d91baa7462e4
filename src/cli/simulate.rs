//! `hazgate simulate`: the plant of a site file, served for a gateway (this one or another) to read.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use simulators::{Scenario, Simulation, StartOptions};
use tokio::sync::broadcast::error::RecvError;

use super::args::{Language, SimulateArgs};
use super::bench::{self, Described, Ports};

/// Serves the site's devices until told to stop.
pub(crate) async fn simulate(args: SimulateArgs) -> anyhow::Result<ExitCode> {
    let site = super::load(&args.site)?;
    super::log_to(std::io::stderr, "warn", super::is_terminal());
    let stop = super::stop_at_signal()?;
    let far_ends: BTreeMap<String, String> = args.serial.into_iter().collect();
    if let Some(unknown) = far_ends.keys().find(|port| !bench::has_line(&site, port)) {
        anyhow::bail!("the site has no device on the serial port {unknown}");
    }
    let Described { bench: plant, left_out } = bench::describe(&site, &Ports::AsWritten(far_ends));
    for (device, why) in left_out {
        writeln!(std::io::stderr(), "not served: {device}: {why}")?;
    }
    let scenario = match &args.scenario {
        Some(file) => {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("cannot read the scenario {}", file.display()))?;
            let scenario = Scenario::parse(&text)
                .with_context(|| format!("the scenario {} has mistakes", file.display()))?;
            Some(scenario)
        }
        // The demo's story fits the demo's site; elsewhere the plant is left in peace.
        None => Some(Scenario::demo())
            .filter(|story| Simulation::new(&plant, args.seed, Some(story.clone())).is_ok()),
    };
    let options = StartOptions { seed: args.seed, speed: args.speed, scenario };
    let mut running = plant.start(options).await?;
    running.start_publishers(None);
    let mut story = running.journal();
    for address in running.addresses().values() {
        writeln!(std::io::stdout(), "{address}")?;
    }
    for port in running.ports() {
        writeln!(std::io::stdout(), "{port}")?;
    }
    let language = Language::choose(None);
    loop {
        tokio::select! {
            line = story.recv() => match line {
                Ok(line) => {
                    let text = language.pick(&line.text.zh, &line.text.en);
                    writeln!(std::io::stdout(), "{:6.1} s  {text}", line.at_s)?;
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => break stop.cancelled().await,
            },
            () = stop.cancelled() => break,
        }
    }
    running.stop().await;
    Ok(ExitCode::SUCCESS)
}
