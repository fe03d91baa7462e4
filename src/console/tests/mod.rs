//! The console as a browser meets it: over a real socket, with a canned gateway behind it.

mod access;
mod acknowledge;
mod pages;
mod power;
mod stream;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value as Json;
use tokio::net::TcpListener;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use super::{Context, EventHistory, HistoryError, serve};
use crate::clock::Clock;
use crate::inbox::{Inbox, Message};
use crate::model::limits::EVENT_BROADCAST_LEN_MAX;
use crate::model::{
    AlarmId, AlarmState, Board, ClockSync, DeviceId, DeviceStatus, Event, EventKind, ForwarderId, HazardId,
    Level, LinkCounters, LinkState, OutputStatus, PointId, PointState, Quality, Reason, Risk, RiskItem,
    RiskLevel, Sample, Snapshot, Stamp, Text, Transition, UplinkStatus, Value, Wall,
};
use crate::report::Desk;
use crate::site::{
    AlarmOptions, Broker, Calendar, Call, Code, Conversion, Device, Extract, Forwarder, ForwarderKind,
    Hazard, HazardKind, Identity, InfluxTarget, Limit, Limits, Link, LinkKind, MqttDevice, MqttTarget,
    OutputSpec, Point, Protocol, Range, Rule, RuleKind, Secret, Site, Source, StoreOptions, Target, Until,
    Values,
};

/// Longest wait for an answer that must come: only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// What stands behind a console, in the test's hands.
struct Gateway {
    board: watch::Sender<Arc<Board>>,
    snapshots: watch::Sender<Arc<Snapshot>>,
    fault: watch::Sender<Option<Text>>,
    events: broadcast::Sender<Arc<Event>>,
    inbox: mpsc::Receiver<Message>,
}

fn gateway(history: impl EventHistory) -> (Context, Gateway) {
    let (board, board_seen) = watch::channel(Arc::new(board([raised(1)])));
    let (snapshots, snapshots_seen) = watch::channel(Arc::new(snapshot(6.25)));
    let (fault, fault_seen) = watch::channel(None);
    let events = broadcast::Sender::new(EVENT_BROADCAST_LEN_MAX);
    let (sender, inbox) = Inbox::new(Clock::start());
    let site = Arc::new(site());
    let context = Context {
        reports: Arc::new(Desk::new(site.clone())),
        site,
        board: board_seen,
        snapshots: snapshots_seen,
        fault: fault_seen,
        events: Arc::new({
            let events = events.clone();
            move || events.subscribe()
        }),
        history: Arc::new(history),
        inbox: sender,
        clock: Clock::start(),
    };
    (context, Gateway { board, snapshots, fault, events, inbox })
}

/// A console that a browser can reach.
struct Console {
    address: String,
    client: Client,
    gateway: Gateway,
    stop: CancellationToken,
    server: JoinHandle<io::Result<()>>,
    _stop_at_end: DropGuard,
}

impl Console {
    async fn start() -> Self {
        Self::with_history(Pages(vec![])).await
    }

    async fn with_history(history: impl EventHistory) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound").to_string();
        let (context, gateway) = gateway(history);
        let stop = CancellationToken::new();
        let server = tokio::spawn(serve(listener, context, stop.clone()));
        let client = Client::builder().no_proxy().timeout(PATIENCE).build().expect("a client");
        let stop_at_end = stop.clone().drop_guard();
        Self { address, client, gateway, stop, server, _stop_at_end: stop_at_end }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.expect("an answer")
    }

    async fn stream(&self) -> Stream {
        let response = self.get("/api/v1/stream").await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Stream { response, buffer: String::new() }
    }
}

/// A viewer's end of the live stream.
struct Stream {
    response: Response,
    buffer: String,
}

