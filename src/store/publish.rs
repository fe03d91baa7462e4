//! What the store tells others after each commit, and what it has to tell at the start.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension};
use tokio::sync::{broadcast, watch};

use super::error::StoreError;
use super::group::{Group, Step};
use super::restamp;
use super::sql::output_key;
use crate::model::limits::{CLOCK_STEPS_LEN_MAX, EVENT_BROADCAST_LEN_MAX, STORE_ANSWER_MAX};
use crate::model::{
    AlarmState, Board, DeviceStatus, Event, LinkCounters, LinkState, Mono, OutputStatus, Risk, RiskItem,
    Stamp, Text,
};
use crate::site::Site;

/// How far the outbox goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Heads {
    /// The last event.
    pub event: u64,
    /// The last telemetry row.
    pub telemetry: u64,
    /// The last report.
    pub report: u64,
    /// The last telemetry row that has been given up to stay within the budget.
    pub floor: u64,
    /// Readings that the loop has given up since the start, as no place came free for them.
    pub given_up: u64,
}

/// The sending ends.
#[derive(Clone)]
pub(super) struct Publisher {
    pub(super) board: watch::Sender<Arc<Board>>,
    pub(super) events: broadcast::Sender<Arc<Event>>,
    pub(super) heads: watch::Sender<Heads>,
    pub(super) fault: watch::Sender<Option<Text>>,
    pub(super) shortage: watch::Sender<Option<Text>>,
    /// Since when the writer has been at what it is at.
    working: Arc<Mutex<Option<Mono>>>,
    /// The last steps of the clock that left older stamps as they are.
    steps: Arc<Mutex<VecDeque<Step>>>,
}

impl Publisher {
    /// Sending ends that start with this board and these heads.
    pub(super) fn new(board: Board, heads: Heads) -> Self {
        Self {
            board: watch::Sender::new(Arc::new(board)),
            events: broadcast::Sender::new(EVENT_BROADCAST_LEN_MAX),
            heads: watch::Sender::new(heads),
            fault: watch::Sender::new(None),
            shortage: watch::Sender::new(None),
            working: Arc::default(),
            steps: Arc::default(),
        }
    }

    /// Tells everybody of a committed group. The board goes first: who reads an event finds the state after it.
    pub(super) fn tell(&self, group: Group, heads: Heads) {
        self.remember(&group.steps);
        let moves = !group.events.is_empty() || !group.restamps.is_empty();
        let states = group.devices.len() + group.outputs.len();
        if moves || states > 0 || group.risk.is_some() {
            self.board.send_modify(|board| update(Arc::make_mut(board), &group));
        }
        for event in group.events {
            if self.events.send(event).is_err() {
                break;
            }
        }
        self.heads.send_if_modified(|old| std::mem::replace(old, heads) != heads);
        for (to, result) in group.replies {
            if to.send(result).is_err() {
                tracing::debug!("who gave a command no longer waits for its result");
            }
        }
    }

    fn remember(&self, steps: &[Step]) {
        let mut known = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        for step in steps {
            if known.len() == CLOCK_STEPS_LEN_MAX {
                known.pop_front();
            }
            known.push_back(*step);
        }
    }

    /// By how much the clock has been put forward since what `is_before` its steps was stamped, ms.
    pub(super) fn moved_since(&self, is_before: impl Fn(&Step) -> bool) -> i64 {
        let known = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().filter(|step| is_before(step)).map(|step| step.by_ms).sum()
    }

