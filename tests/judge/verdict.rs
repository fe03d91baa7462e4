//! Whether what was promised was kept: the far ends' ledgers held against the meters', the journal on disk, and what was told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::far_end::Ledger;
use super::gateway::Holds;
use super::meter::Meter;
use super::story::Run;

/// From a meter's answer to its being kept, on a busy machine.
const KEPT_WITHIN: Duration = Duration::from_millis(500);
/// What a power cut may cost beside that.
const SYNCED_WITHIN: Duration = Duration::from_secs(1);

/// How old an answer may be that a death takes with it.
pub(crate) const fn lost_at_most(is_power_cut: bool) -> Duration {
    if is_power_cut { KEPT_WITHIN.saturating_add(SYNCED_WITHIN) } else { KEPT_WITHIN }
}

/// What the run was like, and what is wrong with it.
pub(crate) fn judge(run: &Run) -> (String, Vec<String>) {
    let holds = run.gateway.holds_now();
    let mut complaints = Vec::new();
    if !run.gateway.set_aside().is_empty() {
        complaints.push("a database was set aside, though none was damaged".to_owned());
    }
    let (mut duplicates, mut given_up, mut missed) = (0, 0, 0);
    journal_is_whole(&holds, &mut complaints);
    for far_end in &run.far_ends {
        let ledger = far_end.ledger();
        let complain = |what: String| complaints.push(format!("{}: {what}", far_end.name));
        let mut finding = Finding { ledger: &ledger, holds: &holds, complain };
        duplicates += finding.events_came();
        finding.commands_were_kept();
        let lost = finding.telemetry_came(run);
        given_up += lost.given_up;
        missed += lost.died_with_the_gateway;
    }
    let telling = format!(
        "{} events, {} deaths, {} rows kept over them; {duplicates} events twice, {given_up} readings given up, {missed} answers died",
        holds.events.len(),
        run.deaths.len(),
        run.kept.len(),
    );
    (telling, complaints)
}

/// The journal's numbers have no gap, and no id comes twice.
fn journal_is_whole(holds: &Holds, complaints: &mut Vec<String>) {
    let mut ids = BTreeSet::new();
    for (event, seq) in holds.events.iter().zip(1_u64..) {
        if event["seq"] != seq {
            return complaints.push(format!("the journal has {} where {seq} should be", event["seq"]));
        }
        if !ids.insert(event["id"].to_string()) {
            complaints.push(format!("the journal has the id of event {seq} twice"));
        }
    }
}

/// Every row that was heard, by device and number, and what it said.
pub(crate) fn rows_heard(ledger: &Ledger) -> BTreeMap<(String, u64), &Value> {
    let rows = ledger.heard.iter().filter(|heard| heard.topic.starts_with("data/"));
    let key = |row: &Value| Some((row["device"].as_str()?.to_owned(), row["seq"].as_u64()?));
    rows.map(|heard| (key(&heard.payload).expect("a device and a number"), &heard.payload)).collect()
}

/// What of all that a disk holds has yet to come to a far end; none once nothing has. The broker must retain of the alarms just what stands,
/// though it may have lost its memory meanwhile.
pub(crate) fn is_owed(holds: &Holds, ledger: &Ledger) -> Option<String> {
    let last = holds.events.last().and_then(|event| event["seq"].as_u64());
    let heard = ledger.on("alarm/event").filter_map(|event| event["seq"].as_u64()).max();
    if heard < last {
        return Some(format!("events from {heard:?} to {last:?}"));
    }
    let rows = rows_heard(ledger);
    if let Some(row) = holds.rows.iter().find(|row| !rows.contains_key(row)) {
        return Some(format!("row {row:?}"));
    }
    let name = |topic: &str| topic.strip_prefix("alarm/current/").map(str::to_owned);
    let retained =
        ledger.retained.iter().filter_map(|(topic, event)| Some((name(topic)?, event["seq"].as_u64()?)));
    let (retained, standing): (BTreeMap<_, _>, BTreeMap<_, _>) =
        (retained.collect(), holds.standing.iter().cloned().collect());
    (retained != standing).then(|| format!("of {standing:?} the broker retains {retained:?}"))
}

/// Answers that never came.
#[derive(Default)]
struct Lost {
    given_up: u64,
    died_with_the_gateway: u64,
}

struct Finding<'a, F> {
    ledger: &'a Ledger,
    holds: &'a Holds,
    complain: F,
}

