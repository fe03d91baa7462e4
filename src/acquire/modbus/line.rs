//! A connection on which a question is never asked into the middle of somebody else's answer: what has
//! arrived unasked is thrown away before the first byte of each question is written. A duplicate or a late
//! answer that is already there can thus not be taken for the answer to come.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::time::{Instant, timeout_at};

use crate::model::Text;
use crate::model::limits::LINE_STRAY_BYTES_MAX;
use crate::words;

/// A stream with that property. The end of the stream is an error on it, as an answer can no longer come.
#[derive(Debug)]
pub(super) struct Line<S> {
    stream: S,
    /// Whether the present question has begun, so that what comes now may be its answer.
    asking: bool,
    /// Set once a byte of a question is on its way.
    spoken: Arc<AtomicBool>,
    /// Set once a byte has come that may be of its answer.
    heard: Arc<AtomicBool>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Line<S> {
    /// A line over `stream`.
    pub(super) fn new(stream: S) -> Self {
        Self { stream, asking: false, spoken: Arc::default(), heard: Arc::default() }
    }

    /// Whether a byte of a question went out since this was last set to false. What is refused before the first byte, as the
    /// stream had ended, has not been asked.
    pub(super) fn spoken(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.spoken)
    }

    /// Whether a byte came that may be of an answer since this was last set to false.
    pub(super) fn heard(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.heard)
    }

    /// Listens until `until` and throws away what comes: for the answer to a question that was given up.
    pub(super) async fn settle(&mut self, until: Instant) -> io::Result<()> {
        let mut stray = [0; 256];
        let mut total = 0;
        while let Ok(read) = timeout_at(until, self.stream.read(&mut stray)).await {
            total = strays(total, read?)?;
        }
        Ok(())
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let mut stray = [0; 256];
        let mut total = 0;
        loop {
            let mut buffer = ReadBuf::new(&mut stray);
            match Pin::new(&mut self.stream).poll_read(cx, &mut buffer) {
                Poll::Pending => return Ok(()),
                Poll::Ready(read) => read?,
            }
            total = strays(total, buffer.filled().len())?;
        }
    }
}

/// Counts bytes that nobody asked for.
fn strays(total: usize, read: usize) -> io::Result<usize> {
    match total + read {
        _ if read == 0 => Err(closed()),
        total if total > LINE_STRAY_BYTES_MAX => Err(words::own_error(unasked())),
        total => Ok(total),
    }
}

fn unasked() -> Text {
    Text::new("未经询问持续发送数据", "talks without being asked")
}

fn closed() -> io::Error {
    io::ErrorKind::UnexpectedEof.into()
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Line<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if buffer.filled().len() == before {
            return Poll::Ready(Err(closed()));
        }
        self.asking = false;
        self.heard.store(true, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Line<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if !self.asking {
            self.poll_drain(cx)?;
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes));
        self.asking = true;
        self.spoken.fetch_or(written.is_ok(), Ordering::Relaxed);
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn p2_what_came_unasked_is_gone_before_the_question_is_written() {
        let (near, mut far) = tokio::io::duplex(1024);
        let mut line = Line::new(near);
        far.write_all(b"late").await.unwrap();
        line.write_all(b"question").await.unwrap();
        far.write_all(b"answer").await.unwrap();
        let mut heard = [0; 64];
        let n = line.read(&mut heard).await.unwrap();
        assert_eq!(&heard[..n], b"answer");
    }

    #[tokio::test]
    async fn a_line_that_never_stops_talking_is_given_up() {
        let (near, mut far) = tokio::io::duplex(LINE_STRAY_BYTES_MAX * 2);
        far.write_all(&vec![0; LINE_STRAY_BYTES_MAX + 1]).await.unwrap();
        let error = Line::new(near).write_all(b"question").await.unwrap_err();
        assert_eq!(words::io_error(&error), unasked());
    }

    #[tokio::test]
    async fn the_end_of_the_stream_is_an_error() {
        let (near, far) = tokio::io::duplex(64);
        drop(far);
        let mut line = Line::new(near);
        assert_eq!(line.read(&mut [0; 4]).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert!(line.write_all(b"question").await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn settling_swallows_what_comes_until_its_time_is_over() {
        let (near, mut far) = tokio::io::duplex(64);
        let mut line = Line::new(near);
        let until =
            crate::clock::Clock::start().instant(crate::model::Mono::ZERO + Duration::from_millis(500));
        let late = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(300)).await;
            far.write_all(b"late").await.unwrap();
            far
        });
        line.settle(until).await.unwrap();
        let mut far = late.await.unwrap();
        far.write_all(b"answer").await.unwrap();
        let mut heard = [0; 64];
        let n = line.read(&mut heard).await.unwrap();
        assert_eq!(&heard[..n], b"answer");
    }
}