    /// The writer begins something at this time, or has ended it.
    pub(super) fn working(&self, since: Option<Mono>) {
        *self.working.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    /// Says of a disk that takes too long by `now` that it does not answer. The writer, which waits for it, can't.
    pub(super) fn notice(&self, now: Mono) {
        // Held while it is said: what the writer says when it has ended comes after it.
        let working = self.working.lock().unwrap_or_else(PoisonError::into_inner);
        if working.is_some_and(|since| now - since >= STORE_ANSWER_MAX) && self.fault.borrow().is_none() {
            self.fault(Some(Text::new(
                "磁盘无响应，数据库无法写入",
                "the disk does not answer, the database cannot be written",
            )));
        }
    }

    /// Says that the disk is short of room, or no longer.
    pub(super) fn shortage(&self, shortage: Option<Text>) {
        self.shortage.send_if_modified(|old| {
            let changed = *old != shortage;
            *old = shortage;
            changed
        });
    }

    /// Says what is wrong with the disk, or that nothing is. A change goes to the log too: a full disk may keep it from
    /// getting anywhere else.
    pub(super) fn fault(&self, fault: Option<Text>) {
        self.fault.send_if_modified(|old| {
            let changed = *old != fault;
            if changed {
                if let Some(fault) = &fault {
                    tracing::error!("{}", fault.en);
                } else {
                    tracing::info!("the database is written again");
                }
            }
            *old = fault;
            changed
        });
    }
}

fn update(board: &mut Board, group: &Group) {
    for event in &group.events {
        let alarm = &event.transition.alarm;
        if event.transition.state == AlarmState::Normal {
            board.alarms.remove(alarm);
        } else {
            board.alarms.insert(alarm.clone(), Arc::clone(event));
        }
    }
    for restamp in &group.restamps {
        for event in board.alarms.values_mut().filter(|event| restamp.concerns(event)) {
            restamp.put_right(Arc::make_mut(event));
        }
    }
    for device in &group.devices {
        board.devices.insert(device.device.clone(), Arc::new(device.clone()));
    }
    for output in &group.outputs {
        board.outputs.insert(output.output.clone(), Arc::new(output.clone()));
    }
    if let Some(risk) = &group.risk {
        board.risk = Arc::new(risk.clone());
    }
}

/// The board as the database has it: standing alarms and risk as they were, devices not yet heard of.
pub(super) fn load_board(connection: &Connection, site: &Site, now: Stamp) -> Result<Board, StoreError> {
    let unheard = |name: &String| DeviceStatus {
        at: now,
        device: name.clone(),
        state: LinkState::Down,
        since: now,
        error: None,
        counters: LinkCounters::default(),
    };
    Ok(Board {
        alarms: load_alarms(connection)?,
        devices: site.devices.iter().map(|d| (d.name.clone(), Arc::new(unheard(&d.name)))).collect(),
        outputs: load_outputs(connection, site)?,
        risk: Arc::new(load_risk(connection, site, now)?),
    })
}

fn load_alarms(connection: &Connection) -> Result<BTreeMap<String, Arc<Event>>, StoreError> {
    let mut statement = connection.prepare("SELECT name, body FROM alarm")?;
    let mut rows = statement.query([])?;
    let mut events: Vec<Event> = Vec::new();
    while let Some(row) = rows.next()? {
        let (name, body): (String, String) = (row.get(0)?, row.get(1)?);
        events.push(serde_json::from_str(&body).map_err(|error| StoreError::Unreadable {
            what: format!("alarm `{name}`"),
            why: error.to_string(),
        })?);
    }
    restamp::events(connection, &mut events)?;
    Ok(events.into_iter().map(|event| (event.transition.alarm.clone(), Arc::new(event))).collect())
}

/// The last state of each output that the site has today and may write; nothing has been read back yet.
fn load_outputs(
    connection: &Connection,
    site: &Site,
) -> Result<BTreeMap<String, Arc<OutputStatus>>, StoreError> {
    let mut read = connection.prepare("SELECT value FROM meta WHERE key = ?1")?;
    let mut outputs = BTreeMap::new();
    for output in site.outputs.iter().filter(|output| output.enabled) {
        let text: Option<String> = read.query_row([output_key(&output.name)], |row| row.get(0)).optional()?;
        let Some(text) = text else { continue };
        let status: OutputStatus = serde_json::from_str(&text).map_err(|error| StoreError::Unreadable {
            what: format!("output `{}`", output.name),
            why: error.to_string(),
        })?;
        outputs.insert(output.name.clone(), Arc::new(status));
    }
    Ok(outputs)
}

/// The last risk picture, for the hazards that the site has today.
fn load_risk(connection: &Connection, site: &Site, now: Stamp) -> Result<Risk, StoreError> {
    let text: Option<String> =
        connection.query_row("SELECT value FROM meta WHERE key = 'risk'", [], |row| row.get(0)).optional()?;
    let mut last: Option<Risk> =
        text.map(|text| serde_json::from_str(&text)).transpose().map_err(|error| StoreError::Unreadable {
            what: "the risk picture".to_owned(),
            why: error.to_string(),
        })?;
    let mut item = |name: &str| -> RiskItem {
        last.as_mut().and_then(|risk| risk.hazards.remove(name)).unwrap_or_default()
    };
    let hazards = site.hazards.iter().map(|h| (h.name.clone(), item(&h.name))).collect();
    let (at, site) = last.map_or((now, RiskItem::default()), |risk| (risk.at, risk.site));
    Ok(Risk { at, site, hazards })
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::Mutex;

    use super::*;

    /// A log in memory.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn publisher() -> Publisher {
        let at = crate::model::Wall(0).stamp(&jiff::tz::TimeZone::UTC);
        let risk = Risk { at, site: RiskItem::default(), hazards: BTreeMap::new() };
        let (alarms, devices, outputs) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Publisher::new(Board { alarms, devices, outputs, risk: Arc::new(risk) }, Heads::default())
    }

    #[test]
    fn p2_a_disk_that_does_not_answer_is_told_until_it_does() {
        let publisher = publisher();
        let told = |now| {
            publisher.notice(now);
            publisher.fault.borrow().as_ref().map(|fault| fault.en.clone())
        };
        let (start, late) = (Mono::ZERO, Mono::ZERO + STORE_ANSWER_MAX);
        assert_eq!(told(late), None, "nothing is under way");
        publisher.working(Some(start));
        assert_eq!(told(start + STORE_ANSWER_MAX / 2), None);
        assert!(told(late).is_some_and(|words| words.contains("does not answer")));
        publisher.working(None);
        publisher.fault(None);
        assert_eq!(told(late), None);
        publisher.working(Some(start));
        publisher.fault(Some(Text::same("full")));
        assert_eq!(told(late).as_deref(), Some("full"), "the writer knows better");
    }

    #[test]
    fn every_change_of_the_fault_is_logged_once() {
        let publisher = publisher();
        let log = Log::default();
        let lines = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .without_time()
            .with_ansi(false)
            .with_writer(move || lines.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            let full = || Some(Text::new("磁盘已满", "the disk is full"));
            for fault in [None, full(), full(), None, None, full()] {
                publisher.fault(fault);
            }
        });
        let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        let levels: Vec<_> = log.lines().filter_map(|line| line.split_whitespace().next()).collect();
        assert_eq!(levels, ["ERROR", "INFO", "ERROR"], "{log}");
        assert!(log.contains("the disk is full"), "{log}");
    }
}
