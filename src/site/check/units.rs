//! Which units are those of power, and which those of energy: what a derived demand or energy is worked out from, and what it comes to.

/// What a unit measures.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Electrical {
    /// Power, active, reactive or apparent; an hour of it is this much energy.
    Power {
        /// The unit of energy.
        energy: String,
    },
    /// Energy; used up in an hour it is this much power.
    Energy {
        /// The unit of power.
        power: String,
    },
}

/// The unit of the energy that an hour of this unit comes to; none if it is no power.
pub fn energy_unit(unit: &str) -> Option<String> {
    match electrical(unit)? {
        Electrical::Power { energy } => Some(energy),
        Electrical::Energy { .. } => None,
    }
}

/// What people write between a unit of power and its hour.
const TIMES: [char; 6] = ['·', '⋅', '*', '.', '-', ' '];

/// What `unit` measures; none if it is neither power nor energy.
pub(super) fn electrical(unit: &str) -> Option<Electrical> {
    let unit = unit.trim();
    if is_power(unit) {
        let hour = if unit.is_ascii() { "h" } else { "时" };
        return Some(Electrical::Power { energy: format!("{unit}{hour}") });
    }
    if unit == "度" {
        return Some(Electrical::Energy { power: "kW".to_owned() });
    }
    let power = unit.strip_suffix(['h', 'H', '时'])?.trim_end_matches(TIMES);
    is_power(power).then(|| Electrical::Energy { power: power.to_owned() })
}

/// Whether a unit is one of active power or energy, and not of reactive or apparent.
pub(super) fn is_active(unit: &str) -> bool {
    let lower = unit.to_lowercase();
    !lower.contains("var") && !lower.contains("va")
}

fn is_power(unit: &str) -> bool {
    let unit = unit.to_lowercase();
    let metric = unit.strip_prefix(['k', 'm', 'g']).unwrap_or(&unit);
    let chinese = unit.strip_prefix(['千', '兆']).unwrap_or(&unit);
    matches!(metric, "w" | "var" | "va") || chinese == "瓦"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn power_and_energy_are_told_by_their_units() {
        for (power, energy) in [
            ("W", "Wh"),
            ("kW", "kWh"),
            ("MW", "MWh"),
            ("kvar", "kvarh"),
            ("kVA", "kVAh"),
            ("千瓦", "千瓦时"),
        ] {
            assert_eq!(electrical(power), Some(Electrical::Power { energy: energy.to_owned() }));
            assert_eq!(electrical(energy), Some(Electrical::Energy { power: power.to_owned() }));
        }
        for (energy, power) in [("kW·h", "kW"), ("kW.h", "kW"), ("KWH", "KW"), ("度", "kW")] {
            assert_eq!(electrical(energy), Some(Electrical::Energy { power: power.to_owned() }));
        }
        for other in ["", "A", "h", "%", "m³/h", "Ah", "kg"] {
            assert_eq!(electrical(other), None, "{other}");
        }
    }
}
