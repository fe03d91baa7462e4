//! The power tree: from the incomer over feeders down to equipment, what measures each, what each feeds, and which points are worked out for it.

use std::collections::BTreeMap;

use crate::model::{DeviceId, FeederId, HazardId, PointId, Text};

/// A node of the power tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Feeder {
    /// Its id.
    pub name: String,
    /// What people call it.
    pub title: Text,
    /// What it is fed from; none for the incomer. It stands before this one in `Site::feeders`.
    pub parent: Option<FeederId>,
    /// What it feeds, if that is said.
    pub role: Option<FeederRole>,
    /// The hazard that it belongs to.
    pub hazard: Option<HazardId>,
    /// The production feeders that must not run without it.
    pub serves: Vec<FeederId>,
    /// The device that measures it, where one does.
    pub meter: Option<DeviceId>,
    /// Its active power.
    pub power: Option<PointId>,
    /// Its counter of active energy.
    pub energy: Option<PointId>,
    /// The currents of its phases: none, one, or three.
    pub currents: Vec<PointId>,
    /// The voltages of its phases: none, one, or three.
    pub voltages: Vec<PointId>,
    /// What it may draw for long, in the unit of its power.
    pub rated_power: Option<f64>,
    /// What may flow in each phase for long, in the unit of its currents.
    pub rated_current: Option<f64>,
    /// From which power on what it feeds runs, in the unit of its power, where that is given and not learnt.
    pub running: Option<f64>,
    /// The points that are worked out for it.
    pub figures: BTreeMap<FeederFigure, PointId>,
}

impl Feeder {
    /// The point of a figure; none where the feeder has not what it rests on.
    pub fn point(&self, figure: FeederFigure) -> Option<PointId> {
        self.figures.get(&figure).copied()
    }

    /// The points that it names itself, with the role by which packs know each.
    pub fn named(&self) -> Vec<(&'static str, PointId)> {
        const CURRENTS: [&str; 3] = ["current_a", "current_b", "current_c"];
        const VOLTAGES: [&str; 3] = ["voltage_a", "voltage_b", "voltage_c"];
        let one = [("power", self.power), ("energy", self.energy)];
        let one = one.into_iter().filter_map(|(role, point)| Some((role, point?)));
        let currents = CURRENTS.into_iter().zip(self.currents.iter().copied());
        one.chain(currents).chain(VOLTAGES.into_iter().zip(self.voltages.iter().copied())).collect()
    }
}

/// What a feeder feeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FeederRole {
    /// 生产线: a production line.
    Production,
    /// 除尘: dust removal.
    DustRemoval,
    /// 排烟、废气治理: removal or treatment of fumes.
    FumeRemoval,
    /// 冷却: cooling.
    Cooling,
    /// 通风: ventilation.
    Ventilation,
    /// 安全设施: safety equipment.
    Safety,
    /// 办公: offices.
    Office,
}

impl FeederRole {
    /// What people call it.
    pub fn title(self) -> Text {
        let (zh, en) = match self {
            Self::Production => ("生产线", "production"),
            Self::DustRemoval => ("除尘", "dust removal"),
            Self::FumeRemoval => ("排烟治理", "fume removal"),
            Self::Cooling => ("冷却", "cooling"),
            Self::Ventilation => ("通风", "ventilation"),
            Self::Safety => ("安全设施", "safety equipment"),
            Self::Office => ("办公", "office"),
        };
        Text::new(zh, en)
    }

    /// Whether it is there to protect people while production runs.
    pub const fn protects(self) -> bool {
        match self {
            Self::DustRemoval | Self::FumeRemoval | Self::Cooling | Self::Ventilation | Self::Safety => true,
            Self::Production | Self::Office => false,
        }
    }
}

