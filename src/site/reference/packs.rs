//! What the built-in rule packs hold, as the reference tells it.

use super::{Writer, both, built_in};
use crate::site::defaults;
use crate::site::library::Shelf;
use crate::site::raw::{FunctionWord, RawFormula, RawLimits, RawPackFile, TowardWord};
use crate::site::values::Id;

impl Writer {
    pub(super) fn built_in_packs(&mut self) {
        for name in Shelf::Packs.names() {
            let Some(pack) = built_in::<RawPackFile>(Shelf::Packs, &name) else { continue };
            self.line(&format!(
                "### `{name}`: {}\n\n{}\n",
                both(pack.name.clone()),
                both(pack.about.clone())
            ));
            self.roles(&pack);
            self.limits(&pack);
            self.derived(&pack);
            self.conditions(&pack);
        }
    }

    fn head(&mut self, columns: &[&str]) {
        self.row(columns.iter().map(|column| (*column).to_owned()));
        self.row(columns.iter().map(|_| "---".to_owned()));
    }

    fn row(&mut self, cells: impl Iterator<Item = String>) {
        let cells: Vec<String> = cells.map(|cell| cell.replace("||", "\\|\\|")).collect();
        self.line(&format!("| {} |", cells.join(" | ")));
    }

    fn roles(&mut self, pack: &RawPackFile) {
        if !pack.setpoints.is_empty() {
            let defaults = pack.setpoints.iter().map(|(name, value)| format!("`{name}` = {value}"));
            let defaults = defaults.collect::<Vec<_>>().join(", ");
            self.line(&format!("Set-points where the site gives no others (our defaults): {defaults}.\n"));
        }
        if pack.role.is_empty() {
            return;
        }
        self.head(&["signal", "roles", "unit", "meaning"]);
        for role in &pack.role {
            let roles = if role.roles.is_empty() { vec![role.id.clone()] } else { role.roles.clone() };
            let cells = [
                format!("`{}`", role.id.0),
                names(&roles),
                role.unit.clone().unwrap_or_default(),
                both(role.name.clone()),
            ];
            self.row(cells.into_iter());
        }
        self.line("");
    }

    fn limits(&mut self, pack: &RawPackFile) {
        let of_limits: Vec<_> =
            pack.rule.iter().filter_map(|rule| Some((rule, rule.limits.as_ref()?))).collect();
        if of_limits.is_empty() {
            return;
        }
        self.head(&["rule", "roles", "unit", "ll", "l", "h", "hh", "basis"]);
        for (rule, limits) in of_limits {
            let unit = rule.unit.clone().unwrap_or_default();
            let unit = match &rule.percent_of {
                Some(setpoint) => format!("% of `{}` ({unit})", setpoint.0),
                None => unit,
            };
            let limit = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
            let values = [limits.ll, limits.l, limits.h, limits.hh].map(limit);
            let head = [format!("`{}`", rule.id.0), names(&rule.roles), unit];
            let basis = limits.basis.clone().unwrap_or_default();
            self.row(head.into_iter().chain(values).chain([basis]));
        }
        self.line("");
    }

    fn derived(&mut self, pack: &RawPackFile) {
        if pack.derived.is_empty() {
            return;
        }
        self.head(&["derived point", "for", "comes to", "alarm at", "basis"]);
        for derived in &pack.derived {
            let limits = derived.formula.limits.as_ref();
            let cells = [
                format!("`{}`: {}", derived.id.0, both(derived.formula.name.clone())),
                whom(&derived.roles),
                formula(&derived.formula, derived.percent_of.as_ref()),
                limits.map(bounds).unwrap_or_default(),
                limits.and_then(|limits| limits.basis.clone()).unwrap_or_default(),
            ];
            self.row(cells.into_iter());
        }
        self.line("");
    }

