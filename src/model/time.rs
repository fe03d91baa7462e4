//! Two clocks, two types. [`Mono`] measures delays and never steps; [`Wall`] stamps what people read and
//! may step at any moment. Code that confuses them does not compile. Only `clock.rs` reads the OS.

use std::ops::{Add, Sub};
use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment on the monotonic clock: nanoseconds since the process (or a replay) began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Mono(u64);

impl Mono {
    /// The moment the clock began.
    pub const ZERO: Self = Self(0);

    /// The moment `since_start` after the clock began; saturates after 584 years.
    pub fn from_start(since_start: Duration) -> Self {
        Self(u64::try_from(since_start.as_nanos()).unwrap_or(u64::MAX))
    }

    /// Time since the clock began.
    pub const fn since_start(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// The same in nanoseconds.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// Time from `earlier` to this moment; zero if `earlier` is not earlier.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Mono {
    type Output = Self;

    fn add(self, delay: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl Sub for Mono {
    type Output = Duration;

    fn sub(self, earlier: Self) -> Duration {
        self.since(earlier)
    }
}

/// A moment on the wall clock: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Wall(pub i64);

impl Wall {
    /// What people at the site read on their clocks at this moment.
    pub fn local(self, zone: &TimeZone) -> DateTime {
        zone.to_datetime(Timestamp::from_millisecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH))
    }

    /// The moment at which people at the site read this on their clocks: of a time that comes twice the first, of one that a change of the clocks leaves out the one as
    /// far behind the change. What lies beyond the last day that there is becomes the epoch.
    pub fn of_local(time: DateTime, zone: &TimeZone) -> Self {
        let moment = zone.to_ambiguous_zoned(time).compatible().map(|zoned| zoned.timestamp());
        Self(moment.unwrap_or(Timestamp::UNIX_EPOCH).as_millisecond())
    }

    /// This moment as a person at the site reads it. Moments outside the years −9999 to 9999 are shown
    /// as the epoch: no such reading exists, and a stamp must always be printable.
    pub fn stamp(self, zone: &TimeZone) -> Stamp {
        let moment = Timestamp::from_millisecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH);
        Stamp { wall: Self(moment.as_millisecond()), offset_s: zone.to_offset(moment).seconds() }
    }
}

/// Both clocks, read together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// For delays.
    pub mono: Mono,
    /// For stamps.
    pub wall: Wall,
}

/// A wall-clock moment with the UTC offset of the site: RFC 3339 with milliseconds, such as
/// `2026-11-21T20:15:03.214+08:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// The moment.
    pub wall: Wall,
    /// Seconds east of UTC.
    offset_s: i32,
}

impl Stamp {
    /// The moment so many ms later, or earlier if negative, at the same offset.
    #[must_use]
    pub fn moved(self, by_ms: i64) -> Self {
        Self { wall: Wall(self.wall.0.saturating_add(by_ms)), ..self }
    }
}

impl std::fmt::Display for Stamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let moment = Timestamp::from_millisecond(self.wall.0).unwrap_or(Timestamp::UNIX_EPOCH);
        let offset = jiff::tz::Offset::from_seconds(self.offset_s).unwrap_or(jiff::tz::Offset::UTC);
        let local = Zoned::new(moment, TimeZone::fixed(offset));
        write!(f, "{}", local.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z"))
    }
}

impl std::str::FromStr for Stamp {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (moment, offset) =
            jiff::fmt::temporal::DateTimeParser::new().parse_pieces(text).and_then(|pieces| {
                let offset = pieces.to_numeric_offset().unwrap_or(jiff::tz::Offset::UTC);
                Ok((text.parse::<Timestamp>()?, offset))
            })?;
        Ok(Self { wall: Wall(moment.as_millisecond()), offset_s: offset.seconds() })
    }
}

impl Serialize for Stamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Stamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_reads_as_rfc_3339_with_the_sites_offset_and_comes_back_whole() {
        let zone = TimeZone::get("Asia/Shanghai").expect("bundled zone");
        let stamp = Wall(1_795_263_303_214).stamp(&zone);
        assert_eq!(stamp.to_string(), "2026-11-21T20:15:03.214+08:00");
        assert_eq!("2026-11-21T20:15:03.214+08:00".parse::<Stamp>().ok(), Some(stamp));
    }

    #[test]
    fn monotonic_time_never_goes_below_zero() {
        let start = Mono::ZERO;
        let later = start + Duration::from_secs(3);
        assert_eq!(later - start, Duration::from_secs(3));
        assert_eq!(start - later, Duration::ZERO);
    }
}
