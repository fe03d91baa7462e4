//! The second stage: holds the raw tables against each other and turns them into a [`Site`]. It never stops at the first
//! mistake: whatever is wrong is noted and replaced by something harmless, so that one mistake does not hide
//! or cause others; a site with findings is thrown away by the caller.

mod baseline;
mod calendar;
mod condition;
mod conversion;
mod derived;
mod devices;
mod echoes;
mod feeders;
mod forward;
mod functions;
mod handling;
mod hazards;
mod helpers;
mod limits;
mod links;
mod names;
mod output_values;
mod outputs;
mod packs;
mod points;
mod production;
mod publishers;
mod reach;
mod registers;
mod rules;
mod services;
mod tls;
mod units;

use super::clock_period::Shifts;
use super::load::Gathered;
use super::model::Site;
use super::repair::Damage;
use super::secrets::Vault;
use super::source::Findings;

pub use units::energy_unit;

/// What every check needs.
struct Context<'a> {
    vault: &'a Vault<'a>,
    findings: &'a mut Findings,
    /// What the first stage left out.
    damage: &'a mut Damage,
    /// Groups of alarms.
    groups: handling::Groups,
    /// When shifts begin, once the calendar has been looked at.
    shifts: Option<Shifts>,
}

/// The site that `gathered` describes. It is only to be used if there are no findings; there is none if the environment
/// does not fit over the file.
pub(super) fn check(
    gathered: &Gathered,
    vault: &Vault<'_>,
    findings: &mut Findings,
    damage: &mut Damage,
) -> Option<Site> {
    let context = &mut Context { vault, findings, damage, groups: handling::Groups::new(), shifts: None };
    let hazards = hazards::check(gathered, context);
    let (mut devices, links) = devices::check(gathered, &hazards, context);
    let mut points = points::check(gathered, &hazards, &mut devices, context);
    let calendar = calendar::check(gathered, &hazards, context);
    let (mut derived, feeders) = derived::check(gathered, &hazards, &devices, &mut points, context);
    let packs = packs::check(gathered, (&hazards, &feeders), &mut derived, &mut points, context);
    let derived = derived.belong(gathered, &mut devices, &points, context);
    let outputs = outputs::check(gathered, &hazards, &devices, context);
    outputs.need_points(&devices, context);
    let forwarders = forward::check(gathered, context);
    let made = rules::Made {
        packs: &packs,
        feeders: &feeders,
        calendar: &calendar,
        outputs: &outputs,
        forwarders: &forwarders,
    };
    let rules = rules::check(gathered, &hazards, (&devices, &links), &points, &made, context);
    let outputs = outputs.called_by(&rules, context);
    let services = services::check(gathered, context)?;
    reach::refuse_taken(&devices, &links, &services, context);
    echoes::check(&devices, &links, &forwarders, &services.identity, context);
    let alarms = handling::options(gathered, context);
    Some(Site {
        identity: services.identity,
        hash: gathered.hash.clone(),
        hazards: hazards.list,
        devices: devices.list,
        links,
        points: points.list,
        derived,
        feeders: feeders.list,
        rules: rules.list,
        left_out: rules.left_out,
        calendar,
        alarms,
        outputs,
        forwarders: forwarders.list,
        store: services.store,
        console: services.console,
        broker: services.broker,
    })
}
