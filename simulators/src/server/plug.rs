//! A connection that can be pulled: it holds one of its link's places, ends when the link refuses its clients, and
//! ends when it has been silent for too long.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Sleep, sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::limits;

pub(super) struct Plug {
    stream: TcpStream,
    pulled: Pin<Box<WaitForCancellationFutureOwned>>,
    idle: Pin<Box<Sleep>>,
    /// Given back when the connection ends.
    _place: OwnedSemaphorePermit,
}

impl Plug {
    pub(super) fn new(stream: TcpStream, open: CancellationToken, place: OwnedSemaphorePermit) -> Self {
        let idle = Box::pin(sleep(limits::CONNECTION_IDLE_MAX));
        Self { stream, pulled: Box::pin(open.cancelled_owned()), idle, _place: place }
    }

    /// Ready when the connection is over, whatever its socket says.
    fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.pulled.as_mut().poll(cx) {
            Poll::Pending => self.idle.as_mut().poll(cx),
            over @ Poll::Ready(()) => over,
        }
    }

    /// Something moved: a new spell of silence begins.
    fn rewind(&mut self) {
        self.idle.set(sleep(limits::CONNECTION_IDLE_MAX));
    }
}

impl AsyncRead for Plug {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.poll_over(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, buf));
        self.rewind();
        Poll::Ready(read)
    }
}

impl AsyncWrite for Plug {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.poll_over(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
