//! What can be typed after `hazgate probe`.

use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use hazgate::model::limits::{
    MODBUS_REGISTERS_PER_READ_MAX, MODBUS_TIMEOUT_MAX, PROBE_ADDRESSES_MAX, SITE_DURATION_MAX,
};
use hazgate::site::ByteOrder;

use super::line::{LineArgs, LinesArgs};
use super::place::{Place, Units};
use super::proposal::{Sought, Tolerance};
use super::target::Target;
use crate::cli::args::{Language, duration};

#[derive(Debug, clap::Args)]
#[command(after_help = "URL is one of\n  \
        tcp://host:port            Modbus TCP (port 502 if none is said)\n  \
        rtu-over-tcp://host:port   RTU frames through a serial server in transparent mode\n  \
        tls://host:port?ca=FILE    Modbus/TCP Security (port 802 if none is said); where the device asks for it,\n                             \
                                   with &certificate=FILE&key=FILE, and &server_name=NAME\n  \
        serial:/dev/ttyUSB0        RTU on a serial line; set by --baud, --parity, --stop-bits as in a site file\n\n\
        REGISTER is table and address, as holding:20, holding:20..31 (both ends are read), coil:0, discrete:0, input:0;\n\
        or a manual's reference number, as 40021 or 400021, which is holding:20.\n\n\
        probe only ever reads: functions 1 to 4, and 43/14 and 17 to ask who a unit is.\n\n\
        Exit codes: 0 answered, 1 no answer or nothing found, 2 wrong arguments.")]
pub(crate) struct ProbeArgs {
    #[command(subcommand)]
    pub(crate) command: ProbeCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProbeCommand {
    /// Read addresses by hand, every type and byte order side by side; or a device as a site file describes it
    Read(ReadArgs),
    /// Find the units behind an address
    Scan(ScanArgs),
    /// Show a block again and again, and what changes in it
    Watch(WatchArgs),
    /// Find type, byte order and scale from a value that you know: what the device's display shows
    Order(OrderArgs),
}

/// What every question has.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Common {
    /// Longest wait for one answer
    #[arg(long, default_value = "1s", value_parser = timeout)]
    pub(crate) timeout: Duration,
    /// Everything as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Language; by default that of the environment
    #[arg(long)]
    pub(crate) lang: Option<Language>,
}

/// How addresses are written, and how many are asked for at a time.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Addressing {
    /// The number of a table's first address, as in REGISTER and in what is shown: 0, or 1 as in many manuals
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1))]
    pub(crate) base: u32,
    /// Registers in one question; less for devices that cannot answer 125
    #[arg(long, default_value_t = MODBUS_REGISTERS_PER_READ_MAX,
        value_parser = clap::value_parser!(u16).range(1..=i64::from(MODBUS_REGISTERS_PER_READ_MAX)))]
    pub(crate) block: u16,
}

#[derive(Debug, clap::Args)]
#[command(
    override_usage = "hazgate probe read [OPTIONS] <URL> <UNIT> <REGISTER>\n       \
                      hazgate probe read [OPTIONS] <SITE> <DEVICE> [POINT]...",
    after_help = "Examples:\n  \
        hazgate probe read tcp://10.0.0.5:502 1 holding:20 --count 12\n  \
        hazgate probe read tcp://10.0.0.5:502 1 40021 --type f64\n  \
        hazgate probe read serial:/dev/ttyUSB0 1 holding:20 --baud 19200 --parity even\n  \
        hazgate probe read site.toml tank_plc\n  \
        hazgate probe read site.toml tank_plc level pressure"
)]
pub(crate) struct ReadArgs {
    /// Where the device is, as `tcp://10.0.0.5:502` (see hazgate probe --help); or a site file
    #[arg(value_name = "URL or SITE")]
    pub(crate) target: String,
    /// The unit and the register, as 1 holding:20; or the site's device, and which of its points (all if none)
    #[arg(value_name = "UNIT REGISTER or DEVICE [POINT]", required = true, num_args = 1..)]
    pub(crate) what: Vec<String>,
    /// How many addresses; by default 10
    #[arg(long, value_parser = count)]
    pub(crate) count: Option<u32>,
    /// Types of more than one register to show; by default f32, u32 and i32
    #[arg(long = "type", value_delimiter = ',')]
    pub(crate) types: Vec<WideType>,
    #[command(flatten)]
    pub(crate) addressing: Addressing,
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) line: LineArgs,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    hazgate probe scan tcp://10.0.0.5:502\n  \
    hazgate probe scan rtu-over-tcp://10.0.0.7:4196 --units 1..32 --timeout 300ms\n  \
    hazgate probe scan serial:/dev/ttyUSB0 --units 1..16 --baud 9600,19200 --parity none,even\n\n\
    Any answer, an exception too, means that a unit is there. Ctrl-C ends the scan and shows what was found.")]
