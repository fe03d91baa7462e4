//! Transaction ids that go on from one connection to the next. The Modbus client begins anew with each connection, so that
//! a gateway which mixes its clients up could answer a fresh question with what an earlier connection was owed; here each
//! connection has numbers of its own.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU16, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes of a transaction id.
const ID_LEN: usize = 2;
/// Bytes of the longest Modbus frame; more are written in pieces.
const QUESTION_BYTES_MAX: usize = 260;

/// The number of a connection that is opened now; each of 65,536 in a row has another.
pub(super) fn next_connection() -> u16 {
    static CONNECTIONS: AtomicU16 = AtomicU16::new(0);
    CONNECTIONS.fetch_add(1, Ordering::Relaxed)
}

/// A stream on which the first two bytes of each question and of its answer are shifted by the connection's number. One
/// question is open at a time: whatever is written after something was read begins a question.
#[derive(Debug)]
pub(super) struct Ids<S> {
    stream: S,
    mask: [u8; ID_LEN],
    /// Bytes of the present question.
    written: usize,
    /// Bytes heard since it began.
    read: usize,
}

impl<S> Ids<S> {
    /// The ids of connection number `connection`; 0 leaves them as they are.
    pub(super) const fn new(stream: S, connection: u16) -> Self {
        // An odd factor: no two of 65,536 connections have the same ids, and neighbours are far apart.
        let mask = connection.wrapping_mul(0x9E37).to_be_bytes();
        Self { stream, mask, written: 0, read: 0 }
    }
}

/// Shifts those of `bytes`, which stand at `from` in a frame, that belong to its id.
fn shift(bytes: &mut [u8], from: usize, mask: [u8; ID_LEN]) {
    for (byte, mask) in bytes.iter_mut().zip(mask.into_iter().skip(from)) {
        *byte ^= mask;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Ids<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let heard = &mut buffer.filled_mut()[before..];
        shift(heard, self.read, self.mask);
        self.read += heard.len();
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Ids<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.read > 0 {
            (self.written, self.read) = (0, 0);
        }
        // In one piece with what follows: there are devices that don't put a question together again.
        let mut question = [0; QUESTION_BYTES_MAX];
        let length = bytes.len().min(QUESTION_BYTES_MAX);
        question[..length].copy_from_slice(&bytes[..length]);
        let (from, mask) = (self.written, self.mask);
        shift(&mut question[..length], from, mask);
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &question[..length]))?;
        self.written += written;
        Poll::Ready(Ok(written))
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

    /// Asks with id 0 and hears the far end's echo, which comes byte by byte; says what the far end saw.
    async fn talk(connection: u16) -> (Vec<[u8; 4]>, Vec<[u8; 4]>) {
        let (near, mut far) = tokio::io::duplex(64);
        let mut near = Ids::new(near, connection);
        let (mut seen, mut heard) = (Vec::new(), Vec::new());
        for n in 0..3 {
            near.write_all(&[0, n, 7, 8]).await.unwrap();
            let mut question = [0; 4];
            far.read_exact(&mut question).await.unwrap();
            seen.push(question);
            let mut answer = [0; 4];
            for at in 0..4 {
                far.write_all(&question[at..=at]).await.unwrap();
                near.read_exact(&mut answer[at..=at]).await.unwrap();
            }
            heard.push(answer);
        }
        (seen, heard)
    }

    #[tokio::test]
    async fn p2_each_connection_has_ids_of_its_own_and_its_client_sees_none_of_it() {
        let plain = vec![[0, 0, 7, 8], [0, 1, 7, 8], [0, 2, 7, 8]];
        assert_eq!(talk(0).await, (plain.clone(), plain.clone()));
        let (mut ids, connections) = (std::collections::BTreeSet::new(), 100);
        for connection in 0..connections {
            let (seen, heard) = talk(connection).await;
            assert_eq!(heard, plain);
            assert!(seen.iter().all(|question| question[2..] == [7, 8]));
            ids.extend(seen);
        }
        assert_eq!(ids.len(), 3 * usize::from(connections));
    }
}
