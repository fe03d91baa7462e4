//! One life: the real store and the feed of one destination, in a process that does what it is told line by line and says what came of it, until
//! it is ended or killed.
//!
//! | told | done, and said |
//! | --- | --- |
//! | `e TURN FIRST COUNT` | a turn of so many events with values from `FIRST` on; `kept TURN` once it is |
//! | `t TURN DEVICE FIRST COUNT` | a turn of so many rows with values from `FIRST` on; `kept TURN` once it is |
//! | `h EVENTS ROWS` | hands over as much: `event SEQ VALUE` and `row DEVICE SEQ VALUE`, each as the destination hears it |
//! | `a WHICH` | the destination acknowledges one of what is open: `had event SEQ`, `had row VALUE`, said before it is taken in |
//! | `c` | the connection is lost and made anew |
//! | `s` | how far it has acknowledged is given to the store |
//! | `b` | waits until every turn is kept: `calm` |
//! | `d` | hands over and acknowledges all there is: `drained` |
//! | `q` | ends in good order: `closed` |

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::forward::feed::{Feed, Page};
use crate::forward::queue::{Lane, Room, Ticket};
use crate::model::{AlarmState, EventKind, Transition, Value};
use crate::site::{Broker, ForwarderKind, MqttTarget};
use crate::store::fixtures::{AT, alarms, batch, site, telemetry, transition, with_reply};
use crate::store::{Opened, Row, Store, Turn};

/// Where a life's data directory is named.
pub(super) const DIRECTORY: &str = "HAZGATE_OUTBOX_DIRECTORY";
/// What its telemetry may take, bytes.
pub(super) const BUDGET: &str = "HAZGATE_OUTBOX_BUDGET";
/// What stands before each line that is said, so that it is told from what the test harness prints.
pub(super) const MARK: &str = "life: ";
/// The destination that is told, and one that never is.
pub(super) const SERVED: &str = "park";
pub(super) const NEGLECTED: &str = "city";
/// Alarms that the events are about, in turn.
const ALARMS: u64 = 7;

/// Whether this process is a life.
pub(super) fn is_one() -> bool {
    std::env::var_os(DIRECTORY).is_some()
}

/// Lives.
pub(super) fn live() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(serve());
}

async fn serve() {
    let (orders, mut told) = mpsc::channel::<String>(64);
    std::thread::spawn(move || {
        std::io::stdin().lines().map_while(Result::ok).all(|line| orders.blocking_send(line).is_ok());
    });
    let mut life = match Life::begin().await {
        Ok(life) => life,
        Err(why) => return say(&format!("refused {why}")),
    };
    while let Some(line) = told.recv().await {
        let words: Vec<&str> = line.split(' ').collect();
        if words == ["q"] {
            life.feed.save_last().await;
            life.store.close().await;
            return say("closed");
        }
        life.obey(words[0], &words[1..].iter().map(|word| word.parse().unwrap()).collect::<Vec<u64>>()).await;
    }
}

struct Life {
    store: Store,
    feed: Feed,
    open: Vec<(Ticket, String)>,
    waiting: JoinSet<()>,
}

impl Life {
    async fn begin() -> Result<Self, String> {
        let anywhere = || ForwarderKind::Mqtt(MqttTarget::one(Broker::open("127.0.0.1:1")));
        let directory = std::env::var_os(DIRECTORY).unwrap();
        let mut site = site(Path::new(&directory), vec![(SERVED, anywhere()), (NEGLECTED, anywhere())]);
        site.store.telemetry_bytes_max = std::env::var(BUDGET).unwrap().parse().unwrap();
        let opened = Store::open(&site.store, Arc::new(site.clone()), Clock::start());
        let Opened { store, set_aside } = opened.map_err(|error| error.to_string())?;
        if let Some(aside) = set_aside {
            return Err(format!("the database was set aside as {}", aside.display()));
        }
        say("open");
        let mut feed = Feed::open(&store, SERVED).await.map_err(|error| error.to_string())?;
        feed.connected();
        Ok(Self { store, feed, open: Vec::new(), waiting: JoinSet::new() })
    }

    async fn obey(&mut self, what: &str, numbers: &[u64]) {
        match (what, numbers) {
            ("e", &[turn, first, count]) => {
                self.commit(turn, alarms((first..first + count).map(event).collect())).await;
            }
            ("t", &[turn, device, first, count]) => {
                let rows = (first..first + count).map(|n| batch(device as usize, AT, n as f64));
                self.commit(turn, telemetry(rows.collect())).await;
            }
            ("h", &[events, rows]) => {
                self.hand_over(Room { events: events as usize, telemetry: rows as usize }).await;
            }
            ("a", &[which]) if !self.open.is_empty() => {
                let (ticket, had) = self.open.swap_remove(which as usize % self.open.len());
                self.acknowledge(ticket, &had);
            }
            ("a", [_]) => {}
            ("c", []) => {
                self.open.clear();
                self.feed.connected();
            }
            ("s", []) => self.feed.save().unwrap(),
            ("b", []) => {
                while self.waiting.join_next().await.is_some() {}
                say("calm");
            }
            ("d", []) => {
                while self.hand_over(Room { events: 50, telemetry: 500 }).await || !self.open.is_empty() {
                    for (ticket, had) in std::mem::take(&mut self.open) {
                        self.acknowledge(ticket, &had);
                    }
                }
                say("drained");
            }
            _ => panic!("{what} {numbers:?}: no order"),
        }
    }

    async fn commit(&mut self, number: u64, turn: Turn) {
        let (turn, answer) = with_reply(turn);
        self.store.commit(turn).await.unwrap();
        self.waiting.spawn(async move {
            if answer.await.is_ok() {
                say(&format!("kept {number}"));
            }
        });
    }

    /// Says whether there was anything to hand over.
    async fn hand_over(&mut self, room: Room) -> bool {
        match self.feed.next(room).await.unwrap() {
            None => return false,
            Some(Page::Events(events)) => {
                for event in events {
                    let (seq, value) = (event.seq, event.transition.value.unwrap());
                    say(&format!("event {seq} {value}"));
                    self.open.push((Ticket { lane: Lane::Events, position: seq }, format!("event {seq}")));
                }
            }
            Some(Page::Rows(lane, rows)) => {
                for row in rows {
                    let (device, seq, value) = (&row.device, row.seq, value(&row));
                    say(&format!("row {device} {seq} {value}"));
                    self.open.push((Ticket { lane, position: row.id }, format!("row {value}")));
                }
            }
        }
        true
    }

    fn acknowledge(&mut self, ticket: Ticket, had: &str) {
        say(&format!("had {had}"));
        self.feed.acknowledged(ticket);
    }
}

/// The event of this number: alarms are raised and become normal in turn.
fn event(number: u64) -> Transition {
    let is_over = number.is_multiple_of(3);
    let (kind, state) = if is_over {
        (EventKind::Cleared, AlarmState::Normal)
    } else {
        (EventKind::Raised, AlarmState::Unacknowledged)
    };
    let value = Some(Value::Int(number as i64));
    Transition { value, ..transition(&format!("a{}", number % ALARMS), kind, state) }
}

/// The number that a row was written with.
pub(super) fn value(row: &Row) -> u64 {
    row.readings[0].sample.value().unwrap().as_f64() as u64
}

fn say(line: &str) {
    // In one piece, and not through the harness, which would keep it for itself.
    std::io::stdout().lock().write_all(format!("{MARK}{line}\n").as_bytes()).unwrap();
}