macro_rules! figures {
    ($($(#[$doc:meta])* $figure:ident = $name:literal, $zh:literal, $en:literal;)*) => {
        /// A point that is worked out for a feeder; it is called `<feeder>.<name>`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FeederFigure {
            $($(#[$doc])* $figure,)*
        }

        impl FeederFigure {
            /// Each of them.
            pub const ALL: &'static [Self] = &[$(Self::$figure,)*];

            /// The last part of the point's name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$figure => $name,)*
                }
            }

            /// What people call it, behind the name of its feeder.
            pub const fn words(self) -> (&'static str, &'static str) {
                match self {
                    $(Self::$figure => ($zh, $en),)*
                }
            }
        }
    };
}

figures! {
    /// The mean power of the last quarter of an hour.
    Demand = "demand", "需量", "demand";
    /// Its share of the incomer's demand, in percent.
    Share = "share", "占总负荷比例", "share of the total";
    /// Its share of the demand of what it is fed from, in percent.
    ShareOfParent = "share_of_parent", "占上级负荷比例", "share of what it is fed from";
    /// Its demand less those of all that it feeds.
    BalanceError = "balance_error", "平衡差额", "balance error";
    /// The same in percent of its demand.
    BalanceErrorPercent = "balance_error_percent", "平衡误差率", "balance error in percent";
    /// The energy of the present day.
    EnergyToday = "energy_today", "当日电量", "energy today";
    /// The energy of the last hour.
    EnergyHour = "energy_hour", "上一小时电量", "energy of the last hour";
    /// The energy of the last shift.
    EnergyShift = "energy_shift", "上一班电量", "energy of the last shift";
    /// The energy of yesterday.
    EnergyDay = "energy_day", "上日电量", "energy of yesterday";
    /// The energy of the last month.
    EnergyMonth = "energy_month", "上月电量", "energy of the last month";
    /// The greatest demand of yesterday.
    DemandMaxDay = "demand_max_day", "上日最大需量", "greatest demand of yesterday";
    /// The least demand of yesterday.
    DemandMinDay = "demand_min_day", "上日最小需量", "least demand of yesterday";
    /// The mean power of yesterday.
    DemandMeanDay = "demand_mean_day", "上日平均负荷", "mean load of yesterday";
    /// The mean power of yesterday in percent of the greatest demand.
    LoadFactorDay = "load_factor_day", "上日负荷率", "load factor of yesterday";
    /// The greatest demand of yesterday by the least.
    PeakValleyDay = "peak_valley_day", "上日峰谷比", "peak to valley of yesterday";
    /// The greatest demand of the last month.
    DemandMaxMonth = "demand_max_month", "上月最大需量", "greatest demand of the last month";
    /// The least demand of the last month.
    DemandMinMonth = "demand_min_month", "上月最小需量", "least demand of the last month";
    /// The mean power of the last month.
    DemandMeanMonth = "demand_mean_month", "上月平均负荷", "mean load of the last month";
    /// The mean power of the last month in percent of the greatest demand.
    LoadFactorMonth = "load_factor_month", "上月负荷率", "load factor of the last month";
    /// The greatest demand of the last month by the least.
    PeakValleyMonth = "peak_valley_month", "上月峰谷比", "peak to valley of the last month";
    /// What it ordinarily draws at this time of such a day.
    Baseline = "baseline", "负荷基线", "ordinary load";
    /// The lower edge of the ordinary range.
    BaselineLow = "baseline_low", "负荷基线下沿", "lower edge of the ordinary";
    /// Its upper edge.
    BaselineHigh = "baseline_high", "负荷基线上沿", "upper edge of the ordinary";
    /// How far the last quarter of an hour was outside of that range, in margins.
    Deviation = "deviation", "负荷偏离度", "deviation from the ordinary";
    /// Its power, or the greatest of its currents, in percent of the rating; the greater of the two.
    Load = "load", "负载率", "load in percent of the rating";
    /// How far the currents of its phases are apart, in percent of the greatest.
    CurrentUnbalance = "current_unbalance", "电流不平衡度", "current unbalance";
    /// How far a phase is off the mean of the voltages, in percent of it.
    VoltageUnbalance = "voltage_unbalance", "电压不平衡度", "voltage unbalance";
    /// The state of production.
    State = "state", "生产状态", "state";
    /// Whether it runs.
    Runs = "runs", "运行", "runs";
    /// For how many hours of yesterday it ran.
    RunningHoursDay = "running_hours_day", "上日运行小时", "running hours of yesterday";
    /// For how many hours of the last shift it ran.
    RunningHoursShift = "running_hours_shift", "上一班运行小时", "running hours of the last shift";
    /// Whether it is to stand still.
    DeclaredStop = "declared_stop", "停产", "declared stop";
    /// Whether this is a day of rest.
    RestDay = "rest_day", "休息日", "day of rest";
    /// Whether something runs that must not run without it.
    Wanted = "wanted", "被保护生产线运行", "what it protects runs";
}

impl FeederFigure {
    /// The point's name.
    pub fn of(self, feeder: &str) -> String {
        format!("{feeder}.{}", self.name())
    }

    /// What people call the point.
    pub fn title(self, feeder: &Text) -> Text {
        let (zh, en) = self.words();
        Text::new(format!("{}{zh}", feeder.zh), format!("{}, {en}", feeder.en))
    }

    /// By which role packs know it, at a feeder of this role. Whether it runs, and whether it must, has another role at what produces and at what protects it, so that no
    /// rule is missed where it would say nothing.
    pub fn role(self, feeder: Option<FeederRole>) -> String {
        let kind = match feeder {
            Some(FeederRole::Production) => "production",
            Some(FeederRole::Cooling) => "cooling",
            Some(FeederRole::DustRemoval) => "dust_removal",
            Some(FeederRole::FumeRemoval | FeederRole::Ventilation | FeederRole::Safety) => "protection",
            Some(FeederRole::Office) | None => "feeder",
        };
        match self {
            Self::CurrentUnbalance | Self::VoltageUnbalance | Self::DeclaredStop | Self::RestDay => {
                self.name().to_owned()
            }
            Self::Runs | Self::Wanted => format!("{kind}_{}", self.name()),
            _ => format!("feeder_{}", self.name()),
        }
    }
}
