//! The table: each fault, and what it must come to on each transport.

use std::sync::Arc;
use std::time::Duration;

use simulators::ProxyFault;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::cell::{self, Expect};
use super::transport::Transport;

use Expect::{Bad, Either, Good};

/// One fault, and what it comes to on frames with a transaction id and on RTU frames.
pub(crate) struct Row {
    pub(crate) fault: ProxyFault,
    /// None where the fault can't be told from a right answer, or does not exist.
    pub(crate) tcp: Option<Expect>,
    pub(crate) rtu: Option<Expect>,
}

impl Row {
    /// What it comes to on a serial line: the same as on RTU frames elsewhere, but that a line is no connection that
    /// could be refused, reset, closed or left half open. (A port that vanishes: tests of `acquire`.)
    pub(crate) fn serial(&self) -> Option<Expect> {
        let of_connections =
            [ProxyFault::Hangup, ProxyFault::Reset, ProxyFault::HalfOpen, ProxyFault::Refuse];
        if of_connections.contains(&self.fault) { None } else { self.rtu }
    }
}

const fn row(fault: ProxyFault, tcp: Option<Expect>, rtu: Option<Expect>) -> Row {
    Row { fault, tcp, rtu }
}

const fn both(fault: ProxyFault, expect: Expect) -> Row {
    row(fault, Some(expect), Some(expect))
}

/// Late by so many percent of the deadline.
const fn late(percent: u64) -> ProxyFault {
    ProxyFault::Delay(Duration::from_millis(cell::TIMEOUT.as_millis() as u64 * percent / 100))
}

/// The whole matrix.
pub(crate) const ROWS: [Row; 27] = [
    both(late(15), Good),
    both(late(150), Bad),
    row(late(270), Some(Bad), Some(Bad)),
    both(late(1000), Bad),
    both(ProxyFault::Drop, Bad),
    both(ProxyFault::Split, Good),
    both(ProxyFault::Trickle, Good),
    both(ProxyFault::Duplicate, Good),
    row(ProxyFault::WrongTransaction, Some(Bad), None),
    both(ProxyFault::WrongUnit, Bad),
    both(ProxyFault::WrongFunction, Bad),
    both(ProxyFault::Short, Bad),
    both(ProxyFault::Oversized, Bad),
    both(ProxyFault::BadCount, Bad),
    both(ProxyFault::Truncated, Bad),
    both(ProxyFault::Corrupt, Bad),
    both(ProxyFault::Exception(2), Bad),
    both(ProxyFault::Exception(4), Bad),
    both(ProxyFault::ExceptionStorm, Bad),
    row(ProxyFault::GarbageBefore, Some(Bad), Some(Either)),
    both(ProxyFault::GarbageAfter, Good),
    row(ProxyFault::Stale, Some(Bad), None),
    both(ProxyFault::TwoAnswers, Good),
    both(ProxyFault::Hangup, Bad),
    both(ProxyFault::Reset, Bad),
    both(ProxyFault::HalfOpen, Bad),
    both(ProxyFault::Refuse, Bad),
];

/// Cells of one transport that live at a time.
const CELLS_AT_ONCE: usize = 14;

/// Plays every fault on one transport, several at a time.
async fn play(transport: Transport, expect: impl Fn(&Row) -> Option<Expect>) {
    let places = Arc::new(Semaphore::new(CELLS_AT_ONCE));
    let mut cells = JoinSet::new();
    for row in &ROWS {
        let (Some(expect), places) = (expect(row), Arc::clone(&places)) else { continue };
        let fault = row.fault;
        cells.spawn(async move {
            let _place = places.acquire().await;
            (fault, cell::play(transport, fault, expect).await)
        });
    }
    let mut broken = Vec::new();
    while let Some(done) = cells.join_next().await {
        let (fault, came) = done.expect("a cell does not panic");
        match came {
            Ok(recovered) => println!("{transport:?} {fault:?}: good again within {recovered:?}"),
            Err(why) => broken.push(format!("{fault:?}: {why}")),
        }
    }
    assert!(broken.is_empty(), "{transport:?}:\n{}", broken.join("\n"));
}

#[tokio::test]
async fn p2_p3_every_fault_over_tcp() {
    play(Transport::Tcp, |row| row.tcp).await;
}

#[tokio::test]
async fn p2_p3_every_fault_over_rtu_over_tcp() {
    play(Transport::RtuOverTcp, |row| row.rtu).await;
}

#[tokio::test]
async fn p2_p3_every_fault_over_tls() {
    play(Transport::Tls, |row| row.tcp).await;
}

#[tokio::test]
async fn p2_p3_every_fault_on_a_serial_line() {
    play(Transport::Serial, Row::serial).await;
}
