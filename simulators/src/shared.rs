//! The simulation as tasks share it: one lock, held briefly and never across a wait, and the register images that are
//! brought up to date whenever the plant has changed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;

use crate::error::FaultError;
use crate::fault::{DeviceFault, FaultCommand};
use crate::limits;
use crate::plant::Plant;
use crate::server::Link;
use crate::simulation::Simulation;
use crate::story::StoryLine;

/// What the ticker, the publishers and the caller share.
#[derive(Debug)]
pub(crate) struct Shared {
    simulation: Mutex<Simulation>,
    links: Vec<Arc<Link>>,
    journal: broadcast::Sender<StoryLine>,
}

impl Shared {
    /// Shares a simulation and its links, whose registers hold the plant from now on.
    pub(crate) fn new(simulation: Simulation, links: Vec<Arc<Link>>) -> Self {
        let journal = broadcast::Sender::new(limits::JOURNAL_LEN_MAX);
        let shared = Self { simulation: Mutex::new(simulation), links, journal };
        shared.with_plant(|plant| shared.show(plant, []));
        shared
    }

    pub(crate) fn links(&self) -> &[Arc<Link>] {
        &self.links
    }

    /// What happens from now on.
    pub(crate) fn journal(&self) -> broadcast::Receiver<StoryLine> {
        self.journal.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Simulation> {
        self.simulation.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the plant; must be quick, as nobody else can meanwhile.
    pub(crate) fn with_plant<T>(&self, look: impl FnOnce(&Plant) -> T) -> T {
        look(self.lock().plant())
    }

    /// The fault that stands in a device.
    pub(crate) fn device_fault(&self, device: &str) -> Option<DeviceFault> {
        self.with_plant(|plant| plant.device_fault(device))
    }

    /// Moves the plant on.
    pub(crate) fn advance(&self, dt_s: f64) {
        let mut simulation = self.lock();
        let lines = simulation.advance(dt_s);
        self.show(simulation.plant(), lines);
    }

    /// Lets a fault begin or end.
    pub(crate) fn inject(&self, command: &FaultCommand) -> Result<(), FaultError> {
        let mut simulation = self.lock();
        let line = simulation.inject(command)?;
        self.show(simulation.plant(), [line]);
        Ok(())
    }

    /// Brings every register up to date, then tells what happened: whoever hears of it can already read it.
    fn show(&self, plant: &Plant, lines: impl IntoIterator<Item = StoryLine>) {
        self.links.iter().for_each(|link| link.refresh(plant));
        for line in lines {
            // Nobody need listen.
            self.journal.send(line).ok();
        }
    }
}
