//! One connection to a broker, from dialling to its end, in a task of its own. It knows packets and nothing of what they are for:
//! what is not acknowledged when it ends dies here, because the outbox owns the messages.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::select;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_rustls::TlsConnector;
use tokio_util::codec::Framed;

use super::payload::Outgoing;
use super::wire::{Broken, Codec, Heard, Hello, Message, Say, Terms};
use crate::model::Text;
use crate::model::limits::{
    MQTT_ACK_WAIT_MAX, MQTT_COMMANDS_MAX, MQTT_KEEP_ALIVE, MQTT_SESSION_MAX, MQTT_WILL_DELAY, MQTT_WINDOW_MAX,
};
use crate::site::{Broker, MqttVersion};
use crate::tls::{self, TlsOptions};
use crate::words;

/// How long dialling and being let in may take.
const CONNECT_WAIT: Duration = Duration::from_secs(5);
/// Of a connection that can't be written to any more, how long its last words are listened for.
const LAST_WORDS_WAIT: Duration = Duration::from_millis(500);
/// What is heard and waits for us before the connection is left alone.
const HEARD_LEN_MAX: usize = 64;
/// What is said and waits for the connection.
const SAID_LEN_MAX: usize = MQTT_WINDOW_MAX as usize + MQTT_COMMANDS_MAX + 8;

/// Why there is no connection any more.
#[derive(Debug)]
pub(super) enum Lost {
    /// In words.
    Error(Text),
    /// The broker sent a packet too large to be taken; it would send it again.
    Oversized(usize),
    /// Another client has come under our client id.
    TakenOver(Text),
    /// The broker closed it without a word.
    Closed(Text),
}

/// How to connect.
#[derive(Debug)]
pub(super) struct Connect<'a> {
    pub(super) broker: &'a Broker,
    pub(super) version: MqttVersion,
    pub(super) client_id: String,
    /// Whether the broker should forget what it kept for us.
    pub(super) clean: bool,
    /// Whether the broker keeps anything for us while we are away.
    pub(super) is_kept: bool,
    /// What the broker says for us when we are gone.
    pub(super) will: Outgoing,
    /// Which of our connections it is.
    pub(super) session: u64,
}

/// A connection, or the attempt at one.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) address: String,
    /// Which of our connections it is.
    pub(super) session: u64,
    say: mpsc::Sender<Say>,
    heard: mpsc::Receiver<Result<Heard, Lost>>,
    task: JoinHandle<()>,
}

impl Link {
    /// Begins to connect.
    pub(super) fn open(connect: Connect<'_>) -> Self {
        let Connect { broker, version, client_id, clean, is_kept, will, session } = connect;
        let address = broker.address.clone();
        let login = broker.username.clone().map(|username| {
            let password = broker.password.as_ref().map_or("", |secret| secret.expose());
            (username, password.to_owned())
        });
        let (kept, will_delay) =
            if is_kept { (MQTT_SESSION_MAX, MQTT_WILL_DELAY) } else { (Duration::ZERO, Duration::ZERO) };
        let hello =
            Hello { client_id, clean, login, will, session: kept, will_delay, keep_alive: MQTT_KEEP_ALIVE };
        let (say, said) = mpsc::channel(SAID_LEN_MAX);
        let (tell, heard) = mpsc::channel(HEARD_LEN_MAX);
        let line = Line { address: address.clone(), tls: broker.tls.clone(), version };
        let task = tokio::spawn(async move {
            if let Err(lost) = line.converse(hello, said, &tell).await {
                // Nobody listens any more where this fails.
                tell.send(Err(lost)).await.unwrap_or_default();
            }
        });
        Self { address, session, say, heard, task }
    }

    /// Waits until the broker has let us in. May be abandoned.
    pub(super) async fn welcome(&mut self) -> Result<Terms, Lost> {
        loop {
            if let Heard::Welcome(terms) = self.next().await? {
                return Ok(terms);
            }
        }
    }

    /// What is heard next. May be abandoned.
    pub(super) async fn next(&mut self) -> Result<Heard, Lost> {
        match self.heard.recv().await {
            Some(heard) => heard,
            None => Err(Lost::Error(Text::new(
                format!("与 {} 的连接已结束", self.address),
                format!("the connection to {} ended", self.address),
            ))),
        }
    }

    /// Gives a message on its way; false if there is no place for it.
    pub(super) fn publish(&self, packet_id: u16, message: Outgoing) -> bool {
        self.give(Say::Publish(packet_id, message))
    }

    /// Asks for what is published to these filters; false if there is no place for that.
    pub(super) fn subscribe(&self, packet_id: u16, filters: Vec<String>) -> bool {
        self.give(Say::Subscribe(packet_id, filters))
    }

    /// Tells the broker that a message of its is done with; false if there is no place for that.
    pub(super) fn acknowledge(&self, message: &Message) -> bool {
        message.packet_id == 0 || self.give(Say::Acknowledge(message.packet_id))
    }

    /// Asks the broker how much it has read.
    pub(super) fn ping(&self) -> bool {
        self.give(Say::Ping)
    }

