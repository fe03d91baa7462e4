//! A stream that outlives the sessions on it. Where nobody can be dialled anew at will, because the stream is a serial port or
//! because the device is the one that dials, a failed question must not cost the connection: its neighbours on the line
//! would pay. The stream is lent out until it breaks.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream on loan. Clones are the same stream; only one is used at a time.
#[derive(Debug)]
pub(super) struct Lasting<S>(Arc<Mutex<Held<S>>>);

#[derive(Debug)]
struct Held<S> {
    stream: S,
    broken: bool,
}

impl<S> Clone for Lasting<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> Lasting<S> {
    /// `stream`, to be lent out.
    pub(super) fn new(stream: S) -> Self {
        Self(Arc::new(Mutex::new(Held { stream, broken: false })))
    }

    /// What `look` finds out about the stream.
    pub(super) fn with<T>(&self, look: impl FnOnce(&mut S) -> T) -> T {
        look(&mut self.held().stream)
    }

    /// It is of no more use.
    pub(super) fn give_up(&self) {
        self.held().broken = true;
    }

    /// Whether it has ended or failed: it is of no more use.
    pub(super) fn is_broken(&self) -> bool {
        self.held().broken
    }

    fn held(&self) -> MutexGuard<'_, Held<S>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Held<S> {
    fn note<T>(&mut self, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.broken |= matches!(result, Poll::Ready(Err(_)));
        result
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lasting<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut held = self.held();
        let before = buffer.filled().len();
        let read = Pin::new(&mut held.stream).poll_read(cx, buffer);
        let ended = matches!(read, Poll::Ready(Ok(()))) && buffer.filled().len() == before;
        held.broken |= ended && buffer.remaining() > 0;
        held.note(read)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Lasting<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut held = self.held();
        let written = Pin::new(&mut held.stream).poll_write(cx, bytes);
        held.note(written)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut held = self.held();
        let flushed = Pin::new(&mut held.stream).poll_flush(cx);
        held.note(flushed)
    }

    /// The session ends, the stream does not.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn a_session_that_ends_leaves_the_stream_to_the_next() {
        let (near, mut far) = tokio::io::duplex(64);
        let lasting = Lasting::new(near);
        let mut first = lasting.clone();
        first.shutdown().await.unwrap();
        drop(first);
        let mut second = lasting.clone();
        second.write_all(b"question").await.unwrap();
        let mut heard = [0; 8];
        far.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"question");
        assert!(!lasting.is_broken());
    }

    #[tokio::test]
    async fn a_stream_that_ended_is_broken_for_good() {
        let (near, far) = tokio::io::duplex(64);
        let lasting = Lasting::new(near);
        drop(far);
        assert_eq!(lasting.clone().read(&mut [0; 8]).await.unwrap(), 0);
        assert!(lasting.is_broken());
    }
}
