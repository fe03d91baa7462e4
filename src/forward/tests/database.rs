//! InfluxDB, as a small server that answers as it is told.

use std::collections::VecDeque;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::routing::{get, post};
use tokio::sync::watch;

use super::plant::{ANY, Plant, soon};
use crate::model::limits::{REFUSAL_TOLD_FOR, REFUSED_AGAIN_AFTER};
use crate::model::{Text, Wall};
use crate::site::{ForwarderKind, InfluxTarget, Secret};
use crate::store::fixtures::{AT, alarms, batch, commit, raised, telemetry};

#[derive(Default)]
struct Seen {
    /// Answers to come; 204 when there are none left. Zero never answers.
    script: VecDeque<u16>,
    /// A batch with this text is answered 400.
    poison: Option<&'static str>,
    /// Of such a batch, what lines are without the text are written all the same.
    is_partial: bool,
    /// When to come again, with each answer but the good.
    retry_after: Option<&'static str>,
    lines: Vec<String>,
    writes: usize,
    rejected: usize,
    query: String,
    token: String,
}

/// The database.
#[derive(Clone)]
struct Database {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    change: watch::Sender<()>,
}

impl Database {
    async fn start(script: &[u16]) -> Self {
        let listener = tokio::net::TcpListener::bind(ANY).await.unwrap();
        let seen = Seen { script: script.iter().copied().collect(), ..Seen::default() };
        let address = listener.local_addr().unwrap();
        let database = Self { address, seen: Arc::new(Mutex::new(seen)), change: watch::Sender::new(()) };
        let app = Router::new()
            .route("/api/v2/write", post(write))
            .route("/api/v2/buckets", get(buckets))
            .with_state(database.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        database
    }

    fn target(&self) -> ForwarderKind {
        ForwarderKind::Influx(InfluxTarget {
            url: format!("http://{}", self.address),
            org: "park".to_owned(),
            bucket: "hazgate".to_owned(),
            token: Some(Secret::new("t0p")),
        })
    }

    async fn until(&self, what: &str, wanted: impl Fn(&Seen) -> bool) {
        let mut changed = self.change.subscribe();
        soon(what, async {
            while !wanted(&self.seen.lock().unwrap()) {
                changed.changed().await.unwrap();
            }
        })
        .await;
    }
}

async fn write(
    State(database): State<Database>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, HeaderMap, &'static str) {
    let mut text = String::new();
    flate2::read::GzDecoder::new(&body[..]).read_to_string(&mut text).unwrap();
    let (answer, words, retry_after) = {
        let mut seen = database.seen.lock().unwrap();
        seen.writes += 1;
        seen.query = query.unwrap();
        seen.token = headers["authorization"].to_str().unwrap().to_owned();
        let poison = seen.poison.filter(|poison| text.contains(poison));
        seen.rejected += usize::from(poison.is_some());
        let answer = if poison.is_some() { 400 } else { seen.script.pop_front().unwrap_or(204) };
        if answer == 204 || seen.is_partial {
            let lines = text.lines().filter(|line| poison.is_none_or(|poison| !line.contains(poison)));
            seen.lines.extend(lines.map(str::to_owned));
        }
        let words = match answer {
            204 => "",
            400 if seen.is_partial => r#"{"code":"invalid","message":"partial write: dropped=1"}"#,
            _ => "because I say so",
        };
        (answer, words, seen.retry_after)
    };
    database.change.send_replace(());
    if answer == 0 {
        std::future::pending::<()>().await;
    }
    let retry_after = retry_after.map(|text| (RETRY_AFTER, HeaderValue::from_static(text)));
    (StatusCode::from_u16(answer).unwrap(), retry_after.into_iter().collect(), words)
}

async fn buckets() -> &'static str {
    r#"{"buckets":[{"name":"plants","retentionRules":[]},{"name":"tests","retentionRules":[]}]}"#
}

/// Alarm events that it has; what came twice is the same.
fn alarms_in(seen: &Seen) -> usize {
    seen.lines
        .iter()
        .filter(|line| line.starts_with("alarm,"))
        .collect::<std::collections::BTreeSet<_>>()
        .len()
}

#[tokio::test]
async fn events_and_readings_arrive_as_lines() {
    let database = Database::start(&[]).await;
    let mut plant = Plant::new(vec![("db", database.target())]);
    plant.start();
    commit(&plant.store, alarms(vec![raised("dust1.fan")])).await;
    commit(&plant.store, telemetry(vec![batch(0, AT, 12.5)])).await;
    database.until("three lines come", |seen| seen.lines.len() == 3).await;
    plant.works().await;
    {
        let seen = database.seen.lock().unwrap();
        assert_eq!(seen.query, "bucket=hazgate&org=park&precision=ms");
        assert_eq!(seen.token, "Token t0p");
        let reading = format!(
            "reading,enterprise=acme,gateway=gw1,device=meter1,point=meter1.power,hazard=dust1 value=12.5,quality=\"good\" {}",
            AT.0
        );
        assert!(seen.lines.contains(&reading), "{:?}", seen.lines);
    }
    plant.stop().await;
    let progress = plant.progress("db").await;
    assert_eq!((progress.event, progress.telemetry, progress.gaps.len()), (1, 1, 0));
}