pub(crate) struct ScanArgs {
    /// Where the bus is
    pub(crate) url: Target,
    /// Units to ask, as 1..247 or 1,2,10..20
    #[arg(long, default_value = "1..247")]
    pub(crate) units: Units,
    /// What to ask each unit for
    #[arg(long, default_value = "holding:0")]
    pub(crate) register: Place,
    /// Longest wait for one answer
    #[arg(long, default_value = "200ms", value_parser = timeout)]
    pub(crate) timeout: Duration,
    /// Rest between two questions
    #[arg(long, default_value = "10ms", value_parser = duration)]
    pub(crate) pause: Duration,
    /// Do not ask the units who they are
    #[arg(long)]
    pub(crate) no_identity: bool,
    /// Everything as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Language; by default that of the environment
    #[arg(long)]
    pub(crate) lang: Option<Language>,
    #[command(flatten)]
    pub(crate) lines: LinesArgs,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    hazgate probe watch tcp://10.0.0.5:502 1 holding:20 --count 12 --every 500ms\n  \
    hazgate probe watch tcp://10.0.0.5:502 1 holding:0..7 --type f32 --order CDAB\n  \
    hazgate probe watch tcp://10.0.0.5:502 1 coil:0 --json --duration 60s\n\n\
    Ctrl-C ends it, with a summary.")]
pub(crate) struct WatchArgs {
    /// Where the device is
    pub(crate) url: Target,
    /// Its unit id
    pub(crate) unit: u8,
    /// What to watch
    pub(crate) register: Place,
    /// How many addresses; by default 10
    #[arg(long, value_parser = count)]
    pub(crate) count: Option<u32>,
    /// From one look to the next
    #[arg(long, default_value = "1s", value_parser = every)]
    pub(crate) every: Duration,
    /// Show this type beside the single registers
    #[arg(long = "type")]
    pub(crate) wide: Option<WideType>,
    /// In this order
    #[arg(long, default_value = "ABCD")]
    pub(crate) order: Order,
    /// End by itself after this long
    #[arg(long, value_parser = duration)]
    pub(crate) duration: Option<Duration>,
    #[command(flatten)]
    pub(crate) addressing: Addressing,
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) line: LineArgs,
}

