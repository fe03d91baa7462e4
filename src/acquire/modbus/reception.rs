//! Where devices dial in. One task listens at each address that links wait at; a caller says its registration packet, and its connection
//! becomes the line of the link that has that registration. A caller that is known takes the place of its earlier
//! connection: mobile networks forget connections without a word, and the device has just said that it knows of none.
//!
//! Nothing here proves who is calling. Whoever reaches the address and knows a registration is taken for the device.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use socket2::SockRef;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::dial::tune;
use super::heartbeat::Heartbeats;
use super::lasting::Lasting;
use crate::acquire::backoff::Backoff;
use crate::acquire::complaint::Complaints;
use crate::clock::Clock;
use crate::model::Text;
use crate::model::limits::{
    BACKOFF_MIN, DIAL_IN_CALLERS_MAX, DIAL_IN_PACKET_BYTES_MAX, DIAL_IN_REGISTER_MAX,
};
use crate::site::{DialIn, LinkKind, Packet, Site};
use crate::words;

/// The connection of a device that dialled in.
pub(super) type Caller = Lasting<Heartbeats<TcpStream>>;

/// One address where devices dial in. Clones are the same.
#[derive(Debug, Clone)]
pub struct Reception(Arc<Desk>);

#[derive(Debug)]
struct Desk {
    listen: SocketAddr,
    seats: Vec<Seat>,
    /// Why nobody can dial in, if nobody can.
    trouble: Mutex<Option<Text>>,
    strangers: Mutex<Complaints>,
    clock: Clock,
}

/// The place of one link.
#[derive(Debug)]
struct Seat {
    registration: Packet,
    /// What the device says unasked.
    packets: Arc<[Packet]>,
    line: watch::Sender<Option<Caller>>,
}

/// Who a caller is, as far as it has said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// The one of this seat.
    Seat(usize),
    /// It has not said enough.
    NotYet,
    /// Nobody who is expected.
    Nobody,
}

impl Reception {
    /// Every address where links of `site` wait for their devices.
    pub fn all(site: &Site, clock: Clock) -> Vec<Self> {
        let mut desks: Vec<Desk> = Vec::new();
        for link in &site.links {
            let LinkKind::ModbusDialIn(dial_in) = &link.kind else { continue };
            let seat = Seat::new(dial_in);
            match desks.iter_mut().find(|desk| desk.listen == dial_in.listen) {
                Some(desk) => desk.seats.push(seat),
                None => desks.push(Desk::new(dial_in.listen, seat, clock)),
            }
        }
        desks.into_iter().map(|desk| Self(Arc::new(desk))).collect()
    }

    /// Where it listens.
    pub fn listen(&self) -> SocketAddr {
        self.0.listen
    }

    /// Receives callers until `stop`. While the address can't be had, it is tried again and again.
    pub async fn run(self, stop: CancellationToken) {
        let (mut backoff, mut rng) = (Backoff::default(), fastrand::Rng::new());
        let serve = async {
            loop {
                match TcpListener::bind(self.0.listen).await {
                    Ok(listener) => self.receive(listener).await,
                    Err(error) => self.0.cannot_listen(&error),
                }
                sleep(backoff.next(&mut rng)).await;
            }
        };
        stop.run_until_cancelled(serve).await;
    }

    /// Receives the callers of `listener`.
    pub(super) async fn receive(&self, listener: TcpListener) {
        self.0.set_trouble(None);
        tracing::info!(address = %self.0.listen, "devices can dial in");
        let mut callers = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept(), if callers.len() < DIAL_IN_CALLERS_MAX => match accepted {
                    Ok((stream, address)) => drop(callers.spawn(self.clone().admit(stream, address))),
                    Err(error) => {
                        tracing::warn!(address = %self.0.listen, %error, "a caller can't be accepted");
                        // No files are left, perhaps: callers that are given up will free some.
                        sleep(BACKOFF_MIN).await;
                    }
                },
                Some(_) = callers.join_next() => {}
            }
        }
    }

    /// Hears who is calling, and gives it its place.
    async fn admit(self, mut stream: TcpStream, address: SocketAddr) {
        let mut said = Vec::new();
        let heard = timeout(DIAL_IN_REGISTER_MAX, self.0.hear(&mut stream, &mut said)).await;
        match heard {
            Ok(Ok(Known::Seat(seat))) => self.0.seats[seat].take(stream, said, address),
            Ok(Ok(_)) => self.0.complain(address, &said, "it is nobody's registration"),
            Ok(Err(error)) => self.0.complain(address, &said, &words::io_error(&error).en),
            Err(_) => self.0.complain(address, &said, "it did not go on"),
        }
    }

    /// The place of the device of `dial_in`, if this is where it dials in.
    pub(super) fn seat(&self, dial_in: &DialIn) -> Option<(watch::Receiver<Option<Caller>>, Self)> {
        let seat = self.0.seats.iter().find(|seat| seat.registration == dial_in.registration);
        let seat = seat.filter(|_| self.0.listen == dial_in.listen)?;
        Some((seat.line.subscribe(), self.clone()))
    }

    /// Why there is no caller.
    pub(super) fn absence(&self) -> Text {
        let trouble = self.0.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let listen = self.0.listen;
        trouble.unwrap_or_else(|| {
            Text::new(format!("未拨入 {listen}"), format!("it has not dialled in at {listen}"))
        })
    }
}

