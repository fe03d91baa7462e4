//! `hazgate simulate`: the plant of a site file, served for a gateway (this one or another) to read.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use simulators::{Scenario, Simulation, StartOptions};
use tokio::sync::broadcast::error::RecvError;

use super::args::{Language, SimulateArgs};
use super::bench::{self, Ports};

/// Serves the site's devices until told to stop.
pub(crate) async fn simulate(args: SimulateArgs) -> anyhow::Result<ExitCode> {
    let site = super::load(&args.site)?;
    super::log_to(std::io::stderr, "warn", super::is_terminal());
    let stop = super::stop_at_signal()?;
    let plant = bench::describe(&site, Ports::AsWritten);
    let left_out = bench::left_out(&site);
    if !left_out.is_empty() {
        writeln!(
            std::io::stderr(),
            "not served, as they are reached over TLS or a serial line: {}",
            left_out.join(", ")
        )?;
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
