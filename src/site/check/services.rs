//! `[site]`, `[store]`, `[console]`, `[broker]`, `version`.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::Context;
use crate::model::Text;
use crate::site::load::Gathered;
use crate::site::model::{BrokerOptions, ConsoleOptions, Identity, StoreOptions};
use crate::site::raw::RawIdentity;
use crate::site::source::Spot;

/// The checked services.
pub(super) struct Services {
    pub(super) identity: Identity,
    pub(super) store: StoreOptions,
    pub(super) console: Option<ConsoleOptions>,
    pub(super) broker: Option<BrokerOptions>,
}

pub(super) fn check(gathered: &Gathered, context: &mut Context<'_>) -> Option<Services> {
    let raw = gathered.services.as_ref()?;
    let version = gathered.parts.first().and_then(|part| part.raw.version);
    debug_assert!(version.is_none_or(|version| version == 1), "the structural pass knows one version");
    let console = raw.console.enabled.then_some(ConsoleOptions { listen: raw.console.listen.0 });
    let broker = raw.broker.as_ref().map(|broker| BrokerOptions { listen: broker.listen.0 });
    if let (Some(console), Some(broker)) = (&console, &broker)
        && console.listen == broker.listen
        && console.listen.port() != 0
    {
        let place = Spot::table(gathered.main, "broker").key("listen");
        context.findings.add(place, format!("console and broker both listen on {}", broker.listen));
    }
    let directory = match context.vault.base {
        Some(base) => base.join(&raw.store.directory),
        None => raw.store.directory.clone().into(),
    };
    if raw.store.directory.is_empty() {
        context
            .findings
            .add(Spot::table(gathered.main, "store").key("directory"), "the directory has no name");
    }
    let store = StoreOptions {
        directory,
        telemetry_bytes_max: raw.store.telemetry_mb_max * 1024 * 1024,
        telemetry_age_max: raw.store.telemetry_days_max.map(|days| Duration::from_secs(days * 24 * 60 * 60)),
    };
    Some(Services { identity: identity(raw.site.as_ref()), store, console, broker })
}

fn identity(raw: Option<&RawIdentity>) -> Identity {
    match raw {
        Some(raw) => Identity {
            enterprise: raw.enterprise.0.clone(),
            gateway: raw.gateway.0.clone(),
            name: raw.name.clone().into(),
            zone: raw.timezone.0.clone(),
        },
        // The structural pass has refused a file without `[site]`.
        None => Identity {
            enterprise: String::new(),
            gateway: String::new(),
            name: Text::default(),
            zone: TimeZone::UTC,
        },
    }
}
