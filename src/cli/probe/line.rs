//! How a serial line is set, as it is typed: in the words of the site file, with its defaults; for a scan several of each,
//! to be tried in turn.

use clap::ValueEnum;
use hazgate::site::{LinkKind, Parity, SerialLine};
use serde_json::{Value, json};

use super::target::Target;

/// Speeds that can be asked for, bits per second, as in the site file.
const BAUDS: std::ops::RangeInclusive<i64> = 300..=4_000_000;
/// What is said of a line's setting where there is no line.
const NOT_SERIAL: &str = "--baud, --parity and --stop-bits are for a serial line: serial:/dev/ttyUSB0";

/// The setting of one line.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Serial line")]
pub(crate) struct LineArgs {
    /// Bits per second; by default 9600
    #[arg(long, value_parser = clap::value_parser!(u32).range(BAUDS))]
    baud: Option<u32>,
    /// The parity bit; by default none
    #[arg(long)]
    parity: Option<ParityWord>,
    /// Stop bits, 1 or 2; by default 1
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=2))]
    stop_bits: Option<u8>,
}

/// The settings to try on one line.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Serial line")]
pub(crate) struct LinesArgs {
    /// Bits per second, one or several to try, as 9600,19200; by default 9600
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u32).range(BAUDS))]
    baud: Vec<u32>,
    /// The parity bit, one or several to try, as none,even; by default none
    #[arg(long, value_delimiter = ',')]
    parity: Vec<ParityWord>,
    /// Stop bits, 1 or 2, or both to try; by default 1
    #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(u8).range(1..=2))]
    stop_bits: Vec<u8>,
}

/// A parity bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ParityWord {
    /// There is none
    None,
    /// Even
    Even,
    /// Odd
    Odd,
}

impl From<ParityWord> for Parity {
    fn from(word: ParityWord) -> Self {
        match word {
            ParityWord::None => Self::None,
            ParityWord::Even => Self::Even,
            ParityWord::Odd => Self::Odd,
        }
    }
}

impl LineArgs {
    /// Whether anything was said of a serial line.
    pub(crate) const fn is_meant(&self) -> bool {
        self.baud.is_some() || self.parity.is_some() || self.stop_bits.is_some()
    }

    /// The target, its line set like this.
    pub(crate) fn on(&self, target: Target) -> anyhow::Result<Target> {
        let all = LinesArgs {
            baud: self.baud.into_iter().collect(),
            parity: self.parity.into_iter().collect(),
            stop_bits: self.stop_bits.into_iter().collect(),
        };
        Ok(all.on(target)?.swap_remove(0))
    }
}

impl LinesArgs {
    /// The target, its line set in each of these ways; at least one.
    pub(crate) fn on(&self, target: Target) -> anyhow::Result<Vec<Target>> {
        let LinkKind::ModbusSerial(line) = &target.link else {
            return if self.is_meant() { Err(super::wrong(NOT_SERIAL)) } else { Ok(vec![target]) };
        };
        let parities: Vec<Parity> = self.parity.iter().map(|word| (*word).into()).collect();
        let bauds = each(&self.baud, line.baud).into_iter();
        let with_parity = |baud| each(&parities, line.parity).into_iter().map(move |parity| (baud, parity));
        let with_stops = |(baud, parity)| {
            let stops = each(&self.stop_bits, line.stop_bits).into_iter();
            stops.map(move |stop_bits| SerialLine { port: line.port.clone(), baud, parity, stop_bits })
        };
        Ok(bauds.flat_map(with_parity).flat_map(with_stops).map(Target::set).collect())
    }

    const fn is_meant(&self) -> bool {
        !(self.baud.is_empty() && self.parity.is_empty() && self.stop_bits.is_empty())
    }
}

/// Each of what was said, once; the default if nothing was.
fn each<T: Copy + PartialEq>(said: &[T], default: T) -> Vec<T> {
    let mut each = Vec::with_capacity(said.len());
    for one in said {
        if !each.contains(one) {
            each.push(*one);
        }
    }
    if each.is_empty() { vec![default] } else { each }
}

/// A line's setting for machines, in the words of the site file.
pub(crate) fn json(line: &SerialLine) -> Value {
    let parity = match line.parity {
        Parity::None => "none",
        Parity::Even => "even",
        Parity::Odd => "odd",
    };
    json!({ "baud": line.baud, "parity": parity, "stop_bits": line.stop_bits })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        lines: LinesArgs,
    }

    fn on(url: &str, typed: &str) -> Result<Vec<String>, String> {
        let typed = ["probe"].into_iter().chain(typed.split_whitespace());
        let typed = Typed::try_parse_from(typed).map_err(|error| error.to_string())?;
        let lines = typed.lines.on(url.parse()?).map_err(|error| error.to_string())?;
        Ok(lines.into_iter().map(|target| target.url).collect())
    }

    #[test]
    fn every_combination_is_tried_once_and_what_is_not_said_is_as_in_the_site_file() {
        let all = on("serial:/dev/x", "--baud 9600,19200,9600 --parity none,even").unwrap();
        let set = |line: &str| format!("serial:/dev/x {line}");
        assert_eq!(all, ["9600 8N1", "9600 8E1", "19200 8N1", "19200 8E1"].map(set));
        assert_eq!(on("/dev/x", "").unwrap(), [set("9600 8N1")]);
        assert_eq!(on("/dev/x", "--parity odd --stop-bits 2").unwrap(), [set("9600 8O2")]);
    }

    #[test]
    fn what_is_no_setting_is_refused() {
        for (typed, words) in [("--baud 50", "300"), ("--parity mark", "even"), ("--stop-bits 3", "2")] {
            let said = on("/dev/x", typed).unwrap_err();
            assert!(said.contains(words), "{said}");
        }
        assert!(on("tcp://10.0.0.5", "--baud 9600").unwrap_err().contains("serial:/dev/ttyUSB0"));
        assert_eq!(on("tcp://10.0.0.5", "").unwrap(), ["tcp://10.0.0.5"]);
    }
}
