//! The points that are worked out for each feeder. What a site file could say with `[[derived]]` is made in the same way and held to the same checks; what comes of
//! several meters is a [`Joint`]. What a feeder has not the points for is not made.

use super::super::Context;
use super::super::derived::{self, Derived};
use super::super::points::Points;
use super::Feeders;
use crate::model::limits::DERIVED_AGE_MAX;
use crate::model::{FeederId, PointId};
use crate::site::defaults;
use crate::site::derived::{Formula, Joint, JointFigure, PRODUCTION_RUNNING};
use crate::site::expression::{Condition, Number, Relation};
use crate::site::feeder::{Feeder, FeederFigure, FeederRole};
use crate::site::model::{Point, Source};
use crate::site::raw::{CalendarWord, FunctionWord, PeriodWord, RawFormula, WhichWord};
use crate::site::source::Place;
use crate::site::values::{Id, Name};

/// Share of the rated current below which nobody asks how far the phases are apart (our default).
const SPREAD_LEAST: f64 = 0.1;

/// Adds what is worked out for every feeder: first what rests on its own meter, then what rests on others' as well.
pub(super) fn add(
    feeders: &mut Feeders<'_>,
    derived: &mut Derived,
    points: &mut Points<'_>,
    context: &mut Context<'_>,
) {
    let mut maker = Maker { feeders, derived, points, context };
    let all = 0..maker.feeders.list.len();
    all.clone().for_each(|place| maker.demand(place));
    // What no meter measures is what it feeds, which stands behind it.
    all.clone().rev().for_each(|place| maker.sum(place));
    for place in all.clone() {
        maker.energy(place);
        maker.of_stretch(
            place,
            [
                FeederFigure::DemandMaxDay,
                FeederFigure::DemandMinDay,
                FeederFigure::DemandMeanDay,
                FeederFigure::LoadFactorDay,
                FeederFigure::PeakValleyDay,
            ],
            PeriodWord::Day,
        );
        maker.of_stretch(
            place,
            [
                FeederFigure::DemandMaxMonth,
                FeederFigure::DemandMinMonth,
                FeederFigure::DemandMeanMonth,
                FeederFigure::LoadFactorMonth,
                FeederFigure::PeakValleyMonth,
            ],
            PeriodWord::Month,
        );
        maker.baseline(place);
        maker.load(place);
        maker.phases(place);
        maker.state(place);
        maker.calendar(place);
    }
    for place in all {
        maker.shares(place);
        maker.balance(place);
        maker.wanted(place);
    }
}

struct Maker<'m, 'f, 'p, 'c> {
    feeders: &'m mut Feeders<'f>,
    derived: &'m mut Derived,
    points: &'m mut Points<'p>,
    context: &'m mut Context<'c>,
}

impl Maker<'_, '_, '_, '_> {
    fn feeder(&self, place: usize) -> &Feeder {
        &self.feeders.list[place]
    }

    fn point(&self, place: usize, figure: FeederFigure) -> Option<PointId> {
        self.feeder(place).point(figure)
    }

    fn name(&self, point: PointId) -> Name {
        Name(self.points.list[point.index()].name.clone())
    }

    /// Its power, or else its counter: what is told of its load comes of this.
    fn source(&self, place: usize) -> Option<PointId> {
        self.feeder(place).power.or(self.feeder(place).energy)
    }

    /// The value at which a point begins again with 0, if it is the counter.
    fn modulus(&self, place: usize, of: PointId) -> Option<f64> {
        self.feeders.raws[place].modulus.filter(|_| self.feeder(place).energy == Some(of))
    }

