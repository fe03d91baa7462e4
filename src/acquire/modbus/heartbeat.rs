//! A connection without what the far end says unasked. A device that dialled in says its heartbeat whenever it likes, also between a
//! question and its answer, where it would pass for the beginning of a broken one.
//!
//! A heartbeat is known by its place: it stands before an answer, never in the midst of one. So from each question on what comes is
//! held against the known packets until something else comes, and that and all after it is passed on as it is. The check of
//! the site file sees to it that no answer begins as a heartbeat does.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::site::Packet;

/// Bytes that are read at once.
const CHUNK: usize = 256;

/// A stream that keeps `packets` to itself.
#[derive(Debug)]
pub(super) struct Heartbeats<S> {
    stream: S,
    packets: Arc<[Packet]>,
    /// What has come and is not judged yet, or not passed on yet.
    held: Vec<u8>,
    /// Whether something else than a packet has come since the last question.
    answering: bool,
}

/// What the bytes at hand are.
enum Judged {
    /// They begin with a packet of so many bytes.
    Packet(usize),
    /// Too few to tell.
    Open,
    /// Something else.
    Other,
}

impl<S> Heartbeats<S> {
    /// `stream`, of which `held` has been read already.
    pub(super) fn new(stream: S, packets: Arc<[Packet]>, held: Vec<u8>) -> Self {
        Self { stream, packets, held, answering: false }
    }

    /// The stream itself.
    pub(super) fn stream(&self) -> &S {
        &self.stream
    }

    fn judge(&self) -> Judged {
        if self.answering && !self.held.is_empty() {
            return Judged::Other;
        }
        let whole = self.packets.iter().find(|packet| self.held.starts_with(&packet.0));
        if let Some(Packet(bytes)) = whole {
            return Judged::Packet(bytes.len());
        }
        let open = self.held.is_empty() || self.packets.iter().any(|packet| packet.0.starts_with(&self.held));
        if open { Judged::Open } else { Judged::Other }
    }
}

impl<S: AsyncRead + Unpin> Heartbeats<S> {
    /// Reads on. Returns how many bytes came; none at the end.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut chunk = [0; CHUNK];
        let mut more = ReadBuf::new(&mut chunk);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut more))?;
        self.held.extend_from_slice(more.filled());
        Poll::Ready(Ok(more.filled().len()))
    }

    fn pass_on(&mut self, to: &mut ReadBuf<'_>) {
        let count = self.held.len().min(to.remaining());
        to.put_slice(&self.held[..count]);
        self.held.drain(..count);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Heartbeats<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            match self.judge() {
                Judged::Packet(length) => drop(self.held.drain(..length)),
                Judged::Other => {
                    self.answering = true;
                    self.pass_on(to);
                    return Poll::Ready(Ok(()));
                }
                Judged::Open if self.answering => return Pin::new(&mut self.stream).poll_read(cx, to),
                Judged::Open => {
                    if ready!(self.poll_more(cx))? == 0 {
                        // What began as a packet is none: the end is all that is left to say.
                        self.held.clear();
                        return Poll::Ready(Ok(()));
                    }
                }
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Heartbeats<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.answering = false;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
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
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn packets(texts: &[&str]) -> Arc<[Packet]> {
        texts.iter().map(|text| Packet(text.as_bytes().to_vec())).collect()
    }

    /// What is heard of what the far end says in pieces of `size` bytes.
    async fn heard(says: &[u8], size: usize) -> Vec<u8> {
        let (near, mut far) = tokio::io::duplex(1024);
        let mut line = Heartbeats::new(near, packets(&["ping", "DTU-1"]), Vec::new());
        let mut all = Vec::new();
        for piece in says.chunks(size) {
            far.write_all(piece).await.unwrap();
            let mut some = [0; 64];
            let mut to = ReadBuf::new(&mut some);
            let read =
                std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut line).poll_read(cx, &mut to))).await;
            assert!(!matches!(read, Poll::Ready(Err(_))));
            all.extend_from_slice(to.filled());
        }
        drop(far);
        line.read_to_end(&mut all).await.unwrap();
        all
    }

    #[tokio::test]
    async fn p2_heartbeats_before_an_answer_are_not_heard_however_they_are_cut() {
        for size in 1..20 {
            assert_eq!(heard(b"pingpingDTU-1\x01\x03\x02pi", size).await, b"\x01\x03\x02pi", "{size}");
            assert_eq!(heard(b"\x01\x03ping\x02", size).await, b"\x01\x03ping\x02", "in an answer: {size}");
            assert_eq!(heard(b"pin\x01", size).await, b"pin\x01", "{size}");
            assert_eq!(heard(b"pingDTU", size).await, b"", "{size}");
        }
    }

    #[tokio::test]
    async fn each_question_begins_anew() {
        let (near, mut far) = tokio::io::duplex(64);
        let mut line = Heartbeats::new(near, packets(&["ping"]), b"pi".to_vec());
        let mut some = [0; 8];
        for answer in [b"one", b"two"] {
            line.write_all(b"?").await.unwrap();
            far.write_all(if answer == b"one" { b"ng" } else { b"ping" }).await.unwrap();
            far.write_all(answer).await.unwrap();
            line.read_exact(&mut some[..3]).await.unwrap();
            assert_eq!(&some[..3], answer);
        }
    }
}
