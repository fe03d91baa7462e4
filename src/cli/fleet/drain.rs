//! Whether a fleet's centre has acknowledged what it was told: each gateway's own cursor says it.

use std::time::Duration;

use anyhow::Context as _;
use hazgate::store::Archive;

use super::site::Plan;

/// Entries of one kind.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Count {
    /// That the disks hold.
    pub(super) kept: u64,
    /// That the centre has not acknowledged.
    pub(super) owed: u64,
}

/// What the gateways keep, and what the centre has not acknowledged.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Owed {
    pub(super) events: Count,
    pub(super) rows: Count,
    /// Gateways that are owed an acknowledgement of an event.
    pub(super) behind: u64,
}

impl Owed {
    /// Of all gateways.
    pub(super) fn of_all(plan: &Plan) -> anyhow::Result<Self> {
        let mut all = Self::default();
        for name in plan.names().iter().filter(|name| plan.data(name).join("hazgate.db").exists()) {
            all.add(&Self::of(plan, name)?);
        }
        Ok(all)
    }

    fn of(plan: &Plan, name: &str) -> anyhow::Result<Self> {
        let summary = Archive::open(&plan.data(name))
            .and_then(|mut archive| archive.summary())
            .with_context(|| format!("the database of {name} cannot be read"))?;
        let mut owed = Self::default();
        owed.events.kept = summary.events.count;
        owed.rows.kept = summary.telemetry.count;
        for destination in &summary.destinations {
            owed.events.owed += destination.events.count;
            owed.rows.owed += destination.telemetry.count;
        }
        owed.behind = u64::from(owed.events.owed > 0);
        Ok(owed)
    }

    fn add(&mut self, other: &Self) {
        for (all, one) in [(&mut self.events, other.events), (&mut self.rows, other.rows)] {
            all.kept += one.kept;
            all.owed += one.owed;
        }
        self.behind += other.behind;
    }
}

/// Waits until the centre has acknowledged every event of every gateway; false if it has not in time.
pub(super) async fn wait(plan: &Plan, patience: Duration, look_every: Duration) -> anyhow::Result<bool> {
    let looking = async {
        loop {
            tokio::time::sleep(look_every).await;
            if Owed::of_all(plan)?.events.owed == 0 {
                return Ok(true);
            }
        }
    };
    tokio::time::timeout(patience, looking).await.unwrap_or(Ok(false))
}
