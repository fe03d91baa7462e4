//! A meter each of whose answers is another number, and that knows when it gave it: what came of it can be asked for later, answer by
//! answer. Beside it stand levels that go up and down at random, so that there is always something to alarm.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use hazgate::clock::Clock;
use hazgate::model::Mono;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Levels that a meter has.
pub(crate) const LEVELS: u16 = 4;
/// Above this a level is too high.
pub(crate) const HIGH: u16 = 50;
/// A level changes sides once in so many answers.
const CALM: u32 = 4;

/// A running meter.
pub(crate) struct Meter {
    pub(crate) address: SocketAddr,
    answers: Arc<Mutex<Vec<Mono>>>,
    /// Levels stay as they are.
    is_calm: Arc<AtomicBool>,
}

impl Meter {
    pub(crate) async fn start(clock: Clock, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it listens");
        let answers: Arc<Mutex<Vec<Mono>>> = Arc::default();
        let (book, is_calm) = (Arc::clone(&answers), Arc::<AtomicBool>::default());
        let mut levels =
            Levels { random: fastrand::Rng::with_seed(seed), now: [0; _], is_calm: Arc::clone(&is_calm) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // One master at a time, as the gateway is; the next comes when this one is gone.
                serve(stream, clock, &book, &mut levels).await.unwrap_or_default();
            }
        });
        Self { address, answers, is_calm }
    }

    /// Has the levels stay as they are from now on.
    pub(crate) fn calm(&self) {
        self.is_calm.store(true, Ordering::Relaxed);
    }

    /// When each number was given, from the first, which is 1.
    pub(crate) fn answers(&self) -> Vec<Mono> {
        self.answers.lock().expect("nobody panicked").clone()
    }
}

struct Levels {
    random: fastrand::Rng,
    now: [u16; LEVELS as usize],
    is_calm: Arc<AtomicBool>,
}

impl Levels {
    fn next(&mut self) -> [u16; LEVELS as usize] {
        for level in self.now.iter_mut().filter(|_| !self.is_calm.load(Ordering::Relaxed)) {
            if self.random.u32(..CALM) == 0 {
                *level = if *level > HIGH { 0 } else { 2 * HIGH };
            }
        }
        self.now
    }
}

async fn serve(
    mut stream: TcpStream,
    clock: Clock,
    book: &Mutex<Vec<Mono>>,
    levels: &mut Levels,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut question = [0; 12];
    loop {
        stream.read_exact(&mut question).await?;
        let first = usize::from(u16::from_be_bytes([question[8], question[9]]));
        let count = usize::from(u16::from_be_bytes([question[10], question[11]]));
        let number = book.lock().expect("nobody panicked").len() as u32 + 1;
        let registers = [(number >> 16) as u16, number as u16].into_iter().chain(levels.next());
        let asked: Vec<u8> = registers.skip(first).take(count).flat_map(u16::to_be_bytes).collect();
        let mut answer = question[..4].to_vec();
        answer.extend((asked.len() as u16 + 3).to_be_bytes());
        answer.extend([question[6], question[7], asked.len() as u8]);
        answer.extend(asked);
        book.lock().expect("nobody panicked").push(clock.mono());
        stream.write_all(&answer).await?;
    }
}
