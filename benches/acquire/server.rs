//! Devices that answer as fast as they can, in a process of their own so that their processor time is theirs: any number of
//! connections to one address, each answered by hand-written Modbus TCP. Beside them an address that accepts and says nothing,
//! and one where nobody listens.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The first argument of the process that is the devices.
pub(crate) const SERVE: &str = "serve";
/// A unit that never answers, on a connection where others do.
pub(crate) const SILENT_UNIT: u8 = 200;
/// A unit that answers for [`LIFE`] from the beginning of its connection, and never after.
pub(crate) const MORTAL_UNIT: u8 = 201;
const LIFE: Duration = Duration::from_secs(6);
/// What every register holds.
const REGISTER: u16 = 500;

/// The running devices. They end with this process, or with this value.
pub(crate) struct Server {
    child: Child,
    _stdin: Option<ChildStdin>,
    /// Where every unit but [`SILENT_UNIT`] and [`MORTAL_UNIT`] answers.
    pub(crate) living: SocketAddr,
    /// Accepts, and never answers.
    pub(crate) silent: SocketAddr,
    /// Nobody listens here.
    pub(crate) refusing: SocketAddr,
}

impl Server {
    /// Starts them in another process of this same program.
    pub(crate) fn start() -> Self {
        let program = std::env::current_exe().expect("a path to this program");
        let mut command = Command::new(program);
        command.arg(SERVE).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("a process for the devices");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut address = || {
            let line = lines.next().expect("an address").expect("a readable pipe");
            line.parse().expect("an address")
        };
        let (living, silent, refusing) = (address(), address(), address());
        Self { _stdin: child.stdin.take(), child, living, silent, refusing }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What the process of the devices does, until its standard input ends.
pub(crate) fn serve() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let listen = || runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).expect("a free port");
    let (living, silent, refusing) = (listen(), listen(), listen());
    for listener in [&living, &silent, &refusing] {
        println!("{}", listener.local_addr().expect("an address"));
    }
    io::stdout().flush().expect("a pipe");
    drop(refusing);
    runtime.spawn(accept(living, true));
    runtime.spawn(accept(silent, false));
    io::stdin().read_to_end(&mut Vec::new()).expect("a pipe");
}

async fn accept(listener: TcpListener, answers: bool) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            // The end of the connection is the end of the conversation, however it came.
            drop(if answers { answer(stream).await } else { ignore(stream).await });
        });
    }
}

/// Answers reads of registers, which are all 12 bytes long.
async fn answer(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut question, mut answer, born) = ([0; 12], Vec::with_capacity(512), Instant::now());
    loop {
        stream.read_exact(&mut question).await?;
        let (unit, function, count) = (question[6], question[7], question[11]);
        if unit == SILENT_UNIT || unit == MORTAL_UNIT && born.elapsed() > LIFE {
            continue;
        }
        answer.clear();
        answer.extend_from_slice(&question[..4]);
        answer.extend_from_slice(&(u16::from(count) * 2 + 3).to_be_bytes());
        answer.extend_from_slice(&[unit, function, count * 2]);
        (0..count).for_each(|_| answer.extend_from_slice(&REGISTER.to_be_bytes()));
        stream.write_all(&answer).await?;
    }
}

async fn ignore(mut stream: TcpStream) -> io::Result<()> {
    let mut heard = [0; 64];
    while stream.read(&mut heard).await? > 0 {}
    Ok(())
}
