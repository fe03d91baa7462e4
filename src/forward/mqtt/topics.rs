//! Names on the broker: the topics under the gateway's root, and the client id.

use crate::site::Site;
use crate::store::Report;

/// The topics of one gateway.
#[derive(Debug, Clone)]
pub(super) struct Topics {
    root: String,
}

impl Topics {
    pub(super) fn new(site: &Site) -> Self {
        let identity = &site.identity;
        Self { root: format!("hazgate/v1/{}/{}", identity.enterprise, identity.gateway) }
    }

    pub(super) fn status(&self) -> String {
        format!("{}/status", self.root)
    }

    pub(super) fn event(&self) -> String {
        format!("{}/alarm/event", self.root)
    }

    pub(super) fn current(&self, alarm: &str) -> String {
        format!("{}/alarm/current/{alarm}", self.root)
    }

    pub(super) fn risk(&self) -> String {
        format!("{}/risk", self.root)
    }

    pub(super) fn device(&self, device: &str) -> String {
        format!("{}/device/{device}", self.root)
    }

    pub(super) fn output(&self, output: &str) -> String {
        format!("{}/output/{output}", self.root)
    }

    pub(super) fn data(&self, device: &str) -> String {
        format!("{}/data/{device}", self.root)
    }

    pub(super) fn report(&self, report: &Report) -> String {
        format!("{}/report/{}/{}/{}", self.root, report.kind, report.day, report.subject)
    }

    pub(super) fn command(&self) -> String {
        format!("{}/cmd", self.root)
    }

    pub(super) fn reply(&self) -> String {
        format!("{}/cmd/reply", self.root)
    }
}

/// The client id: the same in every run, so that the broker keeps commands for us while we are away.
pub(super) fn client_id(site: &Site, forwarder: &str) -> String {
    format!("hazgate-{}-{}-{forwarder}", site.identity.enterprise, site.identity.gateway)
}
