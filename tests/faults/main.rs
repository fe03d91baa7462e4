//! Every fault of the fault proxy against every Modbus transport, through the gateway's own acquisition and engine: the
//! quality that the table promises while the fault holds, never a wrong or an old value, full recovery after it, and
//! neighbours that notice nothing.

mod book;
mod cell;
mod device;
mod gateway;
mod matrix;
mod tls;
mod transport;
