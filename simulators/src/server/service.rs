//! The answer to one request: reads are served, and writes of what may be written; all else is refused, and a faulty device
//! does as its fault says.

use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio_modbus::server::Service;
use tokio_modbus::{ExceptionCode, Request, Response, SlaveRequest};

use super::{Link, Unit};
use crate::bench::Table;
use crate::fault::DeviceFault;
use crate::limits;

/// Answers the requests of one connection.
pub(super) struct Answerer {
    link: Arc<Link>,
}

impl Answerer {
    pub(super) fn new(link: Arc<Link>) -> Self {
        Self { link }
    }
}

/// A response, an exception, or silence.
type Answer = Result<Option<Response>, ExceptionCode>;

impl Service for Answerer {
    type Request = SlaveRequest<'static>;
    type Response = Option<Response>;
    type Exception = ExceptionCode;
    type Future = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn call(&self, SlaveRequest { slave, request }: Self::Request) -> Self::Future {
        let link = Arc::clone(&self.link);
        Box::pin(async move {
            let wait = match link.units.get(&slave).and_then(Unit::fault) {
                Some(DeviceFault::Slow(delay)) => delay,
                _ => Duration::ZERO,
            };
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            link.answer(slave, &request)
        })
    }
}

impl Link {
    fn answer(&self, slave: u8, request: &Request<'_>) -> Answer {
        let Some(unit) = self.units.get(&slave) else { return self.absent() };
        match unit.fault() {
            Some(DeviceFault::Dead) => Ok(None),
            Some(DeviceFault::Refuse) => self.absent(),
            Some(DeviceFault::Exception) => Err(ExceptionCode::ServerDeviceFailure),
            Some(DeviceFault::Slow(_)) | None => unit.answer(request).map(Some),
        }
    }

    /// What is heard of a unit that is not there: a gateway says so, a bus is silent.
    fn absent(&self) -> Answer {
        if self.has_gateway { Err(ExceptionCode::GatewayTargetDevice) } else { Ok(None) }
    }
}

impl Unit {
    fn answer(&self, request: &Request<'_>) -> Result<Response, ExceptionCode> {
        Ok(match *request {
            Request::ReadCoils(start, count) => Response::ReadCoils(self.bits(Table::Coil, start, count)?),
            Request::ReadDiscreteInputs(start, count) => {
                Response::ReadDiscreteInputs(self.bits(Table::Discrete, start, count)?)
            }
            Request::ReadHoldingRegisters(start, count) => {
                Response::ReadHoldingRegisters(self.registers(Table::Holding, start, count)?)
            }
            Request::ReadInputRegisters(start, count) => {
                Response::ReadInputRegisters(self.registers(Table::Input, start, count)?)
            }
            Request::WriteSingleCoil(at, on) => {
                self.write(Table::Coil, at, &[u16::from(on)])?;
                Response::WriteSingleCoil(at, on)
            }
            Request::WriteMultipleCoils(at, ref bits) => {
                let words: Vec<u16> = bits.iter().copied().map(u16::from).collect();
                Response::WriteMultipleCoils(at, self.write(Table::Coil, at, &words)?)
            }
            Request::WriteSingleRegister(at, word) => {
                self.write(Table::Holding, at, &[word])?;
                Response::WriteSingleRegister(at, word)
            }
            Request::WriteMultipleRegisters(at, ref words) => {
                Response::WriteMultipleRegisters(at, self.write(Table::Holding, at, words)?)
            }
            _ => return Err(ExceptionCode::IllegalFunction),
        })
    }

    /// Writes, and says how many. A device without outputs knows no such function.
    fn write(&self, table: Table, start: u16, words: &[u16]) -> Result<u16, ExceptionCode> {
        let mut image = self.image.write().unwrap_or_else(PoisonError::into_inner);
        if !image.has_outputs() {
            return Err(ExceptionCode::IllegalFunction);
        }
        if image.write(table, start, words) {
            Ok(words.len() as u16)
        } else {
            Err(ExceptionCode::IllegalDataAddress)
        }
    }

    fn bits(&self, table: Table, start: u16, count: u16) -> Result<Vec<bool>, ExceptionCode> {
        check_count(count, limits::READ_BITS_MAX)?;
        let image = self.image.read().unwrap_or_else(PoisonError::into_inner);
        image.bits(table, start, count).map(<[bool]>::to_vec).ok_or(ExceptionCode::IllegalDataAddress)
    }

    fn registers(&self, table: Table, start: u16, count: u16) -> Result<Vec<u16>, ExceptionCode> {
        check_count(count, limits::READ_REGISTERS_MAX)?;
        let image = self.image.read().unwrap_or_else(PoisonError::into_inner);
        image.registers(table, start, count).map(<[u16]>::to_vec).ok_or(ExceptionCode::IllegalDataAddress)
    }
}

fn check_count(count: u16, max: u16) -> Result<(), ExceptionCode> {
    if (1..=max).contains(&count) { Ok(()) } else { Err(ExceptionCode::IllegalDataValue) }
}