    /// Makes a point as `[[derived]]` would.
    fn write(&mut self, place: usize, figure: FeederFigure, formula: RawFormula) {
        let (feeder, spot) = (self.feeder(place), self.feeders.spots[place]);
        let key_of = |key: &str| -> Place {
            if ["modulus", "running", "idle", "overload"].contains(&key) {
                spot.key(key)
            } else {
                spot.key("id")
            }
        };
        let formula = RawFormula { role: Some(Id(figure.role(feeder.role))), ..formula };
        let written = derived::Written {
            name: figure.of(&feeder.name),
            title: figure.title(&feeder.title),
            raw: &formula,
            hazard: feeder.hazard,
            factor: 1.0,
            names: &*self.points,
            place: &key_of,
        };
        let Some(point) = derived::point(&written, self.derived, self.points, self.context) else { return };
        // What belongs to no hazard does not belong to one because its points do.
        self.take(place, figure, Point { hazard: self.feeder(place).hazard, ..point });
    }

    /// Makes a point of which no site file can write how it is worked out.
    fn make(&mut self, place: usize, figure: FeederFigure, unit: &str, formula: Formula) {
        let feeder = self.feeder(place);
        let point = Point {
            name: figure.of(&feeder.name),
            title: figure.title(&feeder.title),
            device: self.derived.device(),
            hazard: feeder.hazard,
            unit: unit.to_owned(),
            decimals: defaults::DECIMALS,
            range: None,
            role: Some(figure.role(feeder.role)),
            source: Source::Derived(formula),
            poll: None,
            max_age: DERIVED_AGE_MAX,
            stuck: None,
            keep: None,
        };
        self.take(place, figure, point);
    }

    fn take(&mut self, place: usize, figure: FeederFigure, point: Point) {
        self.points.later.remove(&point.name);
        let at = self.feeders.spots[place].key("id");
        if let Some(first) = self.points.names.defined_at(&point.name).cloned() {
            let message =
                format!("`{}` is a point already, and the power tree makes one of that name", point.name);
            let hint = "give the feeder, or that point, another id";
            self.context.findings.add(at, message).hint(hint).first(first);
            return;
        }
        if let Some(index) = self.derived.add(point, at, self.points, self.context) {
            self.feeders.list[place].figures.insert(figure, PointId::new(index));
        }
    }

    fn demand(&mut self, place: usize) {
        let Some(of) = self.source(place) else { return };
        let modulus = self.modulus(place, of);
        let formula = RawFormula {
            function: Some(FunctionWord::Demand),
            of: Some(self.name(of)),
            modulus,
            ..RawFormula::default()
        };
        self.write(place, FeederFigure::Demand, formula);
    }

    /// The demand of what no meter measures: that of all that it feeds, if each of them has one.
    fn sum(&mut self, place: usize) {
        if self.source(place).is_some() {
            return;
        }
        let Some(of) = self.demands_of_fed(place) else { return };
        let unit = self.points.list[of[0].index()].unit.clone();
        self.make(place, FeederFigure::Demand, &unit, Formula::Joint(Joint { of, figure: JointFigure::Sum }));
    }

    /// The demands of all that it feeds; none if it feeds nothing, or something whose demand is not known.
    fn demands_of_fed(&self, place: usize) -> Option<Vec<PointId>> {
        let demand = |place: usize| self.point(place, FeederFigure::Demand);
        let demands: Vec<PointId> =
            self.feeders.fed_from(place).into_iter().map(demand).collect::<Option<_>>()?;
        Some(demands).filter(|demands| !demands.is_empty())
    }

    /// Energy by the clock: of the counter, which goes on by itself, or else of the power.
    fn energy(&mut self, place: usize) {
        let feeder = self.feeder(place);
        let Some(of) = feeder.energy.or(feeder.power) else { return };
        let modulus = self.modulus(place, of);
        let of = Some(self.name(of));
        let last = Some(WhichWord::Last);
        let mut periods = vec![
            (FeederFigure::EnergyToday, PeriodWord::Day, None),
            (FeederFigure::EnergyHour, PeriodWord::Hour, last),
            (FeederFigure::EnergyDay, PeriodWord::Day, last),
            (FeederFigure::EnergyMonth, PeriodWord::Month, last),
        ];
        if self.context.shifts.is_some() {
            periods.insert(2, (FeederFigure::EnergyShift, PeriodWord::Shift, last));
        }
        for (figure, period, which) in periods {
            let formula = RawFormula {
                function: Some(FunctionWord::Energy),
                of: of.clone(),
                modulus,
                period: Some(period),
                which,
                ..RawFormula::default()
            };
            self.write(place, figure, formula);
        }
    }

