//! `function` of a derived point: what is made of a point's recent past (`over`), or of stretches of the clock (`period`). Which keys go
//! with which word, and what unit follows.

use std::time::Duration;

use super::Context;
use super::condition;
use super::derived::Maker;
use super::units::{Electrical, electrical};
use crate::model::PointId;
use crate::site::clock_period::ClockPeriod;
use crate::site::defaults;
use crate::site::derived::{
    Aspect, Clocked, Figure, Formula, Function, Gauge, PRODUCTION_RUNNING, Which, Window,
};
use crate::site::expression::{self, Nature};
use crate::site::model::{Point, Source};
use crate::site::raw::{FunctionWord, PeriodWord, TowardWord, WhichWord};
use crate::site::values::Period;

impl FunctionWord {
    /// Whether it may be worked out for stretches of the clock.
    const fn takes_period(self) -> bool {
        matches!(self, Self::TimeWeighted | Self::Min | Self::Max) || self.is_clocked()
    }

    /// Whether it is worked out for stretches of the clock and for nothing else.
    const fn is_clocked(self) -> bool {
        matches!(self, Self::Hours) || self.is_electrical()
    }

    /// Whether it may be worked out of the recent past.
    const fn is_of_past(self) -> bool {
        !self.is_clocked()
            && !matches!(self, Self::State | Self::RunningFrom | Self::Deviation)
            && !matches!(self, Self::Baseline | Self::BaselineLow | Self::BaselineHigh)
    }

    /// Whether it is about power or energy.
    const fn is_electrical(self) -> bool {
        matches!(self, Self::Demand | Self::Energy)
    }
}

impl Maker<'_, '_> {
    /// What a function comes to; none, and a mistake, where something is missing.
    pub(super) fn function(&self, word: FunctionWord, context: &mut Context<'_>) -> Option<Formula> {
        let is_clocked = word.is_clocked() || (word.takes_period() && self.raw.period.is_some());
        self.refuse_keys(word, is_clocked, context);
        let of = self.of(context);
        match word {
            FunctionWord::State => return self.production(of, context).map(Formula::Production),
            FunctionWord::RunningFrom => return self.running_from(of, context),
            FunctionWord::Baseline => return self.baseline(of, context).map(Formula::Baseline),
            FunctionWord::BaselineLow => return self.of_baseline(of, Aspect::Low, context),
            FunctionWord::BaselineHigh => return self.of_baseline(of, Aspect::High, context),
            FunctionWord::Deviation => return self.of_baseline(of, Aspect::Deviation, context),
            _ => {}
        }
        if is_clocked {
            return self.clocked(word, of, context).map(Formula::Clocked);
        }
        let over = self.over(word, context);
        let function = self.of_past(word, context);
        Some(Formula::Window(Window { of: of?, over: over?, function: function? }))
    }

    /// Refuses what goes with `function`, where there is none.
    pub(super) fn refuse_keys_of_functions(&self, beside: &str, context: &mut Context<'_>) {
        for (key, given) in self.keys() {
            if given {
                let message = format!("`{key}` says nothing beside {beside}");
                self.note(key, message, "it goes with `function`", context);
            }
        }
    }

