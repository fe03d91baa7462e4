//! The risk picture: the gravest active alarm of the site and of each hazard, and the alarms behind it. Kept in order
//! while alarms come and go, and written out only when it has changed.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::model::{AlarmId, HazardId, Level, Risk, RiskItem, RiskLevel, Stamp};
use crate::site::Site;

/// Active alarms, gravest first, then by the rank of their names.
type Area = BTreeSet<(Reverse<Level>, usize)>;

/// Which alarms make up the risk of the site and of each hazard.
#[derive(Debug)]
pub(super) struct RiskBook {
    /// Alarms in the order of their names.
    by_rank: Vec<AlarmId>,
    /// Where each alarm stands in `by_rank`.
    ranks: Vec<usize>,
    site: Area,
    hazards: Vec<Area>,
    shown: Option<Risk>,
}

impl RiskBook {
    /// An empty picture. `by_name` holds every alarm in the order of their names.
    pub(super) fn new(site: &Site, by_name: &[AlarmId]) -> Self {
        let mut ranks = vec![0; by_name.len()];
        for (rank, alarm) in by_name.iter().enumerate() {
            ranks[alarm.index()] = rank;
        }
        Self {
            by_rank: by_name.to_vec(),
            ranks,
            site: Area::new(),
            hazards: vec![Area::new(); site.hazards.len()],
            shown: None,
        }
    }

    /// An alarm of this hazard, or of the gateway itself, has gone from one risk level to another.
    pub(super) fn change(
        &mut self,
        alarm: AlarmId,
        hazard: Option<HazardId>,
        was: Option<Level>,
        is: Option<Level>,
    ) {
        if was == is {
            return;
        }
        let rank = self.ranks[alarm.index()];
        let hazard = hazard.map(|hazard| &mut self.hazards[hazard.index()]);
        for area in hazard.into_iter().chain([&mut self.site]) {
            if let Some(level) = was {
                area.remove(&(Reverse(level), rank));
            }
            if let Some(level) = is {
                area.insert((Reverse(level), rank));
            }
        }
    }

    /// The picture, if it is another than the last one given out.
    pub(super) fn picture(&mut self, site: &Site, at: Stamp) -> Option<Risk> {
        let hazards = site.hazards.iter().zip(&self.hazards);
        let risk = Risk {
            at,
            site: self.item(site, &self.site),
            hazards: hazards.map(|(hazard, area)| (hazard.name.clone(), self.item(site, area))).collect(),
        };
        let same = self.shown.as_ref().is_some_and(|s| s.site == risk.site && s.hazards == risk.hazards);
        if same {
            return None;
        }
        self.shown = Some(risk.clone());
        Some(risk)
    }

    /// The next picture is given out even if it is the same.
    pub(super) fn show_again(&mut self) {
        self.shown = None;
    }

    fn item(&self, site: &Site, area: &Area) -> RiskItem {
        let name = |rank: usize| site.rule(self.by_rank[rank]).name.clone();
        RiskItem {
            level: RiskLevel(area.first().map(|(Reverse(level), _)| *level)),
            alarms: area.iter().map(|(_, rank)| name(*rank)).collect(),
        }
    }
}