    /// The greatest, the least and the mean of a stretch, and how they stand to each other.
    fn of_stretch(&mut self, place: usize, figures: [FeederFigure; 5], period: PeriodWord) {
        let (Some(source), Some(demand)) = (self.source(place), self.point(place, FeederFigure::Demand))
        else {
            return;
        };
        let [greatest, least, mean, factor, ratio] = figures;
        let kinds = [
            (greatest, FunctionWord::Max, demand),
            (least, FunctionWord::Min, demand),
            (mean, FunctionWord::Demand, source),
        ];
        for (figure, function, of) in kinds {
            let modulus = self.modulus(place, of);
            let formula = RawFormula {
                function: Some(function),
                of: Some(self.name(of)),
                modulus,
                period: Some(period),
                which: Some(WhichWord::Last),
                ..RawFormula::default()
            };
            self.write(place, figure, formula);
        }
        let joined = [
            (factor, mean, greatest, JointFigure::Percent, "%"),
            (ratio, greatest, least, JointFigure::Ratio, ""),
        ];
        for (made, part, whole, figure, unit) in joined {
            let (Some(part), Some(whole)) = (self.point(place, part), self.point(place, whole)) else {
                continue;
            };
            self.make(place, made, unit, Formula::Joint(Joint { of: vec![part, whole], figure }));
        }
    }

    fn baseline(&mut self, place: usize) {
        let Some(of) = self.source(place) else { return };
        let of = Some(self.name(of));
        let formula = RawFormula { function: Some(FunctionWord::Baseline), of, ..RawFormula::default() };
        self.write(place, FeederFigure::Baseline, formula);
        let Some(baseline) = self.point(place, FeederFigure::Baseline) else { return };
        for (figure, function) in [
            (FeederFigure::BaselineLow, FunctionWord::BaselineLow),
            (FeederFigure::BaselineHigh, FunctionWord::BaselineHigh),
            (FeederFigure::Deviation, FunctionWord::Deviation),
        ] {
            let formula = RawFormula {
                function: Some(function),
                of: Some(self.name(baseline)),
                ..RawFormula::default()
            };
            self.write(place, figure, formula);
        }
    }

    /// In percent of the ratings that are given.
    fn load(&mut self, place: usize) {
        let feeder = self.feeder(place);
        let percent = |point: &PointId, rated: f64| {
            Number::Product(Box::new([Number::Point(*point), Number::Constant(100.0 / rated)]))
        };
        let rated = |rated: Option<f64>| rated.filter(|rated| *rated > 0.0);
        let mut loads = Vec::new();
        if let Some(rated) = rated(feeder.rated_power) {
            loads.extend(feeder.power.iter().map(|point| percent(point, rated)));
        }
        if let Some(rated) = rated(feeder.rated_current) {
            loads.extend(feeder.currents.iter().map(|point| percent(point, rated)));
        }
        let load = if loads.len() > 1 { Some(Number::Greatest(loads)) } else { loads.pop() };
        if let Some(load) = load {
            self.make(place, FeederFigure::Load, "%", Formula::Number(load));
        }
    }

    /// How far the three phases are apart.
    fn phases(&mut self, place: usize) {
        let feeder = self.feeder(place);
        let least = feeder.rated_current.map_or(0.0, |rated| rated * SPREAD_LEAST);
        let (currents, voltages) = (feeder.currents.clone(), feeder.voltages.clone());
        for (figure, of, how) in [
            (FeederFigure::CurrentUnbalance, currents, JointFigure::Spread { least }),
            (FeederFigure::VoltageUnbalance, voltages, JointFigure::OffMean),
        ] {
            if of.len() == 3 {
                self.make(place, figure, "%", Formula::Joint(Joint { of, figure: how }));
            }
        }
    }