#[derive(Debug, clap::Args)]
#[command(
    allow_negative_numbers = true,
    after_help = "Examples:\n  \
    hazgate probe order tcp://10.0.0.5:502 1 holding:20 230.1\n  \
    hazgate probe order tcp://10.0.0.5:502 1 40021 -- -1.5\n  \
    hazgate probe order tcp://10.0.0.5:502 1 holding:20 230.1 --tolerance 2% --around 100\n\n\
    Every type, order and common scale is tried at the register and around it; what fits is shown with the most plausible\n\
    first, as a [[point]] to be pasted into the site file."
)]
pub(crate) struct OrderArgs {
    /// Where the device is
    pub(crate) url: Target,
    /// Its unit id
    pub(crate) unit: u8,
    /// Where the manual says that the value stands
    pub(crate) register: Place,
    /// What the display shows, with its decimals, as 230.1
    pub(crate) value: Sought,
    /// How far the value may be off, as 1% or 0.5
    #[arg(long, default_value = "1%")]
    pub(crate) tolerance: Tolerance,
    /// How many addresses before and after the register to try as well
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=500))]
    pub(crate) around: u32,
    /// How many of what fits to show
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=50))]
    pub(crate) top: u8,
    #[command(flatten)]
    pub(crate) addressing: Addressing,
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(flatten)]
    pub(crate) line: LineArgs,
}

/// Types that take more than one register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WideType {
    /// Two registers, IEEE 754 single
    F32,
    /// Two registers, unsigned
    U32,
    /// Two registers, two's complement
    I32,
    /// Four registers, IEEE 754 double
    F64,
    /// Four registers, unsigned
    U64,
    /// Four registers, two's complement
    I64,
    /// Two registers, eight decimal digits
    Bcd32,
}

/// An order of bytes, as the vendors' manuals write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "UPPER")]
pub(crate) enum Order {
    /// High word first, high byte first
    Abcd,
    /// Low word first, high byte first
    Cdab,
    /// High word first, low byte first
    Badc,
    /// Low word first, low byte first
    Dcba,
}

impl From<Order> for ByteOrder {
    fn from(order: Order) -> Self {
        match order {
            Order::Abcd => Self::Abcd,
            Order::Cdab => Self::Cdab,
            Order::Badc => Self::Badc,
            Order::Dcba => Self::Dcba,
        }
    }
}

fn count(text: &str) -> Result<u32, String> {
    let count = text.parse().ok().filter(|count| (1..=PROBE_ADDRESSES_MAX).contains(count));
    count.ok_or_else(|| format!("expected a number from 1 to {PROBE_ADDRESSES_MAX}"))
}

fn timeout(text: &str) -> Result<Duration, String> {
    let timeout = duration(text)?;
    if timeout <= MODBUS_TIMEOUT_MAX { Ok(timeout) } else { Err(format!("at most {MODBUS_TIMEOUT_MAX:?}")) }
}

fn every(text: &str) -> Result<Duration, String> {
    let every = duration(text)?;
    let allowed = Duration::from_millis(10)..=SITE_DURATION_MAX;
    if allowed.contains(&every) { Ok(every) } else { Err("expected 10ms or more".to_owned()) }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use crate::cli::args::Args;

    /// The commands that a text shows, each without what the shell makes of it.
    fn commands(text: &str) -> Vec<Vec<String>> {
        let shown = |line: &str| {
            let command = line.trim().trim_start_matches("$ ").split("  #").next().unwrap_or_default();
            command
                .starts_with("hazgate probe ")
                .then(|| command.split_whitespace().map(|word| word.trim_matches('\'').to_owned()).collect())
        };
        text.lines().filter_map(shown).collect()
    }

    fn understood(text: &str) -> usize {
        let all = commands(text);
        for command in &all {
            if let Err(error) = Args::try_parse_from(command) {
                panic!("{command:?}: {error}");
            }
        }
        all.len()
    }

    #[test]
    fn every_documented_command_is_understood() {
        assert!(understood(include_str!("../../../docs/probe.md")) >= 10);
        assert!(understood(include_str!("../../../README.md")) >= 1);
        let mut command = Args::command();
        let probe = command.find_subcommand_mut("probe").expect("a command");
        for sub in probe.get_subcommands_mut().filter(|sub| sub.get_name() != "help") {
            let help = sub.render_long_help().to_string();
            let examples = help.split("Examples:").nth(1).unwrap_or_else(|| panic!("{help}"));
            assert!(understood(examples) >= 2, "{help}");
        }
    }

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }
}
