//! `[[hazard]]`.

use super::Context;
use super::names::Names;
use crate::model::HazardId;
use crate::site::load::Gathered;
use crate::site::model::{Hazard, HazardKind};
use crate::site::raw::HazardWord;
use crate::site::source::Place;
use crate::site::values::Id;

/// The hazards of a site, and their names.
pub(super) struct Hazards {
    pub(super) list: Vec<Hazard>,
    names: Names,
}

impl Hazards {
    /// The hazard that a table refers to, if it refers to one.
    pub(super) fn refer(&self, id: Option<&Id>, place: Place, context: &mut Context<'_>) -> Option<HazardId> {
        self.names.find(&id?.0, place, context).map(HazardId::new)
    }
}

pub(super) fn check(gathered: &Gathered, context: &mut Context<'_>) -> Hazards {
    let mut hazards = Hazards { list: Vec::new(), names: Names::new("hazard") };
    for part in &gathered.parts {
        for (index, raw) in part.raw.hazard.iter().enumerate() {
            let place = part.spot("hazard", index).key("id");
            if hazards.names.define(&raw.id.0, hazards.list.len(), place, context.findings) {
                hazards.list.push(Hazard {
                    name: raw.id.0.clone(),
                    kind: kind(raw.kind),
                    title: raw.name.clone().into(),
                });
            }
        }
    }
    hazards
}

const fn kind(word: HazardWord) -> HazardKind {
    match word {
        HazardWord::TankFarm => HazardKind::TankFarm,
        HazardWord::Dust => HazardKind::Dust,
        HazardWord::Casting => HazardKind::Casting,
        HazardWord::Power => HazardKind::Power,
        HazardWord::Other => HazardKind::Other,
    }
}