    /// False if there is no place for it. What is given to a connection that has ended dies with it, and its end is heard next.
    fn give(&self, say: Say) -> bool {
        !matches!(self.say.try_send(say), Err(TrySendError::Full(_)))
    }

    /// Takes leave, once all that was given is on its way, and waits until that is done.
    pub(super) async fn leave(mut self) {
        if self.say.try_send(Say::Leave).is_ok() {
            while self.heard.recv().await.is_some() {}
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Where a connection goes, and in which version.
#[derive(Debug)]
struct Line {
    address: String,
    tls: Option<TlsOptions>,
    version: MqttVersion,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

type Wire = Framed<Box<dyn Stream>, Codec>;

/// What the two directions of a connection know of each other.
struct Shared {
    /// Publishes at `QoS` 1 that the broker may be sent yet.
    permits: Semaphore,
    /// Whether something was heard since the last look.
    heard: AtomicBool,
    /// Publishes at `QoS` 0 so far.
    unnumbered: AtomicU64,
    /// Pings that are not answered: how many of those publishes went before each.
    pings: Mutex<VecDeque<u64>>,
}

impl Line {
    /// Until we take leave, or the connection is lost.
    async fn converse(
        self,
        hello: Hello,
        said: mpsc::Receiver<Say>,
        tell: &mpsc::Sender<Result<Heard, Lost>>,
    ) -> Result<(), Lost> {
        let begun = timeout(CONNECT_WAIT, self.begin(hello)).await;
        let (wire, terms) = begun.unwrap_or_else(|_| Err(self.silent(CONNECT_WAIT)))?;
        if tell.send(Ok(Heard::Welcome(terms))).await.is_err() {
            return Ok(());
        }
        let shared = Arc::new(Shared {
            permits: Semaphore::new(usize::from(terms.receive_max)),
            heard: AtomicBool::new(false),
            unnumbered: AtomicU64::new(0),
            pings: Mutex::default(),
        });
        let keep_alive = match terms.keep_alive {
            Some(theirs) if !theirs.is_zero() => theirs.min(MQTT_KEEP_ALIVE),
            _ => MQTT_KEEP_ALIVE,
        };
        let (sink, stream) = wire.split();
        let mut listening = std::pin::pin!(self.listen(stream, tell, &shared));
        let written = select! {
            lost = &mut listening => return lost,
            written = self.write(sink, said, keep_alive, &shared) => written,
        };
        let Err(lost) = written else { return Ok(()) };
        // The broker may have said why before it closed.
        match timeout(LAST_WORDS_WAIT, listening).await {
            Ok(Err(told)) => Err(told),
            _ => Err(lost),
        }
    }

    /// Dials, and is let in.
    async fn begin(&self, hello: Hello) -> Result<(Wire, Terms), Lost> {
        let stream = self.dial().await.map_err(|error| self.unreachable(&error))?;
        let mut wire = Framed::new(stream, Codec::new(self.version));
        wire.send(Say::Hello(Box::new(hello))).await.map_err(|broken| self.broken(broken))?;
        match wire.next().await {
            Some(Ok(Heard::Welcome(terms))) => Ok((wire, terms)),
            Some(Ok(Heard::Refused(why))) => Err(self.refused(&why)),
            Some(Ok(Heard::Parting(parting))) => Err(self.refused(&parting.why)),
            Some(Ok(other)) => Err(Lost::Error(Text::new(
                format!("MQTT 代理 {} 的首个报文不是连接确认：{other:?}", self.address),
                format!("the broker {} began with {other:?}", self.address),
            ))),
            Some(Err(broken)) => Err(self.broken(broken)),
            None => Err(self.closed()),
        }
    }

    async fn dial(&self) -> io::Result<Box<dyn Stream>> {
        let Some(options) = self.tls.clone() else {
            return Ok(Box::new(self.connect().await?));
        };
        let host = self.address.rsplit_once(':').map_or(self.address.as_str(), |(host, _)| host).to_owned();
        let prepared =
            spawn_blocking(move || Ok((tls::client(&options)?, tls::server_name(&options, &host)?)));
        let (config, name) = prepared.await?.map_err(|error: tls::TlsError| {
            let why = Text::same(error.to_string());
            words::own_error(
                Text::new("证书文件无法使用", "the certificate files can't be used").because(&why),
            )
        })?;
        let stream = self.connect().await?;
        Ok(Box::new(TlsConnector::from(config).connect(name, stream).await?))
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(&self.address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// Hands on what is heard, until the end.
    async fn listen(
        &self,
        mut stream: SplitStream<Wire>,
        tell: &mpsc::Sender<Result<Heard, Lost>>,
        shared: &Shared,
    ) -> Result<(), Lost> {
        loop {
            let mut heard = match stream.next().await {
                Some(Ok(heard)) => heard,
                Some(Err(broken)) => return Err(self.broken(broken)),
                None => return Err(self.closed()),
            };
            shared.heard.store(true, Ordering::Relaxed);
            match &mut heard {
                Heard::Acknowledged(..) => shared.permits.add_permits(1),
                Heard::Pong(read) => {
                    let ping = shared.pings.lock().expect("nobody panics with it").pop_front();
                    *read = ping.unwrap_or_default();
                }
                Heard::Parting(parting) => return Err(self.parted(&parting.why, parting.is_taken_over)),
                _ => {}
            }
            if tell.send(Ok(heard)).await.is_err() {
                return Ok(());
            }
        }
    }

    /// Writes what is said, and keeps the connection alive; done once we have taken leave.
    async fn write(
        &self,
        mut sink: SplitSink<Wire, Say>,
        mut said: mpsc::Receiver<Say>,
        keep_alive: Duration,
        shared: &Shared,
    ) -> Result<(), Lost> {
        let mut look = interval(keep_alive);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        look.tick().await;
        loop {
            let say = select! {
                biased;
                _ = look.tick() => {
                    let is_owed = !shared.pings.lock().expect("nobody panics with it").is_empty();
                    if is_owed && !shared.heard.load(Ordering::Relaxed) {
                        return Err(self.silent(keep_alive));
                    }
                    shared.heard.store(false, Ordering::Relaxed);
                    Say::Ping
                }
                say = said.recv() => match say {
                    Some(say) => say,
                    None => return Ok(()),
                },
            };
            let leaves = matches!(say, Say::Leave);
            let written = timeout(MQTT_ACK_WAIT_MAX, self.put(&mut sink, say, said.is_empty(), shared)).await;
            written.unwrap_or_else(|_| Err(self.silent(MQTT_ACK_WAIT_MAX)))?;
            if leaves {
                // It has all that it must have; whether it hears the end of the stream is its own affair.
                sink.close().await.unwrap_or_default();
                return Ok(());
            }
        }
    }

    async fn put(
        &self,
        sink: &mut SplitSink<Wire, Say>,
        say: Say,
        is_last: bool,
        shared: &Shared,
    ) -> Result<(), Lost> {
        match &say {
            Say::Publish(packet_id, _) if *packet_id != 0 => {
                if shared.permits.available_permits() == 0 {
                    // It must have all that it is to acknowledge before it can.
                    sink.flush().await.map_err(|broken| self.broken(broken))?;
                }
                if let Ok(permit) = shared.permits.acquire().await {
                    permit.forget();
                }
            }
            Say::Publish(..) => {
                shared.unnumbered.fetch_add(1, Ordering::Relaxed);
            }
            Say::Ping => {
                let before = shared.unnumbered.load(Ordering::Relaxed);
                shared.pings.lock().expect("nobody panics with it").push_back(before);
            }
            _ => {}
        }
        sink.feed(say).await.map_err(|broken| self.broken(broken))?;
        if is_last {
            sink.flush().await.map_err(|broken| self.broken(broken))?;
        }
        Ok(())
    }

    fn broken(&self, broken: Broken) -> Lost {
        let address = &self.address;
        match broken {
            Broken::Oversized(bytes) => Lost::Oversized(bytes),
            Broken::Io(error) => {
                let words = Text::new(
                    format!("与 MQTT 代理 {address} 的连接中断"),
                    format!("the connection to the broker {address} broke"),
                )
                .because(&words::io_error(&error));
                match error.kind() {
                    // What a broker closes while something is on its way to it ends so, too.
                    io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Lost::Closed(words),
                    _ => Lost::Error(words),
                }
            }
            Broken::Malformed(why) => Lost::Error(
                Text::new(
                    format!("{address} 的通信不符合 MQTT 协议"),
                    format!("the broker {address} does not speak MQTT as expected"),
                )
                .because(&Text::same(why)),
            ),
        }
    }

    fn unreachable(&self, error: &io::Error) -> Lost {
        let address = &self.address;
        let text = Text::new(
            format!("无法连接 MQTT 代理 {address}"),
            format!("the broker {address} cannot be reached"),
        );
        Lost::Error(text.because(&words::io_error(error)))
    }

    fn silent(&self, wait: Duration) -> Lost {
        let (address, seconds) = (&self.address, wait.as_secs());
        Lost::Error(Text::new(
            format!("MQTT 代理 {address} 在 {seconds} s 内未应答"),
            format!("the broker {address} did not answer within {seconds} s"),
        ))
    }

    fn refused(&self, why: &Text) -> Lost {
        let address = &self.address;
        let text = Text::new(
            format!("MQTT 代理 {address} 拒绝连接"),
            format!("the broker {address} refused the connection"),
        );
        Lost::Error(text.because(why))
    }

    fn parted(&self, why: &Text, is_taken_over: bool) -> Lost {
        let address = &self.address;
        let text = Text::new(
            format!("MQTT 代理 {address} 断开了连接"),
            format!("the broker {address} ended the connection"),
        )
        .because(why);
        if is_taken_over { Lost::TakenOver(text) } else { Lost::Error(text) }
    }

    fn closed(&self) -> Lost {
        let address = &self.address;
        Lost::Closed(Text::new(
            format!("MQTT 代理 {address} 关闭了连接"),
            format!("the broker {address} closed the connection"),
        ))
    }
}

const _: () = assert!(CONNECT_WAIT.as_secs() < MQTT_KEEP_ALIVE.as_secs() * 2);
