//! A link on a serial line: the port is opened once, and again whenever it breaks.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use tokio::time::sleep;
use tokio_modbus::server::rtu::Server;
use tokio_serial::{DataBits, FlowControl, SerialStream, StopBits};

use super::Link;
use super::service::Answerer;
use crate::bench::{LineSpec, Parity};
use crate::limits;

/// Opens the port at `path`.
pub(crate) fn open(path: &str, setting: LineSpec) -> io::Result<SerialStream> {
    let settings = tokio_serial::new(path, setting.baud)
        .data_bits(DataBits::Eight)
        .flow_control(FlowControl::None)
        .parity(match setting.parity {
            Parity::None => tokio_serial::Parity::None,
            Parity::Even => tokio_serial::Parity::Even,
            Parity::Odd => tokio_serial::Parity::Odd,
        })
        .stop_bits(if setting.stop_bits == 2 { StopBits::Two } else { StopBits::One });
    Ok(SerialStream::open(&settings)?)
}

/// Answers on the line until the task is dropped or aborted.
pub(crate) async fn serve(
    mut port: SerialStream,
    path: String,
    setting: LineSpec,
    link: Arc<Link>,
) -> Infallible {
    loop {
        let ended = Server::new(port).serve_forever(Answerer::new(Arc::clone(&link))).await;
        tracing::debug!(%path, ?ended, "the line is opened anew");
        port = loop {
            sleep(limits::LINE_RETRY).await;
            if let Ok(port) = open(&path, setting) {
                break port;
            }
        };
    }
}
