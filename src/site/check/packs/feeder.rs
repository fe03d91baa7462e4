//! A pack on feeders of the power tree: which feeders are meant, and by which roles their points are known.

use std::collections::BTreeMap;

use super::super::Context;
use super::super::feeders::Feeders;
use super::super::points::Points;
use crate::model::PointId;
use crate::site::feeder::{Feeder, FeederRole};
use crate::site::raw::RawPack;
use crate::site::source::Spot;
use crate::site::values::FeederChoice;

/// How packs know the power of what produces.
const PRODUCTION_POWER: &str = "production_power";

/// The feeders that a `[[pack]]` is applied to, one after the other; or it is applied once, to no feeder.
pub(super) fn chosen(
    raw: &RawPack,
    spot: Spot,
    feeders: &Feeders<'_>,
    context: &mut Context<'_>,
) -> Vec<Option<usize>> {
    if raw.feeders.is_empty() {
        return vec![None];
    }
    for (key, given) in
        [("hazard", raw.hazard.is_some()), ("points", !raw.points.is_empty()), ("id", raw.id.is_some())]
    {
        if given {
            let message = format!("both `feeders` and `{key}` are given");
            context.findings.add(spot.key(key), message).hint("keep one of them, or write two [[pack]]");
        }
    }
    let mut chosen = Vec::new();
    for (index, choice) in raw.feeders.iter().enumerate() {
        let place = spot.key(&format!("feeders[{index}]"));
        let places = match choice {
            FeederChoice::One(id) => feeders.find(&id.0, place.clone(), context).into_iter().collect(),
            FeederChoice::All if feeders.list.is_empty() && !context.damage.any() => {
                context
                    .findings
                    .add(place.clone(), "this site has no power tree")
                    .hint("add a [[feeder]] for each node");
                Vec::new()
            }
            FeederChoice::All => (0..feeders.list.len()).collect::<Vec<_>>(),
        };
        for one in places {
            if chosen.contains(&Some(one)) {
                let message = format!("`{}` is named twice", feeders.list[one].name);
                context.findings.add(place.clone(), message).hint("name each once");
            } else {
                chosen.push(Some(one));
            }
        }
    }
    chosen
}

/// The points of a feeder, each with the roles by which packs know it: its own, its meter's, those that are worked out for it.
pub(super) fn points_of(
    (feeder, others): (&Feeder, &[PointId]),
    points: &Points<'_>,
) -> BTreeMap<usize, Vec<String>> {
    let mut roles: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    let mut know = |point: PointId, role: &str| {
        let known = roles.entry(point.index()).or_default();
        if !known.iter().any(|one| one == role) {
            known.push(role.to_owned());
        }
    };
    for (role, point) in feeder.named() {
        know(point, role);
        if role == "power" && feeder.role == Some(FeederRole::Production) {
            know(point, PRODUCTION_POWER);
        }
    }
    for point in others.iter().chain(feeder.figures.values()) {
        if let Some(role) = &points.list[point.index()].role {
            know(*point, role);
        }
    }
    roles
}

/// The key of a feeder by which it says a set-point, if it can.
pub(super) fn says(feeder: &Feeder, setpoint: &str) -> Option<&'static str> {
    match setpoint {
        PRODUCTION_POWER if feeder.role == Some(FeederRole::Production) => Some("running"),
        "rated_power" => Some("rated_power"),
        _ => None,
    }
}

/// A set-point that the feeder itself says.
pub(super) fn setpoint(feeder: &Feeder, name: &str) -> Option<f64> {
    match says(feeder, name)? {
        "running" => feeder.running,
        _ => feeder.rated_power,
    }
}
