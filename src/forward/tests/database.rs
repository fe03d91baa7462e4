//! InfluxDB, as a small server that answers as it is told.

use std::collections::VecDeque;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use tokio::sync::watch;

use super::plant::{ANY, Plant, soon};
use crate::model::limits::REFUSAL_TOLD_FOR;
use crate::model::{Text, Wall};
use crate::site::{ForwarderKind, InfluxTarget, Secret};
use crate::store::fixtures::{AT, alarms, batch, commit, raised, telemetry};

#[derive(Default)]
struct Seen {
    /// Answers to come; 204 when there are none left. Zero never answers.
    script: VecDeque<u16>,
    /// A batch with this text is answered 400.
    poison: Option<&'static str>,
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
        let app = Router::new().route("/api/v2/write", post(write)).with_state(database.clone());
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
) -> (StatusCode, &'static str) {
    let mut text = String::new();
    flate2::read::GzDecoder::new(&body[..]).read_to_string(&mut text).unwrap();
    let answer = {
        let mut seen = database.seen.lock().unwrap();
        seen.writes += 1;
        seen.query = query.unwrap();
        seen.token = headers["authorization"].to_str().unwrap().to_owned();
        let poisoned = seen.poison.is_some_and(|poison| text.contains(poison));
        seen.rejected += usize::from(poisoned);
        let answer = if poisoned { 400 } else { seen.script.pop_front().unwrap_or(204) };
        if answer == 204 {
            seen.lines.extend(text.lines().map(str::to_owned));
        }
        answer
    };
    database.change.send_replace(());
    if answer == 0 {
        std::future::pending::<()>().await;
    }
    (StatusCode::from_u16(answer).unwrap(), if answer == 204 { "" } else { "because I say so" })
}

fn alarms_in(seen: &Seen) -> usize {
    seen.lines.iter().filter(|line| line.starts_with("alarm,")).count()
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
    let parts = [("503", "503"), ("429", "429"), ("令牌被拒绝", "token refused"), ("存储桶", "bucket")];
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
async fn p2_a_row_that_cannot_be_taken_takes_nothing_else_with_it_and_is_told_for_long() {
    let database = Database::start(&[]).await;
    database.seen.lock().unwrap().poison = Some("value=13.5,");
    let mut plant = Plant::new(vec![("db", database.target())]);
    commit(&plant.store, telemetry((0..20).map(|i| batch(0, Wall(AT.0 + i), i as f64 + 0.5)).collect()))
        .await;
    plant.start();
    let Text { zh, en } = plant.complaint().await;
    assert!(zh.contains("拒收部分监测数据") && zh.contains("返回 400"), "{zh}");
    assert!(en.contains("will not take some of the readings") && en.contains("because I say so"), "{en}");
    database.until("the other nineteen come", |seen| seen.lines.len() == 38).await;
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

#[tokio::test]
async fn p1_an_alarm_event_that_is_rejected_stays_owed_no_event_overtakes_it_and_telemetry_goes_on() {
    let database = Database::start(&[]).await;
    database.seen.lock().unwrap().poison = Some("alarm=poison");
    let mut plant = Plant::new(vec![("db", database.target())]);
    let names = (0..20).map(|i| raised(&if i == 13 { "poison".to_owned() } else { format!("a{i}") }));
    commit(&plant.store, alarms(names.collect())).await;
    plant.start();
    let Text { zh, en } = plant.complaint().await;
    assert!(zh.contains("拒收第 14 号报警事件（poison）") && zh.contains("返回 400"), "{zh}");
    assert!(en.contains("will not take event 14 (`poison`)") && en.contains("because I say so"), "{en}");
    commit(&plant.store, telemetry(vec![batch(0, AT, 12.5)])).await;
    database
        .until("telemetry goes on", |seen| seen.lines.iter().any(|line| line.contains("value=12.5")))
        .await;
    database.until("it is tried again", |seen| seen.rejected > 12).await;
    assert_eq!(alarms_in(&database.seen.lock().unwrap()), 13, "those before it, and none after it");
    database.seen.lock().unwrap().poison = None;
    database.until("all come", |seen| alarms_in(seen) == 20).await;
    plant.works().await;
    plant.stop().await;
    assert_eq!(plant.progress("db").await.event, 20);
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
