//! A serial port as a way to devices. It is opened once and kept: a question without an answer does not close it, as opening
//! lifts control lines that some converters take their power or their direction from. A port that vanished, such as a
//! pulled USB adapter, breaks and is looked for again; how often is the caller's to say.

use std::io;
use std::sync::{Mutex, PoisonError};

use tokio::task::spawn_blocking;
use tokio_serial::{DataBits, ErrorKind, FlowControl, SerialStream, StopBits};

use super::dial::{Dial, Pace};
use super::lasting::Lasting;
use crate::model::Text;
use crate::site::{Parity, SerialLine};
use crate::words;

/// A serial line.
#[derive(Debug)]
pub(super) struct Serial {
    line: SerialLine,
    open: Mutex<Option<Lasting<SerialStream>>>,
}

impl Serial {
    /// The line, not open yet.
    pub(super) fn new(line: SerialLine) -> Self {
        Self { line, open: Mutex::default() }
    }

    fn lent(&self) -> Option<Lasting<SerialStream>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        // A broken port is closed before it is opened again: it is opened for one user at a time.
        if open.as_ref().is_some_and(Lasting::is_broken) {
            *open = None;
        }
        open.clone()
    }
}

impl Dial for Serial {
    type Stream = Lasting<SerialStream>;

    async fn dial(&self) -> io::Result<Self::Stream> {
        if let Some(stream) = self.lent() {
            return Ok(stream);
        }
        let line = self.line.clone();
        let handle = tokio::runtime::Handle::current();
        // Some drivers take their time to open.
        let stream = spawn_blocking(move || {
            let _runtime = handle.enter();
            open(&line)
        });
        let lasting = Lasting::new(stream.await??);
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = Some(lasting.clone());
        Ok(lasting)
    }

    fn address(&self) -> &str {
        &self.line.port
    }

    fn pace(&self) -> Pace {
        Pace { silence: self.line.silence(), character: self.line.character(), lasting: true }
    }
}

fn open(line: &SerialLine) -> io::Result<SerialStream> {
    let settings = tokio_serial::new(&line.port, line.baud)
        .data_bits(DataBits::Eight)
        .flow_control(FlowControl::None)
        .parity(match line.parity {
            Parity::None => tokio_serial::Parity::None,
            Parity::Even => tokio_serial::Parity::Even,
            Parity::Odd => tokio_serial::Parity::Odd,
        })
        .stop_bits(if line.stop_bits == 2 { StopBits::Two } else { StopBits::One });
    SerialStream::open(&settings).map_err(|error| refusal(&error))
}

fn refusal(error: &tokio_serial::Error) -> io::Error {
    let why = match error.kind() {
        ErrorKind::Io(io::ErrorKind::NotFound) => Text::new("串口不存在", "there is no such port"),
        ErrorKind::Io(io::ErrorKind::PermissionDenied) => {
            Text::new("没有串口的访问权限", "no permission to use the port")
        }
        ErrorKind::NoDevice => {
            Text::new("串口不存在或已被占用", "there is no such port, or another program uses it")
        }
        _ => Text::new("无法打开串口", "the port can't be opened").because(&Text::same(error.to_string())),
    };
    words::own_error(why)
}