    /// What it feeds runs or not, and for how long it has.
    fn state(&mut self, place: usize) {
        let (raw, feeder) = (self.feeders.raws[place], self.feeder(place));
        let (Some(running), Some(power)) = (raw.running, feeder.power) else { return };
        let formula = RawFormula {
            function: Some(FunctionWord::State),
            of: Some(self.name(power)),
            running: Some(running),
            idle: raw.idle,
            overload: raw.overload,
            ..RawFormula::default()
        };
        self.write(place, FeederFigure::State, formula);
        let Some(state) = self.point(place, FeederFigure::State) else { return };
        let code = Number::Constant(PRODUCTION_RUNNING as f64);
        let runs = Condition::Compare(Box::new(Number::Point(state)), Relation::AtLeast, Box::new(code));
        self.make(place, FeederFigure::Runs, "", Formula::Condition(runs));
        let mut periods = vec![(FeederFigure::RunningHoursDay, PeriodWord::Day)];
        if self.context.shifts.is_some() {
            periods.push((FeederFigure::RunningHoursShift, PeriodWord::Shift));
        }
        for (figure, period) in periods {
            let formula = RawFormula {
                function: Some(FunctionWord::Hours),
                of: Some(self.name(state)),
                period: Some(period),
                which: Some(WhichWord::Last),
                ..RawFormula::default()
            };
            self.write(place, figure, formula);
        }
    }

    /// What the calendar says of a production line.
    fn calendar(&mut self, place: usize) {
        if self.feeder(place).role != Some(FeederRole::Production) {
            return;
        }
        for (figure, calendar) in
            [(FeederFigure::DeclaredStop, CalendarWord::Stop), (FeederFigure::RestDay, CalendarWord::RestDay)]
        {
            self.write(place, figure, RawFormula { calendar: Some(calendar), ..RawFormula::default() });
        }
    }

    /// Shares of the incomer's demand, and of what it is fed from where that is another.
    fn shares(&mut self, place: usize) {
        let Some(own) = self.point(place, FeederFigure::Demand) else { return };
        let parent = self.feeder(place).parent.map(FeederId::index);
        let Some(parent) = parent else { return };
        for (figure, whole) in [(FeederFigure::Share, 0), (FeederFigure::ShareOfParent, parent)] {
            let is_told = figure == FeederFigure::ShareOfParent && parent == 0;
            let Some(whole) = self.point(whole, FeederFigure::Demand).filter(|_| !is_told) else { continue };
            let joint = Joint { of: vec![own, whole], figure: JointFigure::Percent };
            self.make(place, figure, "%", Formula::Joint(joint));
        }
    }

    /// What a meter says less what the meters behind it say.
    fn balance(&mut self, place: usize) {
        let (Some(_), Some(own)) = (self.source(place), self.point(place, FeederFigure::Demand)) else {
            return;
        };
        let Some(fed) = self.demands_of_fed(place) else { return };
        let unit = self.points.list[own.index()].unit.clone();
        let of: Vec<PointId> = std::iter::once(own).chain(fed).collect();
        for (figure, how, unit) in [
            (FeederFigure::BalanceError, JointFigure::Rest, &*unit),
            (FeederFigure::BalanceErrorPercent, JointFigure::RestPercent, "%"),
        ] {
            self.make(place, figure, unit, Formula::Joint(Joint { of: of.clone(), figure: how }));
        }
    }

    /// Whether something runs that must not run without it.
    fn wanted(&mut self, place: usize) {
        let serves = self.feeder(place).serves.clone();
        let runs = serves.iter().filter_map(|served| self.point(served.index(), FeederFigure::Runs));
        let any: Vec<Condition> = runs.map(Condition::On).collect();
        if !any.is_empty() {
            self.make(place, FeederFigure::Wanted, "", Formula::Condition(Condition::Any(any)));
        }
    }
}