impl<F: FnMut(String)> Finding<'_, F> {
    /// Each event of the journal came, first comings in order, and nothing came that the journal does not hold. How many came again.
    fn events_came(&mut self) -> usize {
        let (mut next, mut again) = (1, 0);
        for event in self.ledger.on("alarm/event") {
            let seq = event["seq"].as_u64().expect("a number");
            let Some(journalled) = self.holds.events.get(seq as usize - 1) else {
                (self.complain)(format!("told of event {seq}, which the journal does not hold: {event}"));
                continue;
            };
            for field in ["id", "alarm", "event", "state", "raised_at", "by"] {
                if event[field] != journalled[field] {
                    (self.complain)(format!("event {seq} came as {event}, and the journal has {journalled}"));
                    break;
                }
            }
            if seq > next {
                (self.complain)(format!("event {seq} came before {next}"));
            }
            again += usize::from(seq < next);
            next = next.max(seq + 1);
        }
        again
    }

    /// What the gateway has said that it has done stands in the journal.
    fn commands_were_kept(&mut self) {
        for id in &self.ledger.done {
            if !self.holds.events.iter().any(|event| event["by"] == **id) {
                (self.complain)(format!("command {id} was done, and the journal knows nothing of it"));
            }
        }
    }

    /// Every row that a disk ever held came, but for those that were counted as given up; and every answer of the meters but for
    /// those that a death may take. No number of a row, and no answer, stands for two.
    fn telemetry_came(&mut self, run: &Run) -> Lost {
        let (mut by_number, mut by_answer) = (BTreeMap::new(), BTreeMap::new());
        let mut unread = BTreeMap::<usize, u64>::new();
        for heard in self.ledger.heard.iter().filter(|heard| heard.topic.starts_with("data/")) {
            let (row, device) = (&heard.payload, &heard.topic["data/".len()..]);
            let Some(meter) = device.strip_prefix('m').and_then(|n| n.parse::<usize>().ok()) else {
                continue;
            };
            let said = (&row["ts"], &row["values"], &row["quality"]);
            let first = *by_number.entry((device, row["seq"].as_u64())).or_insert(said);
            if (first.1, first.2) != (said.1, said.2) {
                (self.complain)(format!("row {} of {device} is two: {first:?} and {said:?}", row["seq"]));
            }
            match row["values"]["number"].as_u64() {
                Some(answer) => {
                    let number = by_answer.entry((meter, answer)).or_insert(&row["seq"]);
                    if *number != &row["seq"] {
                        (self.complain)(format!(
                            "{device} told {answer} as row {number} and as {}",
                            row["seq"]
                        ));
                    }
                }
                None => *unread.entry(meter).or_default() += 1,
            }
        }
        let given_up = self.ledger.retained.get("status").and_then(|status| status["given_up"].as_u64());
        let mut lost = Lost { given_up: given_up.unwrap_or(0), ..Lost::default() };
        let heard: BTreeSet<(String, u64)> =
            by_number.keys().filter_map(|(device, seq)| Some(((*device).to_owned(), (*seq)?))).collect();
        let missing = run.kept.iter().filter(|row| !heard.contains(row)).count() as u64;
        if missing > lost.given_up {
            (self.complain)(format!(
                "{missing} rows that a disk held never came, {} readings were given up",
                lost.given_up
            ));
        }
        self.answers_came(run, &by_answer, &unread, &mut lost);
        lost
    }

    fn answers_came(
        &mut self,
        run: &Run,
        by_answer: &BTreeMap<(usize, u64), &Value>,
        unread: &BTreeMap<usize, u64>,
        lost: &mut Lost,
    ) {
        for (of, given) in run.meters.iter().map(Meter::answers).enumerate() {
            let newest = by_answer.keys().filter(|(meter, _)| *meter == of).map(|(_, answer)| *answer).max();
            let mut missing = Vec::new();
            for (at, answer) in given.iter().zip(1..=newest.unwrap_or(0)) {
                if by_answer.contains_key(&(of, answer)) {
                    continue;
                }
                if run.deaths.iter().any(|death| death.since <= *at && *at <= death.until) {
                    lost.died_with_the_gateway += 1;
                } else {
                    missing.push(answer);
                }
            }
            // An answer that came too late for the gateway made a reading without a value, where a second question helped no more.
            let explained = lost.given_up + 2 * unread.get(&of).copied().unwrap_or(0);
            if missing.len() as u64 > explained {
                (self.complain)(format!(
                    "of meter {of} {} answers never came ({missing:?}), of which {explained} are accounted for",
                    missing.len()
                ));
            }
        }
    }
}