    /// The keys that go with some function, and whether they are given.
    fn keys(&self) -> [(&'static str, bool); 15] {
        let raw = self.raw;
        [
            ("of", raw.of.is_some()),
            ("over", raw.over.is_some()),
            ("per", raw.per.is_some()),
            ("to", raw.to.is_some()),
            ("toward", raw.toward.is_some()),
            ("period", raw.period.is_some()),
            ("which", raw.which.is_some()),
            ("modulus", raw.modulus.is_some()),
            ("idle", raw.idle.is_some()),
            ("running", raw.running.is_some()),
            ("overload", raw.overload.is_some()),
            ("deadband", raw.deadband.is_some()),
            ("least", raw.least.is_some()),
            ("days", raw.days.is_some()),
            ("percent", raw.percent.is_some()),
        ]
    }

    fn refuse_keys(&self, word: FunctionWord, is_clocked: bool, context: &mut Context<'_>) {
        for (key, given) in self.keys() {
            let fits = match key {
                "of" => true,
                "over" => word.is_of_past() && !is_clocked,
                "per" => word == FunctionWord::Rate,
                "period" | "which" => is_clocked,
                "modulus" => word.is_electrical(),
                "to" | "toward" => word == FunctionWord::Forecast,
                "percent" => word == FunctionWord::Baseline,
                "days" => matches!(word, FunctionWord::Baseline | FunctionWord::State),
                _ => word == FunctionWord::State,
            };
            if given && !fits {
                let (message, hint) = match key {
                    "over" if word.is_of_past() => {
                        ("both `over` and `period` are given".to_owned(), "keep one of them")
                    }
                    "over" if word.is_clocked() => {
                        ("`over` says nothing with this function".to_owned(), "use `period = \"15min\"`")
                    }
                    "which" => ("`which` says nothing without `period`".to_owned(), "leave it out"),
                    _ => (format!("`{key}` says nothing with this function"), "leave it out"),
                };
                self.note(key, message, hint, context);
            }
        }
    }

    fn of(&self, context: &mut Context<'_>) -> Option<PointId> {
        let Some(name) = &self.raw.of else {
            let hint = "add `of = \"device.signal\"`: the point whose past it is";
            self.note("function", "`of` is missing", hint, context);
            return None;
        };
        let of = |text: &str, names: &dyn expression::Points| expression::point(text, names);
        condition::read(&name.0, (self.written.place)("of"), self.written.names, of, context)
    }

    fn over(&self, word: FunctionWord, context: &mut Context<'_>) -> Option<Duration> {
        match self.raw.over {
            Some(over) if !over.0.is_zero() => return Some(over.0),
            Some(_) => {
                let hint = "use `over = \"5min\"` or the like";
                self.note("over", "a window of no length has no past", hint, context);
            }
            None if self.raw.period.is_some() => {}
            None => {
                let hint = if word.takes_period() {
                    "add `over = \"5min\"`: how far back, or `period = \"day\"`: for which stretches of the clock"
                } else {
                    "add `over = \"5min\"`: how far back"
                };
                self.note("function", "`over` is missing", hint, context);
            }
        }
        None
    }

    fn of_past(&self, word: FunctionWord, context: &mut Context<'_>) -> Option<Function> {
        Some(match word {
            FunctionWord::Mean => Function::Mean,
            FunctionWord::TimeWeighted => Function::TimeWeighted,
            FunctionWord::Min => Function::Least,
            FunctionWord::Max => Function::Greatest,
            FunctionWord::Sum => Function::Sum,
            FunctionWord::Count => Function::Count,
            FunctionWord::Rate => {
                let per = self.raw.per.unwrap_or(defaults::RATE_PER).0;
                if per.is_zero() {
                    let hint = "use `per = \"1min\"` or the like";
                    self.note("per", "a rate per no time is none", hint, context);
                    return None;
                }
                Function::Rate { per }
            }
            FunctionWord::Forecast => {
                let Some(to) = self.raw.to else {
                    let hint = "add `to = …`: the value that is waited for";
                    self.note("function", "`to` is missing", hint, context);
                    return None;
                };
                Function::Forecast {
                    to: to * self.written.factor,
                    rising: self.raw.toward != Some(TowardWord::Falling),
                }
            }
            _ => return None,
        })
    }

    /// A figure for stretches of the clock.
    fn clocked(&self, word: FunctionWord, of: Option<PointId>, context: &mut Context<'_>) -> Option<Clocked> {
        let period = self.period(word, context);
        let gauge = of.and_then(|of| self.gauge(word, of, context));
        let (figure, which) = match word {
            FunctionWord::Demand => (Figure::Demand, Which::Last),
            FunctionWord::Energy | FunctionWord::Hours => (Figure::Amount, Which::Present),
            FunctionWord::Min => (Figure::Least, Which::Present),
            FunctionWord::Max => (Figure::Greatest, Which::Present),
            _ => (Figure::Mean, Which::Last),
        };
        let which = match self.raw.which {
            None => which,
            Some(WhichWord::Last) => Which::Last,
            Some(WhichWord::Present) => Which::Present,
        };
        Some(Clocked { of: of?, period: period?, which, figure, gauge: gauge? })
    }

    fn period(&self, word: FunctionWord, context: &mut Context<'_>) -> Option<ClockPeriod> {
        Some(match self.raw.period {
            Some(PeriodWord::Minute) => ClockPeriod::Minutes(1),
            Some(PeriodWord::FiveMinutes) => ClockPeriod::Minutes(5),
            Some(PeriodWord::TenMinutes) => ClockPeriod::Minutes(10),
            Some(PeriodWord::QuarterHour) => ClockPeriod::Minutes(15),
            Some(PeriodWord::HalfHour) => ClockPeriod::Minutes(30),
            Some(PeriodWord::Hour) => ClockPeriod::Minutes(60),
            Some(PeriodWord::Shift) => {
                let Some(shifts) = context.shifts else {
                    let hint = "say in `[calendar]` when they begin: `shifts = [\"08:00\", \"20:00\"]`";
                    self.note("period", "nothing says when shifts begin", hint, context);
                    return None;
                };
                ClockPeriod::Shift(shifts)
            }
            Some(PeriodWord::Day) => ClockPeriod::Day,
            Some(PeriodWord::Month) => ClockPeriod::Month,
            None if word == FunctionWord::Demand => ClockPeriod::Minutes(15),
            None if word == FunctionWord::Hours => ClockPeriod::Ever,
            None => {
                let hint = "add `period = \"day\"`: for which stretches of the clock";
                self.note("function", "`period` is missing", hint, context);
                return None;
            }
        })
    }

    /// Whether the point is a counter: its unit says so.
    fn gauge(&self, word: FunctionWord, of: PointId, context: &mut Context<'_>) -> Option<Gauge> {
        let point = &self.points.list[of.index()];
        if word == FunctionWord::Hours {
            return self.hours_of(point, context);
        }
        if !word.is_electrical() {
            return Some(Gauge::Level);
        }
        match electrical(&point.unit) {
            None => {
                let message =
                    format!("`{}` is in `{}`, which is neither power nor energy", point.name, point.unit);
                let hint =
                    "the `unit` of the point says which it is: W, kW, MW, or Wh, kWh, MWh (var and VA alike)";
                self.note("of", message, hint, context);
                None
            }
            Some(Electrical::Power { .. }) => {
                if self.raw.modulus.is_some() {
                    let message = format!("`{}` is a power, which never begins again with 0", point.name);
                    self.note("modulus", message, "leave it out", context);
                }
                Some(Gauge::Level)
            }
            Some(Electrical::Energy { .. }) => {
                let modulus = self.raw.modulus;
                if let Some(modulus) = modulus.filter(|modulus| *modulus <= 0.0) {
                    let message = format!("a counter that begins again at {modulus} counts nothing");
                    self.note("modulus", message, "use a number greater than 0, such as 1000000", context);
                }
                Some(Gauge::Counter { modulus })
            }
        }
    }

    /// When the hours of a point count.
    fn hours_of(&self, point: &Point, context: &mut Context<'_>) -> Option<Gauge> {
        if matches!(point.source, Source::Derived(Formula::Production(_))) {
            return Some(Gauge::While { least: PRODUCTION_RUNNING as f64 });
        }
        if condition::nature(point) == Nature::Number {
            let message =
                format!("`{}` is a number, and hours are those in which something is on", point.name);
            let hint = "count those of a `state`, of a switch, or of a derived condition such as `value = \"meter1.power > 20\"`";
            self.note("of", message, hint, context);
            return None;
        }
        Some(Gauge::While { least: 1.0 })
    }

    /// What is written, or what follows from the unit of the point that it is a function of.
    pub(super) fn unit(&self, formula: &Formula, context: &mut Context<'_>) -> String {
        let written = &self.raw.unit;
        let of = |point: PointId| &self.points.list[point.index()].unit;
        let follows = match formula {
            Formula::Number(_)
            | Formula::Condition(_)
            | Formula::Calendar(_)
            | Formula::Production(_)
            | Formula::Joint(_)
            | Formula::OfBaseline { aspect: Aspect::Deviation, .. } => String::new(),
            Formula::OfBaseline { of: baseline, .. } => of(*baseline).clone(),
            Formula::RunningFrom(state) => match &self.points.list[state.index()].source {
                Source::Derived(Formula::Production(production)) => of(production.of).clone(),
                _ => String::new(),
            },
            Formula::Baseline(baseline) => match electrical(of(baseline.of)) {
                Some(Electrical::Energy { power }) => power,
                _ => of(baseline.of).clone(),
            },
            Formula::Window(window) => match window.function {
                Function::Count => String::new(),
                Function::Forecast { .. } => "min".to_owned(),
                Function::Rate { per } => format!("{}/{}", of(window.of), Period(per)).replace("/1", "/"),
                _ => of(window.of).clone(),
            },
            Formula::Clocked(clocked) => {
                let unit = of(clocked.of);
                let follows = match (clocked.figure, electrical(unit)) {
                    (Figure::Amount, _) if matches!(clocked.gauge, Gauge::While { .. }) => "h".to_owned(),
                    (Figure::Amount, Some(Electrical::Power { energy })) => energy,
                    (Figure::Demand, Some(Electrical::Energy { power })) => power,
                    _ => unit.clone(),
                };
                let is_electrical = matches!(clocked.figure, Figure::Amount | Figure::Demand);
                if let Some(other) = written.as_ref().filter(|unit| is_electrical && **unit != follows) {
                    let message = format!("it comes to `{follows}`, and not to `{other}`");
                    self.note("unit", message, "leave it out", context);
                }
                follows
            }
        };
        written.clone().unwrap_or(follows)
    }
}
