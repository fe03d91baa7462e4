//! What can be typed behind `hazgate fleet`.

use std::path::PathBuf;
use std::time::Duration;

use crate::cli::args::duration;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  hazgate fleet mqtt://127.0.0.1:1883 --directory /tmp/fleet --gateways 100\n  \
                  hazgate fleet mqtts://centre:8883 --ca ca.pem --logins logins --directory /tmp/fleet --gateways 1000 --duration 10min\n\n\
                  Every event is kept in DIRECTORY/<gateway>/data, as that of any gateway: `hazgate store export DIRECTORY/<gateway>/data events` says what\n\
                  the centre must have been told. Each gateway takes about 15 open files.\n\n\
                  Exit codes: 0 the centre has acknowledged every event, 1 it has not."
)]
pub(crate) struct FleetArgs {
    /// The centre's broker, as mqtt://host:port or mqtts://host:port
    pub(crate) broker: String,
    /// Where the gateways keep their site files and databases; made if it is not there
    #[arg(long)]
    pub(crate) directory: PathBuf,
    /// How many gateways
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) gateways: u32,
    /// Number of the first, so that several processes, or machines, can be one fleet: gw0001, gw0002, …
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=90_000))]
    pub(crate) first: u32,
    /// The enterprise that they belong to
    #[arg(long, default_value = "fleet")]
    pub(crate) enterprise: String,
    /// File of their passwords, a line for each: gateway, user name, password; without it they give none
    #[arg(long, value_name = "FILE")]
    pub(crate) logins: Option<PathBuf>,
    /// The certificates that vouch for the broker (PEM); without it those that the system trusts
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// How often each reads its device: one message of readings
    #[arg(long, default_value = "5s", value_parser = duration)]
    pub(crate) poll: Duration,
    /// From one event of a gateway to its next, on average
    #[arg(long, default_value = "10s", value_parser = duration)]
    pub(crate) event_every: Duration,
    /// Over how long they are started, one after the other
    #[arg(long, default_value = "30s", value_parser = duration)]
    pub(crate) ramp: Duration,
    /// How long there is load once all are started; Ctrl-C or SIGTERM ends it before
    #[arg(long, default_value = "60s", value_parser = duration)]
    pub(crate) duration: Duration,
    /// How long to wait then until every event is acknowledged
    #[arg(long, default_value = "5min", value_parser = duration)]
    pub(crate) drain: Duration,
    /// Seed of the levels' swings
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}