impl Desk {
    fn new(listen: SocketAddr, seat: Seat, clock: Clock) -> Self {
        let (trouble, strangers) = (Mutex::default(), Mutex::default());
        Self { listen, seats: vec![seat], trouble, strangers, clock }
    }

    /// Reads until it is known who is calling. What was read is added to `said`, without the registration.
    async fn hear(&self, stream: &mut TcpStream, said: &mut Vec<u8>) -> io::Result<Known> {
        let mut some = [0; DIAL_IN_PACKET_BYTES_MAX];
        loop {
            let read = stream.read(&mut some).await?;
            said.extend_from_slice(&some[..read]);
            match whose(self.seats.iter().map(|seat| &seat.registration), said) {
                Known::NotYet if read == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                Known::NotYet => {}
                known => {
                    if let Known::Seat(seat) = known {
                        drop(said.drain(..self.seats[seat].registration.0.len()));
                    }
                    return Ok(known);
                }
            }
        }
    }

    fn cannot_listen(&self, error: &io::Error) {
        let at = self.listen;
        let words = Text::new(format!("无法监听 {at}"), format!("the gateway can't listen on {at}"))
            .because(&words::io_error(error));
        if self.set_trouble(Some(words.clone())) {
            tracing::error!(error = words.en, "no device can dial in");
        }
    }

    /// Returns whether that is new.
    fn set_trouble(&self, words: Option<Text>) -> bool {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = *trouble != words;
        *trouble = words;
        is_new
    }

    /// Names a caller that is not taken, now and then.
    fn complain(&self, caller: SocketAddr, said: &[u8], error: &str) {
        let mut strangers = self.strangers.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(leave) = strangers.add(1, self.clock.now().mono) else { return };
        let (at, said) = (self.listen, Packet(said.to_vec()));
        tracing::warn!(%at, %caller, %said, error, total = leave.total, "a caller is not taken");
    }
}

impl Seat {
    fn new(dial_in: &DialIn) -> Self {
        let DialIn { registration, heartbeat, .. } = dial_in;
        // Some say their registration as a heartbeat as well.
        let packets = std::iter::once(registration).chain(heartbeat).cloned().collect();
        Self { registration: registration.clone(), packets, line: watch::Sender::new(None) }
    }

    fn take(&self, stream: TcpStream, said: Vec<u8>, address: SocketAddr) {
        let registration = &self.registration;
        if let Err(error) = tune(&stream) {
            tracing::warn!(%registration, caller = %address, %error, "a caller's connection can't be used");
            return;
        }
        tracing::info!(%registration, caller = %address, "a device dialled in");
        let caller = Lasting::new(Heartbeats::new(stream, Arc::clone(&self.packets), said));
        if let Some(earlier) = self.line.send_replace(Some(caller)) {
            hang_up(&earlier);
        }
    }
}

/// Ends a connection. Whoever waits for an answer on it hears that none will come.
pub(super) fn hang_up(caller: &Caller) {
    caller.give_up();
    // It may have ended by itself.
    drop(caller.with(|line| SockRef::from(line.stream()).shutdown(Shutdown::Both)));
}

/// Whose registration `said` begins with.
pub(super) fn whose<'a>(registrations: impl Iterator<Item = &'a Packet>, said: &[u8]) -> Known {
    let mut known = Known::Nobody;
    for (seat, Packet(registration)) in registrations.enumerate() {
        if said.starts_with(registration) {
            return Known::Seat(seat);
        }
        if registration.starts_with(said) {
            known = Known::NotYet;
        }
    }
    known
}
