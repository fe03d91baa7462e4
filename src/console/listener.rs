//! Connections with a bound and a deadline: at most so many at once, and none that holds its place while nothing
//! moves on it. That covers idle browsers, requests that never end, and viewers who stop reading their stream.

use std::future::Future;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};

use crate::model::limits::{CONSOLE_CONNECTIONS_MAX, CONSOLE_IDLE_MAX};

/// A listener that accepts only while there is a place free; further clients wait in the system's queue.
pub(super) struct Bounded {
    listener: TcpListener,
    places: Arc<Semaphore>,
}

impl Bounded {
    pub(super) fn new(listener: TcpListener) -> Self {
        Self { listener, places: Arc::new(Semaphore::new(CONSOLE_CONNECTIONS_MAX)) }
    }
}

impl Listener for Bounded {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let place = Arc::clone(&self.places).acquire_owned().await.expect("the semaphore is never closed");
        let (stream, peer) = Listener::accept(&mut self.listener).await;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a console connection without TCP_NODELAY");
        }
        (Connection { stream, idle: Box::pin(sleep(CONSOLE_IDLE_MAX)), _place: place }, peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// One connection and its place among those allowed.
pub(super) struct Connection {
    stream: TcpStream,
    idle: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    /// Passes on what the stream said: progress starts the wait anew, waiting for too long is an error.
    /// One task reads and writes, so one timer serves both.
    fn watch<T>(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.idle.set(sleep(CONSOLE_IDLE_MAX));
            return polled;
        }
        ready!(self.idle.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.watch(cx, polled)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.watch(cx, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.watch(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
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
    use tokio::time::timeout;

    use super::*;

    async fn bounded(places: usize) -> (Bounded, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        (Bounded { listener, places: Arc::new(Semaphore::new(places)) }, address)
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_client_loses_its_place() {
        let (mut bounded, address) = bounded(1).await;
        let _client = TcpStream::connect(address).await.expect("a connection");
        let (mut connection, _) = bounded.accept().await;
        let read = timeout(CONSOLE_IDLE_MAX * 2, connection.read_u8()).await.expect("given up by itself");
        assert_eq!(read.expect_err("nothing was sent").kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_viewer_who_stops_reading_loses_its_place() {
        let (mut bounded, address) = bounded(1).await;
        let _client = TcpStream::connect(address).await.expect("a connection");
        let (mut connection, _) = bounded.accept().await;
        let endless = async { while connection.write_all(&[0; 8192]).await.is_ok() {} };
        timeout(CONSOLE_IDLE_MAX * 100, endless).await.expect("given up by itself");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_over_the_bound_waits_for_a_place() {
        let (mut bounded, address) = bounded(1).await;
        let _clients = [TcpStream::connect(address).await, TcpStream::connect(address).await];
        let first = bounded.accept().await;
        assert!(timeout(CONSOLE_IDLE_MAX / 2, bounded.accept()).await.is_err(), "no place is free");
        drop(first);
        bounded.accept().await;
    }
}
