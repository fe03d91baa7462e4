//! `hazgate run`: the daemon.

use std::process::ExitCode;

use hazgate::gateway::Gateway;

use super::args::RunArgs;

/// Runs the gateway until it is told to stop.
pub(crate) async fn run(args: RunArgs) -> anyhow::Result<ExitCode> {
    let site = super::load(&args.site)?;
    // The embedded broker speaks of every client that comes and goes, the Modbus client of every byte of a noisy line: what
    // comes of that is told of the device.
    super::log_to(std::io::stderr, "info,mqtt5=warn,tokio_modbus=off", super::is_terminal());
    let stop = super::stop_at_signal()?;
    let gateway = Gateway::start(site).await?;
    if let Some(console) = gateway.console() {
        tracing::info!("console at http://{console}/");
    }
    let lost = tokio::select! {
        () = stop.cancelled() => false,
        () = gateway.lost() => true,
    };
    gateway.stop().await;
    // The service manager starts a daemon that failed again; one that could keep nothing must not go on.
    anyhow::ensure!(
        !lost,
        "the database's writer failed: the gateway stopped, since it could keep nothing any more"
    );
    Ok(ExitCode::SUCCESS)
}
