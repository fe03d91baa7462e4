//! The device of every gateway of a fleet: a Modbus TCP server with a few levels for each connection, which swing above their limit and back
//! at random, as often as is asked for.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::FleetArgs;

/// Levels that it has, each a point of its own.
pub(super) const LEVELS: u16 = 4;
/// Above this a level is too high.
pub(super) const HIGH: u16 = 50;

/// A running meter.
pub(super) struct Meter {
    pub(super) address: SocketAddr,
    tally: Arc<Tally>,
}

/// What all connections share.
#[derive(Default)]
struct Tally {
    answers: AtomicU64,
    swings: AtomicU64,
    is_calm: AtomicBool,
}

impl Meter {
    pub(super) async fn start(args: &FleetArgs) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, tally) = (listener.local_addr()?, Arc::<Tally>::default());
        // Nobody asks more often than it swings, and a level swings at most once in an answer.
        let swing = (args.poll.as_secs_f64() / args.event_every.as_secs_f64()).min(1.0);
        let (mut random, shared) = (fastrand::Rng::with_seed(args.seed), Arc::clone(&tally));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let levels = Levels { random: random.fork(), swing, now: [0; LEVELS as usize] };
                let tally = Arc::clone(&shared);
                tokio::spawn(async move { serve(stream, levels, &tally).await.unwrap_or_default() });
            }
        });
        Ok(Self { address, tally })
    }

    /// Has every level stay as it is from now on.
    pub(super) fn calm(&self) {
        self.tally.is_calm.store(true, Ordering::Relaxed);
    }

    /// Questions answered.
    pub(super) fn answers(&self) -> u64 {
        self.tally.answers.load(Ordering::Relaxed)
    }

    /// Levels that have changed sides.
    pub(super) fn swings(&self) -> u64 {
        self.tally.swings.load(Ordering::Relaxed)
    }
}

/// The levels of one connection.
struct Levels {
    random: fastrand::Rng,
    /// How likely it is that one of them changes sides between two answers.
    swing: f64,
    now: [u16; LEVELS as usize],
}

impl Levels {
    /// Whether one has changed sides.
    fn swing(&mut self) -> bool {
        let swings = self.random.f64() < self.swing;
        if swings {
            let level = &mut self.now[self.random.usize(..LEVELS as usize)];
            *level = if *level > HIGH { 0 } else { 2 * HIGH };
        }
        swings
    }
}

/// Answers whatever is asked with the levels from the address asked for.
async fn serve(mut stream: TcpStream, mut levels: Levels, tally: &Tally) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut question = [0; 12];
    loop {
        stream.read_exact(&mut question).await?;
        let first = usize::from(u16::from_be_bytes([question[8], question[9]]));
        let count = usize::from(u16::from_be_bytes([question[10], question[11]]));
        if !tally.is_calm.load(Ordering::Relaxed) && levels.swing() {
            tally.swings.fetch_add(1, Ordering::Relaxed);
        }
        let asked: Vec<u8> =
            levels.now.iter().skip(first).take(count).flat_map(|level| level.to_be_bytes()).collect();
        let mut answer = question[..4].to_vec();
        answer.extend((asked.len() as u16 + 3).to_be_bytes());
        answer.extend([question[6], question[7], asked.len() as u8]);
        answer.extend(asked);
        stream.write_all(&answer).await?;
        tally.answers.fetch_add(1, Ordering::Relaxed);
    }
}