impl Stream {
    /// The next frame: its event and its data; none at the end of the stream.
    async fn next(&mut self) -> Option<(String, Json)> {
        loop {
            if let Some((frame, rest)) = self.buffer.split_once("\n\n") {
                let (frame, rest) = (frame.to_owned(), rest.to_owned());
                self.buffer = rest;
                if let Some((event, data)) = frame.split_once("\ndata: ") {
                    let event = event.strip_prefix("event: ").expect("an event").to_owned();
                    return Some((event, serde_json::from_str(data).expect("JSON")));
                }
                continue;
            }
            let chunk = self.response.chunk().await.ok().flatten()?;
            self.buffer.push_str(std::str::from_utf8(&chunk).expect("frames end at character boundaries"));
        }
    }

    /// The next frame of this event, whatever comes before it.
    async fn find(&mut self, wanted: &str) -> Json {
        loop {
            let (event, data) = self.next().await.expect("the stream goes on");
            if event == wanted {
                return data;
            }
        }
    }
}

/// A journal in memory, oldest first.
struct Pages(Vec<Event>);

impl EventHistory for Pages {
    fn page(&self, before: Option<u64>, limit: usize) -> Result<Vec<Event>, HistoryError> {
        let older = self.0.iter().rev().filter(|event| before.is_none_or(|before| event.seq < before));
        Ok(older.take(limit).cloned().collect())
    }
}

async fn json(response: Response) -> Json {
    serde_json::from_slice(&response.bytes().await.expect("a body")).expect("JSON")
}

fn stamp() -> Stamp {
    Wall(1_795_263_303_214).stamp(&TimeZone::UTC)
}

fn board<const N: usize>(alarms: [Event; N]) -> Board {
    let device = DeviceStatus {
        at: stamp(),
        device: "gauge".to_owned(),
        state: LinkState::Up,
        since: stamp(),
        error: None,
        counters: LinkCounters::default(),
    };
    let item = RiskItem {
        level: RiskLevel((N > 0).then_some(Level::Orange)),
        alarms: alarms.iter().map(|event| event.transition.alarm.clone()).collect(),
    };
    let hazards = BTreeMap::from([("tank1".to_owned(), item.clone())]);
    Board {
        alarms: alarms.into_iter().map(|event| (event.transition.alarm.clone(), Arc::new(event))).collect(),
        devices: BTreeMap::from([("gauge".to_owned(), Arc::new(device))]),
        outputs: BTreeMap::from([("siren".to_owned(), Arc::new(sounding(N > 0)))]),
        risk: Arc::new(Risk { at: stamp(), site: item, hazards }),
    }
}

fn snapshot(level: f64) -> Snapshot {
    let uplink = |index| UplinkStatus {
        forwarder: ForwarderId::new(index),
        connected: true,
        since: stamp(),
        error: None,
    };
    Snapshot {
        at: stamp(),
        points: vec![
            Some(PointState { at: stamp().wall, sample: Sample::Good(Value::Float(level)) }),
            Some(PointState { at: stamp().wall, sample: Sample::Bad(Reason::Comm) }),
            None,
        ],
        uplinks: vec![uplink(0), uplink(1)],
    }
}

fn raised(seq: u64) -> Event {
    let transition = Transition {
        point: Some("gauge.level".to_owned()),
        device: Some("gauge".to_owned()),
        hazard: Some("tank1".to_owned()),
        state: AlarmState::Unacknowledged,
        level: Level::Orange,
        value: Some(Value::Float(9.5)),
        limit: Some(9.0),
        unit: Some("m".to_owned()),
        quality: Some(Quality::Good),
        ..Transition::new(stamp(), EventKind::Raised, "gauge.level", Text::new("液位高", "Level high"))
    };
    Event { id: Uuid::from_u128(u128::from(seq)), seq, clock: ClockSync::Synced, transition }
}

