//! The devices: many that say the same for ever, and a few whose levels cross their limit at every poll, each time with another number, so that
//! an event names the answer that it came of.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::broker::Mosquitto;

/// Points of each device that says the same for ever.
pub(crate) const READINGS_PER_ROW: usize = 100;
/// Devices whose levels cross their limits, each twenty times a second.
const SWINGING: usize = 4;
/// Levels of each, which cross in turn.
const LEVELS: u16 = 4;
/// Numbers above this are too high.
const HIGH: u16 = 30_000;
/// Numbers go round after so many.
const ROUND: u16 = 20_000;
/// What the registers of a calm device hold.
const CALM: u16 = 500;

/// The plant.
pub(crate) struct Plant {
    /// Each device has an address, and with it a link, of its own.
    calm: Vec<SocketAddr>,
    swinging: Vec<SocketAddr>,
    pub(crate) book: Arc<Book>,
}

/// When each number of each swinging device was answered.
#[derive(Default)]
pub(crate) struct Book(Mutex<Vec<Vec<Option<Instant>>>>);

impl Book {
    /// When this device answered this number for the last time.
    pub(crate) fn answered(&self, device: usize, number: u16) -> Option<Instant> {
        let book = self.0.lock().expect("nobody panicked");
        book.get(device)?.get(usize::from(number))?.to_owned()
    }

    fn enter(&self, device: usize, number: u16, at: Instant) {
        self.0.lock().expect("nobody panicked")[device][usize::from(number)] = Some(at);
    }
}

impl Plant {
    /// So many calm devices, and those that swing.
    pub(crate) async fn start(calm: usize) -> Self {
        let book = Arc::new(Book(Mutex::new(vec![vec![None; usize::from(u16::MAX) + 1]; SWINGING])));
        let mut plant = Self { calm: Vec::new(), swinging: Vec::new(), book };
        for _ in 0..calm {
            plant.calm.push(listen(None, &plant.book).await);
        }
        for n in 0..SWINGING {
            plant.swinging.push(listen(Some(n), &plant.book).await);
        }
        plant
    }

    /// The site file of the gateway that watches it.
    pub(crate) fn site(&self, broker: &Mosquitto) -> String {
        let mut site = format!(
            "version = 1\n[site]\nenterprise = \"acme\"\ngateway = \"bench\"\nname = \"Bench\"\n[clock]\nsync = \"ignored\"\n\
             [console]\nenabled = false\n[store]\ndirectory = \"data\"\n[[forward]]\nid = \"centre\"\nkind = \"mqtt\"\nurl = \"mqtt://{}\"\n",
            broker.address
        );
        for (n, address) in self.calm.iter().enumerate() {
            device(&mut site, &format!("d{n}"), *address, "1s");
            for p in 0..READINGS_PER_ROW {
                point(&mut site, &format!("d{n}"), &format!("p{p}"), p, "");
            }
        }
        for (n, address) in self.swinging.iter().enumerate() {
            let name = format!("swing{n}");
            device(&mut site, &name, *address, "50ms");
            for level in 0..usize::from(LEVELS) {
                point(
                    &mut site,
                    &name,
                    &format!("level{level}"),
                    level,
                    &format!("limits = {{ h = {HIGH} }}\n"),
                );
            }
        }
        site
    }
}

fn device(site: &mut String, name: &str, address: SocketAddr, poll: &str) {
    write!(
        site,
        "[[device]]\nid = \"{name}\"\nprotocol = \"modbus-tcp\"\naddress = \"{address}\"\nunit = 1\npoll = \"{poll}\"\n"
    )
    .expect("a string takes everything");
}

fn point(site: &mut String, device: &str, signal: &str, register: usize, rest: &str) {
    write!(
        site,
        "[[point]]\ndevice = \"{device}\"\nsignal = \"{signal}\"\nname = \"P\"\nregister = \"holding:{register}\"\ntype = \"u16\"\n{rest}"
    )
    .expect("a string takes everything");
}

/// The levels of one swinging device.
#[derive(Default)]
struct Levels {
    now: [u16; LEVELS as usize],
    count: u16,
}

impl Levels {
    /// The next one crosses its limit; its number says which crossing it is.
    fn swing(&mut self) -> u16 {
        self.count = (self.count + 1) % ROUND;
        let level = &mut self.now[usize::from(self.count % LEVELS)];
        *level = if *level > HIGH { self.count } else { HIGH + 1 + self.count };
        *level
    }
}

/// Where a device answers: the swinging one of this number, or a calm one.
async fn listen(swinging: Option<usize>, book: &Arc<Book>) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let book = Arc::clone(book);
    tokio::spawn(async move {
        let mut levels = Levels::default();
        while let Ok((stream, _)) = listener.accept().await {
            // The end of the connection is the end of the conversation, however it came. One gateway asks at a time.
            serve(stream, swinging, &mut levels, &book).await.unwrap_or_default();
        }
    });
    address
}

async fn serve(
    mut stream: TcpStream,
    swinging: Option<usize>,
    levels: &mut Levels,
    book: &Book,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut question = [0; 12];
    loop {
        stream.read_exact(&mut question).await?;
        let first = u16::from_be_bytes([question[8], question[9]]);
        let count = u16::from_be_bytes([question[10], question[11]]);
        let mut answer = question[..4].to_vec();
        answer.extend((2 * count + 3).to_be_bytes());
        answer.extend([question[6], question[7], 2 * count as u8]);
        let number = swinging.map(|n| (n, levels.swing()));
        for register in first..first + count {
            let word = match swinging {
                Some(_) => levels.now.get(usize::from(register)).copied().unwrap_or_default(),
                None => CALM,
            };
            answer.extend(word.to_be_bytes());
        }
        if let Some((n, number)) = number {
            book.enter(n, number, Instant::now());
        }
        stream.write_all(&answer).await?;
    }
}
