//! What can go wrong, by name: in a process, in a sensor, in a device. The names are the contract with scenarios.

use std::fmt;
use std::time::Duration;

use crate::bench::HazardKind;

/// What a fault is done to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A process.
    Hazard(String),
    /// A device, or the feeder that it measures.
    Device(String),
    /// One sensor.
    Point(String),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hazard(name) => write!(f, "hazard `{name}`"),
            Self::Device(name) => write!(f, "device `{name}`"),
            Self::Point(name) => write!(f, "point `{name}`"),
        }
    }
}

/// Something to do to the plant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultCommand {
    /// Let a fault begin.
    Inject {
        /// Where.
        target: Target,
        /// The fault's name.
        fault: String,
        /// How late a `slow` device answers, 1.5 s if none, at most 60 s; other faults take none.
        delay: Option<Duration>,
    },
    /// Let a fault end; no matter if it never began.
    Clear {
        /// Where.
        target: Target,
        /// The fault's name.
        fault: String,
    },
    /// Let every fault end.
    ClearAll,
}

/// What can go wrong in a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProcessFault {
    /// Tank: flammable vapour escapes.
    Leak,
    /// Tank: the outlet shuts while the inlet goes on.
    Overfill,
    /// Tank: the heating does not stop.
    Overheat,
    /// Dust: the filter bags clog.
    Clog,
    /// Dust: the fan's motor trips.
    FanTrip,
    /// Dust: dust smoulders in the hopper.
    Smoulder,
    /// Dust: the airlock stands still.
    AirlockJam,
    /// Dust: sparks pass the detector.
    Spark,
    /// Casting: the cooling-water pump fails.
    PumpFailure,
    /// Casting: molten metal breaks out of the mould.
    MeltLeak,
    /// Casting: the emergency water loses its pressure.
    LowEmergencyWater,
    /// Feeder: more load than it is rated for.
    Overload,
    /// Feeder: a bad joint heats the cable.
    CableHeating,
    /// Feeder: current leaks to earth.
    Leakage,
    /// Feeder: phase C is lost.
    PhaseLoss,
}

/// Whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Home {
    /// The process of a hazard of this kind.
    Hazard(HazardKind),
    /// The feeder that a device measures.
    Feeder,
}

impl ProcessFault {
    /// Every one.
    pub const ALL: [Self; 15] = [
        Self::Leak,
        Self::Overfill,
        Self::Overheat,
        Self::Clog,
        Self::FanTrip,
        Self::Smoulder,
        Self::AirlockJam,
        Self::Spark,
        Self::PumpFailure,
        Self::MeltLeak,
        Self::LowEmergencyWater,
        Self::Overload,
        Self::CableHeating,
        Self::Leakage,
        Self::PhaseLoss,
    ];

    /// Its name in scenarios.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Leak => "leak",
            Self::Overfill => "overfill",
            Self::Overheat => "overheat",
            Self::Clog => "clog",
            Self::FanTrip => "fan_trip",
            Self::Smoulder => "smoulder",
            Self::AirlockJam => "airlock_jam",
            Self::Spark => "spark",
            Self::PumpFailure => "pump_failure",
            Self::MeltLeak => "melt_leak",
            Self::LowEmergencyWater => "low_emergency_water",
            Self::Overload => "overload",
            Self::CableHeating => "cable_heating",
            Self::Leakage => "leakage",
            Self::PhaseLoss => "phase_loss",
        }
    }

    pub(crate) const fn home(self) -> Home {
        match self {
            Self::Leak | Self::Overfill | Self::Overheat => Home::Hazard(HazardKind::TankFarm),
            Self::Clog | Self::FanTrip | Self::Smoulder | Self::AirlockJam | Self::Spark => {
                Home::Hazard(HazardKind::Dust)
            }
            Self::PumpFailure | Self::MeltLeak | Self::LowEmergencyWater => Home::Hazard(HazardKind::Casting),
            Self::Overload | Self::CableHeating | Self::Leakage | Self::PhaseLoss => Home::Feeder,
        }
    }

    /// The faults of one home.
    pub(crate) fn of(home: Home) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |fault| fault.home() == home)
    }
}

/// What can go wrong in a sensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SensorFault {
    /// It stands still.
    Stuck,
    /// It moves away from the truth, 2 % of its range a second, up to half of the range.
    Drift,
    /// It jumps out of its range, now and then.
    Spike,
    /// It is broken: 0x8000, not-a-number, off or null, as its encoding allows.
    Dead,
}

impl SensorFault {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Stuck, Self::Drift, Self::Spike, Self::Dead];

    /// Its name in scenarios.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stuck => "stuck",
            Self::Drift => "drift",
            Self::Spike => "spike",
            Self::Dead => "dead",
        }
    }
}

/// What can go wrong in a device. A publisher falls silent by all but `slow`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeviceFault {
    /// It accepts connections and never answers.
    Dead,
    /// Its connections are closed; among other units on the link it is as good as not there.
    Refuse,
    /// It answers late.
    Slow(Duration),
    /// It answers every request with exception 4.
    Exception,
}

impl DeviceFault {
    /// Names of all of them.
    pub const NAMES: [&'static str; 4] = ["dead", "refuse", "slow", "exception"];

    /// The fault of this name; `delay` is that of `slow`.
    pub(crate) fn named(name: &str, delay: Duration) -> Option<Self> {
        Some(match name {
            "dead" => Self::Dead,
            "refuse" => Self::Refuse,
            "slow" => Self::Slow(delay),
            "exception" => Self::Exception,
            _ => return None,
        })
    }

    /// Whether both are of one name, whatever their delays.
    pub(crate) fn is_like(self, other: Self) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }
}

/// The process faults that stand in one model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct FaultSet(u32);

impl FaultSet {
    /// Whether this one stands.
    pub(crate) const fn has(self, fault: ProcessFault) -> bool {
        self.0 & (1 << fault as u32) != 0
    }

    /// Lets this one begin or end.
    pub(crate) fn set(&mut self, fault: ProcessFault, on: bool) {
        let bit = 1 << fault as u32;
        self.0 = if on { self.0 | bit } else { self.0 & !bit };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_a_bit_and_a_name_of_its_own() {
        for (i, fault) in ProcessFault::ALL.into_iter().enumerate() {
            let mut set = FaultSet::default();
            set.set(fault, true);
            for (j, other) in ProcessFault::ALL.into_iter().enumerate() {
                assert_eq!(set.has(other), i == j);
                assert_eq!(fault.name() == other.name(), i == j);
            }
            set.set(fault, false);
            assert_eq!(set, FaultSet::default());
        }
    }

    #[test]
    fn device_faults_go_by_their_names() {
        for name in DeviceFault::NAMES {
            let fault = DeviceFault::named(name, Duration::from_millis(7)).unwrap();
            let named = DeviceFault::NAMES.map(|name| DeviceFault::named(name, Duration::ZERO).unwrap());
            assert_eq!(named.into_iter().filter(|other| fault.is_like(*other)).count(), 1);
        }
        assert_eq!(DeviceFault::named("tired", Duration::ZERO), None);
    }
}