/// One hazard, one device, three points (the first with limits), one output, two destinations.
fn site() -> Site {
    Site {
        identity: Identity {
            enterprise: "works".to_owned(),
            gateway: "gw1".to_owned(),
            name: Text::new("一厂", "Works 1"),
            zone: TimeZone::UTC,
        },
        hash: "c0ffee".to_owned(),
        derived: Vec::new(),
        calendar: Calendar::default(),
        left_out: Vec::new(),
        feeders: Vec::new(),
        alarms: AlarmOptions::default(),
        hazards: vec![Hazard {
            name: "tank1".to_owned(),
            kind: HazardKind::TankFarm,
            title: Text::new("一号罐区", "Tank farm 1"),
        }],
        devices: vec![device()],
        links: vec![Link { kind: LinkKind::Mqtt(broker()), devices: vec![DeviceId::new(0)] }],
        points: points(),
        rules: vec![limits()],
        outputs: vec![siren()],
        forwarders: destinations(),
        store: StoreOptions { directory: "unused".into(), telemetry_bytes_max: 0, telemetry_age_max: None },
        console: None,
        broker: None,
    }
}

fn broker() -> Broker {
    let (username, password) = (Some("field".to_owned()), Some(Secret::new("hunter2")));
    Broker { username, password, ..Broker::open("broker:1883") }
}

fn device() -> Device {
    Device {
        name: "gauge".to_owned(),
        title: Text::new("液位计", "Level gauge"),
        hazard: Some(HazardId::new(0)),
        protocol: Protocol::Mqtt(MqttDevice::json("field/gauge", PATIENCE)),
        points: (0..3).map(PointId::new).collect(),
    }
}

fn points() -> Vec<Point> {
    let mut points = ["gauge.level", "gauge.pressure", "gauge.valve"].map(point).to_vec();
    let code = |code, zh, en| Code { code, label: Text::new(zh, en) };
    let codes = vec![code(0, "关闭", "closed"), code(1, "打开", "open")];
    let conversion = Conversion { codes, ..Conversion::default() };
    points[2].source = Source::Mqtt(Extract { pointer: String::new(), conversion });
    points
}

fn point(name: &str) -> Point {
    Point {
        name: name.to_owned(),
        title: Text::same(name),
        device: DeviceId::new(0),
        hazard: Some(HazardId::new(0)),
        unit: "m".to_owned(),
        decimals: 2,
        range: Some(Range { low: 0.0, high: 12.0 }),
        role: None,
        source: Source::Mqtt(Extract { pointer: String::new(), conversion: Conversion::default() }),
        poll: None,
        max_age: PATIENCE,
        stuck: None,
        keep: None,
    }
}

fn limits() -> Rule {
    let limit = |value, level| Some(Limit { value, level });
    Rule::new(
        "gauge.level",
        Some(HazardId::new(0)),
        RuleKind::Limits(Limits {
            point: PointId::new(0),
            ll: None,
            l: limit(1.0, Level::Yellow),
            h: limit(9.0, Level::Orange),
            hh: limit(10.0, Level::Red),
            deadband: 0.1,
        }),
    )
}

/// Sounds while the level is too high and nobody has acknowledged it.
fn siren() -> OutputSpec {
    OutputSpec {
        name: "siren".to_owned(),
        title: Text::new("声光报警器", "Siren"),
        hazard: Some(HazardId::new(0)),
        device: DeviceId::new(0),
        target: Target { address: 16, values: Values::Coil(true), multiple: false },
        enabled: true,
        calls: vec![Call { alarm: AlarmId::new(0), level: Level::Orange }],
        until: Until::Acknowledged,
    }
}

fn sounding(on: bool) -> OutputStatus {
    OutputStatus {
        at: stamp(),
        output: "siren".to_owned(),
        on: Some(on),
        wanted: on,
        since: stamp(),
        by: None,
        reason: None,
        error: None,
        confirmed: true,
    }
}

fn destinations() -> Vec<Forwarder> {
    let influx = InfluxTarget {
        url: "http://writer:hunter2@series:8086/base".to_owned(),
        org: "works".to_owned(),
        bucket: "plant".to_owned(),
        token: Some(Secret::new("hunter2")),
    };
    vec![
        Forwarder { name: "park".to_owned(), kind: ForwarderKind::Mqtt(MqttTarget::one(broker())) },
        Forwarder { name: "series".to_owned(), kind: ForwarderKind::Influx(influx) },
    ]
}