    fn conditions(&mut self, pack: &RawPackFile) {
        let of_condition: Vec<_> =
            pack.rule.iter().filter_map(|rule| Some((rule, rule.condition.as_ref()?))).collect();
        if of_condition.is_empty() {
            return;
        }
        self.head(&["rule", "for", "raised when", "over when", "level", "delays", "message", "basis"]);
        for (rule, condition) in of_condition {
            let code = |text: &String| format!("`{text}`");
            let delay = |delay: Option<crate::site::values::Period>| {
                delay.map_or_else(|| "0".to_owned(), |delay| delay.to_string())
            };
            let level = condition.level.unwrap_or(defaults::CONDITION_LEVEL).0;
            let (handling, quoted) = (&condition.handling, |times: &Vec<String>| times.join(", "));
            let only = [
                handling.only_when.as_ref().map(|text| format!(" (only when `{text}`)")),
                handling.only_during.as_ref().map(|times| format!(" (only during {})", quoted(times))),
                handling.not_during.as_ref().map(|times| format!(" (not during {})", quoted(times))),
            ];
            let only: String = only.into_iter().flatten().collect();
            let cells = [
                format!("`{}`", rule.id.0),
                whom(&rule.roles),
                format!("{}{only}", code(&condition.when)),
                condition.until.as_ref().map(code).unwrap_or_default(),
                level.number().map_or_else(|| "journal".to_owned(), |number| number.to_string()),
                format!("{}, {}", delay(condition.on_delay), delay(condition.off_delay)),
                both(condition.message.clone()),
                condition.basis.clone().unwrap_or_default(),
            ];
            self.row(cells.into_iter());
        }
        self.line("");
    }
}

fn names(ids: &[Id]) -> String {
    ids.iter().map(|id| format!("`{}`", id.0)).collect::<Vec<_>>().join(" ")
}

fn whom(roles: &[Id]) -> String {
    if roles.is_empty() { "the hazard".to_owned() } else { format!("each {}", names(roles)) }
}

fn formula(raw: &RawFormula, percent_of: Option<&Id>) -> String {
    if let Some(value) = &raw.value {
        return format!("`{value}`");
    }
    let of = raw.of.as_ref().map_or("", |of| of.0.as_str());
    let over = raw.over.map_or_else(String::new, |over| format!(" over {over}"));
    let function = match raw.function {
        Some(FunctionWord::Mean) => "mean",
        Some(FunctionWord::TimeWeighted) => "time-weighted mean",
        Some(FunctionWord::Min) => "least",
        Some(FunctionWord::Max) => "greatest",
        Some(FunctionWord::Sum) => "sum",
        Some(FunctionWord::Count) => "count",
        Some(FunctionWord::Rate) => "rate",
        Some(FunctionWord::Demand) => "demand",
        Some(FunctionWord::Energy) => "energy",
        Some(FunctionWord::State) => "state of production by",
        Some(FunctionWord::RunningFrom) => "from which load on it runs, of",
        Some(FunctionWord::Hours) => "hours",
        Some(FunctionWord::Baseline) => "baseline",
        Some(FunctionWord::BaselineLow) => "lower edge",
        Some(FunctionWord::BaselineHigh) => "upper edge",
        Some(FunctionWord::Deviation) => "deviation from the range",
        Some(FunctionWord::Forecast) => {
            let percent = percent_of.map_or_else(String::new, |name| format!(" % of `{}`", name.0));
            let way = if raw.toward == Some(TowardWord::Falling) { "falling" } else { "rising" };
            let to = raw.to.unwrap_or_default();
            return format!("minutes until `{of}` is {to}{percent}, {way}, by its trend{over}");
        }
        None => "",
    };
    format!("{function} of `{of}`{over}")
}

fn bounds(limits: &RawLimits) -> String {
    let given = [("ll", limits.ll), ("l", limits.l), ("h", limits.h), ("hh", limits.hh)];
    let given = given.into_iter().filter_map(|(key, value)| Some(format!("{key} {}", value?)));
    given.collect::<Vec<_>>().join(", ")
}
