//! What holds where a site file does not say otherwise. Schema, reference and check read the same constants.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::addresses::Listen;
use super::values::{Grade, Period, Zone};
use crate::model::Level;

/// Of `[site] timezone`.
pub(super) const TIMEZONE: &str = "Asia/Shanghai";
/// Of `[store] directory`.
pub(super) const DIRECTORY: &str = "data";
/// Of a point's `keep.at_least`.
pub(super) const KEEP_AT_LEAST: Duration = Duration::from_secs(5 * 60);
/// Of `[store] telemetry_mb_max`, in MB.
pub(super) const TELEMETRY_MB_MAX: u64 = 1024;
/// Of `[console] listen`.
pub(super) const CONSOLE_LISTEN: &str = "127.0.0.1:8080";
/// Of `[broker] listen`.
pub(super) const BROKER_LISTEN: &str = "127.0.0.1:1883";

/// Modbus unit id.
pub(super) const UNIT: u8 = 1;
/// Bits per second on a serial line.
pub(super) const BAUD: u32 = 9600;
/// Stop bits on a serial line.
pub(super) const STOP_BITS: u8 = 1;
/// Registers in one request.
pub(super) const REGISTERS_MAX: u16 = 125;
/// Unwanted registers that one request may bridge.
pub(super) const GAP_MAX: u16 = 8;
/// Number of the first register.
pub(super) const ADDRESS_BASE: u8 = 0;
/// Decimal places to show.
pub(super) const DECIMALS: u8 = 2;
/// Raw to engineering units.
pub(super) const SCALE: f64 = 1.0;
/// Raw to engineering units.
pub(super) const OFFSET: f64 = 0.0;
/// Of a rate: per minute.
pub(super) const RATE_PER: Period = Period(Duration::from_secs(60));
/// Days of a kind before anything is ordinary (our default).
pub(super) const BASELINE_DAYS: u8 = 5;
/// Margin beyond what is ordinary, in percent (our default).
pub(super) const BASELINE_PERCENT: f64 = 30.0;
/// Days of known load before its modes are told apart (our default): a week has every kind of day.
pub(super) const LEARNT_DAYS: u8 = 7;
/// Least time of a state of production (our default).
pub(super) const STATE_LEAST: Period = Period(Duration::from_secs(60));
/// Longest shelving: a shift (our default).
pub(super) const SHELVE_MAX: Period = Period(Duration::from_secs(8 * 3600));
/// Of limits.
pub(super) const DEADBAND: f64 = 0.0;

/// From one poll to the next.
pub(super) const POLL: Period = Period(Duration::from_secs(1));
/// From an answer to the next question.
pub(super) const PAUSE: Period = Period(Duration::ZERO);
/// Longest wait for one answer.
pub(super) const TIMEOUT: Period = Period(Duration::from_millis(500));
/// Silence after which a publisher is down.
pub(super) const SILENCE: Period = Period(Duration::from_secs(30));
/// How far the time in a message may be from the gateway's (our default).
pub(super) const SKEW_MAX: Period = Period(super::publisher::SKEW_MAX);
/// What a Last Will says.
pub(super) const WILL_OFFLINE: &str = "offline";
/// Least age after which a polled value is stale.
pub(super) const MAX_AGE_MIN: Duration = Duration::from_secs(3);
/// Of limits.
pub(super) const NO_DELAY: Period = Period(Duration::ZERO);
/// On-delay of `<device>.lost`: rides out one lost connection (our default).
pub(super) const LOST_AFTER: Period = Period(Duration::from_secs(3));
/// Least on-delay of `<device>.degraded` (our default).
pub(super) const DEGRADED_AFTER: Duration = Duration::from_secs(3);
/// The same in polls of the device's slowest point: what one poll missed, the next one has read (our default).
pub(super) const DEGRADED_AFTER_POLLS: u32 = 2;
/// Least off-delay of `<device>.degraded` (our default).
pub(super) const DEGRADED_UNTIL: Duration = Duration::from_secs(10);
/// The same in polls: a device that falters every few polls is one event (our default).
pub(super) const DEGRADED_UNTIL_POLLS: u32 = 4;
/// Least on-delay of `<point>.signal`; to that of a polled point comes the time in which its device would be found
/// lost (our default).
pub(super) const SIGNAL_AFTER: Duration = Duration::from_secs(2);
/// On-delay of `gateway.clock`: a computer that starts needs minutes to find a time server (our default).
pub(super) const CLOCK_AFTER: Duration = Duration::from_secs(300);
/// On-delay of `gateway.forward.<id>` (our default).
pub(super) const FORWARD_AFTER: Duration = Duration::from_secs(10);

/// The raw value that switches an output on.
pub(super) const OUTPUT_ON: f64 = 1.0;
/// The raw value that switches an output off.
pub(super) const OUTPUT_OFF: f64 = 0.0;
/// On-delay of `<output>.failed`: rides out one lost write (our default).
pub(super) const OUTPUT_FAILED_AFTER: Period = Period(Duration::from_secs(3));
/// Level of `<output>.failed`.
pub(super) const OUTPUT_FAILED_LEVEL: Grade = Grade(Level::Orange);

/// Level of a condition's alarm.
pub(super) const CONDITION_LEVEL: Grade = Grade(Level::Yellow);
/// Level of `<point>.signal`.
pub(super) const SIGNAL_LEVEL: Grade = Grade(Level::Yellow);
/// Level of `<device>.lost`.
pub(super) const LOST_LEVEL: Grade = Grade(Level::Orange);
/// Level of low-low and high-high.
pub(super) const OUTER_LEVEL: Grade = Grade(Level::Orange);
/// Level of low and high.
pub(super) const INNER_LEVEL: Grade = Grade(Level::Yellow);
/// Level of `gateway.forward.<id>`.
pub(super) const FORWARD_LEVEL: Level = Level::Yellow;
/// Level of `gateway.store`.
pub(super) const STORE_LEVEL: Level = Level::Orange;
/// Level of `gateway.clock`.
pub(super) const CLOCK_LEVEL: Level = Level::Yellow;
/// Level of `gateway.task`.
pub(super) const TASK_LEVEL: Level = Level::Yellow;

/// [`TIMEZONE`] as it is deserialized.
pub(super) fn timezone() -> Zone {
    Zone(TimeZone::get(TIMEZONE).expect("the time zones are bundled"))
}

/// [`CONSOLE_LISTEN`] as it is deserialized.
pub(super) fn console_listen() -> Listen {
    Listen(CONSOLE_LISTEN.parse().expect("a literal address"))
}

/// [`BROKER_LISTEN`] as it is deserialized.
pub(super) fn broker_listen() -> Listen {
    Listen(BROKER_LISTEN.parse().expect("a literal address"))
}
