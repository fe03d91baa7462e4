//! Modbus servers: one listener, or one serial port, for each link, the units behind it, and the faults that keep them from answering.

pub(crate) mod line;
mod plug;
mod service;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_modbus::server::{rtu_over_tcp, tcp};
use tokio_util::sync::CancellationToken;

use crate::bench::{Framing, LinkSpec, UnitSpec};
use crate::error::BenchError;
use crate::fault::DeviceFault;
use crate::image::Image;
use crate::limits;
use crate::plant::Plant;
use plug::Plug;
use service::Answerer;

/// One unit as the server and the ticker share it.
#[derive(Debug)]
pub(crate) struct Unit {
    device: String,
    image: RwLock<Image>,
    fault: Mutex<Option<DeviceFault>>,
}

impl Unit {
    fn new(spec: &UnitSpec, plant: &Plant) -> Result<Self, BenchError> {
        let image = RwLock::new(Image::new(spec, plant)?);
        Ok(Self { device: spec.device.clone(), image, fault: Mutex::new(None) })
    }

    fn fault(&self) -> Option<DeviceFault> {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refresh(&self, plant: &Plant) {
        self.image.write().unwrap_or_else(PoisonError::into_inner).sample(plant);
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = plant.device_fault(&self.device);
    }
}

/// One link as the server and the ticker share it.
#[derive(Debug)]
pub(crate) struct Link {
    /// Whether a gateway stands before the units, which answers for those that are not there.
    has_gateway: bool,
    framing: Framing,
    units: BTreeMap<u8, Unit>,
    /// Cancelled while the link refuses connections; a new one takes its place when it accepts them again.
    open: Mutex<CancellationToken>,
}

impl Link {
    /// The link of a description, every unit's image empty.
    pub(crate) fn new(spec: &LinkSpec, plant: &Plant) -> Result<Self, BenchError> {
        let mut units = BTreeMap::new();
        for unit in &spec.units {
            if units.insert(unit.unit, Unit::new(unit, plant)?).is_some() {
                return Err(BenchError::UnitTwice { listen: spec.listen.clone(), unit: unit.unit });
            }
        }
        let has_gateway = spec.line.is_none() && spec.framing == Framing::Tcp;
        Ok(Self { has_gateway, framing: spec.framing, units, open: Mutex::new(CancellationToken::new()) })
    }

    /// Takes values and faults over from the plant.
    pub(crate) fn refresh(&self, plant: &Plant) {
        self.units.values().for_each(|unit| unit.refresh(plant));
        // The socket is the device's own only where no other unit is behind it.
        let refuses = self.units.values().all(|unit| unit.fault() == Some(DeviceFault::Refuse));
        self.set_refusing(refuses && !self.units.is_empty());
    }

    fn set_refusing(&self, refuses: bool) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        match (refuses, open.is_cancelled()) {
            (true, false) => open.cancel(),
            (false, true) => *open = CancellationToken::new(),
            _ => {}
        }
    }

    fn open(&self) -> CancellationToken {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Serves a link until the task is dropped or aborted, which closes its connections too.
pub(crate) async fn serve(listener: TcpListener, link: Arc<Link>) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(limits::LINK_CONNECTIONS_MAX));
    let framing = link.framing;
    let admit = move |stream: TcpStream, _from: SocketAddr| {
        let admitted = admit(stream, &link, &places);
        async move { Ok(admitted) }
    };
    let on_error = |error: io::Error| tracing::debug!(%error, "a connection ended");
    match framing {
        Framing::Tcp => tcp::Server::new(listener).serve(&admit, on_error).await,
        Framing::RtuOverTcp => rtu_over_tcp::Server::new(listener).serve(&admit, on_error).await,
    }
}

/// A service for a new connection, if the link is open and has a place left.
fn admit(stream: TcpStream, link: &Arc<Link>, places: &Arc<Semaphore>) -> Option<(Answerer, Plug)> {
    let open = link.open();
    if open.is_cancelled() {
        return None;
    }
    let place = Arc::clone(places).try_acquire_owned().ok()?;
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps its Nagle delay");
    }
    Some((Answerer::new(Arc::clone(link)), Plug::new(stream, open, place)))
}

#[cfg(test)]
mod tests;