#[tokio::test]
async fn p1_nothing_is_lost_while_the_database_is_busy_broken_or_refuses_the_token() {
    let database = Database::start(&[503, 429, 401, 404]).await;
    let mut plant = Plant::new(vec![("db", database.target())]);
    plant.start();
    commit(&plant.store, alarms(vec![raised("a")])).await;
    let said =
        [plant.complaint().await, plant.complaint().await, plant.complaint().await, plant.complaint().await];
    let parts =
        [("503", "503"), ("429", "429"), ("令牌被拒绝", "token refused"), ("plants, tests", "plants, tests")];
    for (Text { zh, en }, (zh_part, en_part)) in said.iter().zip(parts) {
        assert!(zh.contains(zh_part) && zh.contains("because I say so"), "{zh}");
        assert!(en.contains(en_part) && en.contains("because I say so"), "{en}");
    }
    commit(&plant.store, telemetry(vec![batch(0, AT, 1.0)])).await;
    database.until("everything comes", |seen| seen.lines.len() == 3).await;
    assert_eq!(alarms_in(&database.seen.lock().unwrap()), 1);
    plant.works().await;
    plant.stop().await;
}

#[tokio::test]
async fn p2_a_reading_that_cannot_be_taken_takes_nothing_else_with_it_and_is_told_for_long() {
    let database = Database::start(&[]).await;
    database.seen.lock().unwrap().poison = Some("value=13.5,");
    let mut plant = Plant::new(vec![("db", database.target())]);
    commit(&plant.store, telemetry((0..20).map(|i| batch(0, Wall(AT.0 + i), i as f64 + 0.5)).collect()))
        .await;
    plant.start();
    let Text { zh, en } = plant.complaint().await;
    assert!(zh.contains("拒收部分监测数据") && zh.contains("返回 400"), "{zh}");
    assert!(en.contains("will not take some of the readings") && en.contains("because I say so"), "{en}");
    database.until("all but that one reading come", |seen| seen.lines.len() == 39).await;
    for alarm in ["a", "b"] {
        let before = alarms_in(&database.seen.lock().unwrap());
        commit(&plant.store, alarms(vec![raised(alarm)])).await;
        database.until("the next one comes", |seen| alarms_in(seen) > before).await;
    }
    // That the second is there says that the first had been told of, and what was told has had its turn.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(plant.health.try_recv().is_err(), "a good write made the refusal be forgotten");
    tokio::time::pause();
    tokio::time::advance(REFUSAL_TOLD_FOR).await;
    tokio::time::resume();
    plant.works().await;
    plant.stop().await;
}

