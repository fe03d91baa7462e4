//! The second stage: holds the raw tables against each other and turns them into a [`Site`]. It never stops at the first
//! mistake: whatever is wrong is noted and replaced by something harmless, so that one mistake does not hide
//! or cause others; a site with findings is thrown away by the caller.

mod devices;
mod forward;
mod hazards;
mod limits;
mod links;
mod names;
mod packs;
mod points;
mod registers;
mod rules;
mod services;

use super::load::Gathered;
use super::model::Site;
use super::secrets::Vault;
use super::source::Findings;

/// What every check needs.
struct Context<'a> {
    vault: &'a Vault<'a>,
    findings: &'a mut Findings,
}

/// The site that `gathered` describes. It is only to be used if there are no findings.
pub(super) fn check(gathered: &Gathered, vault: &Vault<'_>, hash: String, findings: &mut Findings) -> Site {
    let mut context = Context { vault, findings };
    let context = &mut context;
    let hazards = hazards::check(gathered, context);
    let (mut devices, links) = devices::check(gathered, &hazards, context);
    let points = points::check(gathered, &hazards, &mut devices, context);
    let forwarders = forward::check(gathered, context);
    let rules = rules::check(gathered, &hazards, &devices, &points, &forwarders, context);
    let services = services::check(gathered, context);
    Site {
        identity: services.identity,
        hash,
        hazards: hazards.list,
        devices: devices.list,
        links,
        points: points.list,
        rules,
        forwarders: forwarders.list,
        store: services.store,
        console: services.console,
        broker: services.broker,
    }
}