/// Lets so much time pass at once.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn p1_an_alarm_event_that_is_rejected_is_set_aside_holds_up_nothing_and_is_sent_again() {
    let database = Database::start(&[]).await;
    database.seen.lock().unwrap().poison = Some("alarm=poison");
    let mut plant = Plant::new(vec![("db", database.target())]);
    let names = (0..20).map(|i| raised(&if i % 7 == 6 { "poison".to_owned() } else { format!("a{i}") }));
    commit(&plant.store, alarms(names.collect())).await;
    plant.start();
    let Text { zh, en } = plant.complaint().await;
    assert!(zh.contains("首条为第 7 号") && zh.contains("返回 400"), "{zh}");
    assert!(en.contains("the first of them event 7") && en.contains("because I say so"), "{en}");
    commit(&plant.store, telemetry(vec![batch(0, AT, 12.5)])).await;
    database.until("all others come", |seen| alarms_in(seen) == 18 && seen.lines.len() == 20).await;
    let order: Vec<String> = {
        let seen = database.seen.lock().unwrap();
        seen.lines
            .iter()
            .filter_map(|line| Some(line.split_once(",alarm=a")?.1.split(',').next()?.to_owned()))
            .collect()
    };
    let expected: Vec<String> = (0..20).filter(|i| i % 7 != 6).map(|i| i.to_string()).collect();
    assert_eq!(order, expected, "in order");
    plant.stop().await;
    assert_eq!(plant.progress("db").await.event, 20);
    assert_eq!(plant.store.outbox("db").unwrap().refusals().await.unwrap().count, 2);

    // A restart tries them at once, and then one a round as long as none is taken.
    let mut plant = plant.restarted().await;
    let before = database.seen.lock().unwrap().rejected;
    plant.start();
    database.until("the first is tried again", |seen| seen.rejected == before + 1).await;
    plant.complaint().await;
    // The round is over a moment after the answer, and the next is due so long after that. Time must not leap while a write is under way.
    let rounds = async |is_over: &mut dyn FnMut() -> bool| {
        for _ in 0..50 {
            pass(REFUSED_AGAIN_AFTER).await;
            for _ in 0..50 {
                if is_over() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        let seen = database.seen.lock().unwrap();
        panic!(
            "no end of rounds: {} writes, {} rejected, {} alarms",
            seen.writes,
            seen.rejected,
            alarms_in(&seen)
        );
    };
    rounds(&mut || database.seen.lock().unwrap().rejected >= before + 3).await;
    database.seen.lock().unwrap().poison = None;
    rounds(&mut || alarms_in(&database.seen.lock().unwrap()) == 20).await;
    rounds(&mut || matches!(plant.health.try_recv(), Ok(None))).await;
    plant.stop().await;
    commit(&plant.store, alarms(vec![raised("last")])).await;
    assert_eq!(plant.store.outbox("db").unwrap().refusals().await.unwrap().count, 0);
}

#[tokio::test]
async fn p2_of_a_write_that_is_taken_in_part_nothing_but_what_was_rejected_is_missing() {
    let database = Database::start(&[]).await;
    {
        let mut seen = database.seen.lock().unwrap();
        (seen.poison, seen.is_partial) = (Some("value=13.5,"), true);
    }
    let mut plant = Plant::new(vec![("db", database.target())]);
    commit(&plant.store, telemetry((0..20).map(|i| batch(0, Wall(AT.0 + i), i as f64 + 0.5)).collect()))
        .await;
    plant.start();
    let Text { en, .. } = plant.complaint().await;
    assert!(en.ends_with("partial write: dropped=1"), "{en}");
    plant.stop().await;
    let lines: std::collections::BTreeSet<String> =
        database.seen.lock().unwrap().lines.iter().cloned().collect();
    assert_eq!(lines.len(), 39);
    assert_eq!(plant.progress("db").await.telemetry, 20);
}

#[tokio::test]
async fn p1_a_database_that_asks_to_be_left_alone_is_left_alone_for_so_long_and_no_longer() {
    for (said, short, long) in
        [("200", 150, 60), ("999999999", 290, 20), ("Fri, 31 Dec 2100 23:59:59 GMT", 290, 20)]
    {
        let database = Database::start(&[503]).await;
        database.seen.lock().unwrap().retry_after = Some(said);
        let mut plant = Plant::new(vec![("db", database.target())]);
        plant.start();
        commit(&plant.store, alarms(vec![raised("a")])).await;
        plant.complaint().await;
        pass(Duration::from_secs(short)).await;
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(database.seen.lock().unwrap().writes, 1, "{said}: too early");
        pass(Duration::from_secs(long)).await;
        database.until("the event comes", |seen| alarms_in(seen) == 1).await;
        plant.works().await;
        plant.stop().await;
    }
    // What cannot be understood leaves it at our own waits.
    let database = Database::start(&[429]).await;
    database.seen.lock().unwrap().retry_after = Some("when I am ready");
    let mut plant = Plant::new(vec![("db", database.target())]);
    plant.start();
    commit(&plant.store, alarms(vec![raised("a")])).await;
    database.until("the event comes", |seen| alarms_in(seen) == 1).await;
    plant.stop().await;
}

#[tokio::test]
async fn p1_a_database_that_never_answers_is_given_up_and_tried_again() {
    let database = Database::start(&[0]).await;
    let mut plant = Plant::new(vec![("db", database.target())]);
    plant.start();
    commit(&plant.store, alarms(vec![raised("a")])).await;
    database.until("the write hangs", |seen| seen.writes == 1).await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(31)).await;
    tokio::time::resume();
    plant.complaint().await;
    database.until("the event comes", |seen| alarms_in(seen) == 1).await;
    plant.stop().await;
}

#[tokio::test]
async fn a_database_that_is_not_there_is_said_to_be_so_in_both_languages() {
    let closed = tokio::net::TcpListener::bind(ANY).await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let target = ForwarderKind::Influx(InfluxTarget {
        url: format!("http://{address}"),
        org: "acme".to_owned(),
        bucket: "plant".to_owned(),
        token: None,
    });
    let mut plant = Plant::new(vec![("db", target)]);
    plant.start();
    commit(&plant.store, alarms(vec![raised("a")])).await;
    let words = Text::new(
        format!("写入 http://{address} 失败：拒绝连接"),
        format!("writing to http://{address} failed: connection refused"),
    );
    assert_eq!(plant.complaint().await, words);
    plant.stop().await;
}

#[tokio::test]
async fn p3_a_dead_destination_delays_no_other() {
    let database = Database::start(&[]).await;
    let closed = tokio::net::TcpListener::bind(ANY).await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let mut plant = Plant::new(vec![("dead", super::plant::broker(address)), ("db", database.target())]);
    plant.start();
    commit(&plant.store, alarms(vec![raised("a")])).await;
    database.until("the event comes", |seen| alarms_in(seen) == 1).await;
    plant.stop().await;
}
