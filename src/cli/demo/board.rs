//! What the demo shows: made of what a centre heard at the broker, what the plant's story did, and the gateway's snapshot. Pure: it
//! turns news into lines and rows, and prints nothing itself.

use std::collections::BTreeMap;
use std::time::Duration;

use hazgate::clock::Clock;
use hazgate::model::{Event, EventKind, Level, LinkState, Quality, Risk, Snapshot};
use simulators::StoryLine;

use super::Stage;
use crate::cli::args::Language;
use crate::cli::centre::{self, News, Said, Seen};

/// Standing alarms that the panel has room for.
const ALARM_ROWS: usize = 6;

/// The state of the demo's terminal.
pub(super) struct DemoBoard {
    language: Language,
    clock: Clock,
    name: String,
    console: String,
    broker: String,
    point_count: usize,
    devices: BTreeMap<String, LinkState>,
    hazards: Vec<(String, String)>,
    points_good: usize,
    risk: Option<Risk>,
    standing: BTreeMap<String, Box<Event>>,
    seen: Seen,
    delivered: Delivered,
}

/// What arrived at the centre.
#[derive(Default)]
struct Delivered {
    messages: u64,
    readings: u64,
    events: u64,
    raised: u64,
    duplicates: u64,
    first_alarm_after: Option<Duration>,
    slowest_ms: i64,
}

impl DemoBoard {
    /// Rows of the panel.
    pub(super) const ROWS: usize = 7 + ALARM_ROWS;

    pub(super) fn new(language: Language, clock: Clock, stage: &Stage) -> Self {
        let site = &stage.site;
        let console = stage.gateway.console().map(|address| format!("http://{address}/")).unwrap_or_default();
        Self {
            language,
            clock,
            name: language.of(&site.identity.name).to_owned(),
            console,
            broker: format!("mqtt://{}", stage.broker.local_addr()),
            point_count: site.points.len(),
            devices: site.devices.iter().map(|device| (device.name.clone(), LinkState::Down)).collect(),
            hazards: site
                .hazards
                .iter()
                .map(|hazard| (hazard.name.clone(), language.of(&hazard.title).to_owned()))
                .collect(),
            points_good: 0,
            risk: None,
            standing: BTreeMap::new(),
            seen: Seen::default(),
            delivered: Delivered::default(),
        }
    }

    /// The first lines: what runs, and where to look.
    pub(super) fn opening(&self) -> String {
        let hazards: Vec<&str> = self.hazards.iter().map(|(_, title)| title.as_str()).collect();
        format!(
            "{}\n  {}  {}\n  {}  {}\n  {}  hazgate watch {}\n",
            self.language
                .pick("Hazgate 演示：在本机模拟一座工厂", "Hazgate demo: a simulated plant on this machine"),
            self.language.pick("危险源", "hazards "),
            hazards.join(self.language.pick("、", " | ")),
            self.language.pick("监控台", "console "),
            self.console,
            self.language.pick("中心端", "centre  "),
            self.broker,
        )
    }

    /// Takes in what the centre heard; a line if a person would want to see it.
    pub(super) fn hear(&mut self, news: News) -> Option<String> {
        let message = match news {
            News::Connected => return None,
            News::Lost(error) => return Some(format!("{} {error}", self.broker)),
            News::Message(message) => message,
        };
        self.delivered.messages += 1;
        match centre::decode(&message) {
            Err(error) => return Some(format!("{}: {error}", message.topic)),
            Ok((_, Said::Event(event))) => return self.event(&event),
            Ok((_, Said::Current(alarm, Some(event)))) => {
                self.standing.insert(alarm, event);
            }
            Ok((_, Said::Current(alarm, None))) => {
                self.standing.remove(&alarm);
            }
            Ok((_, Said::Risk(risk))) => self.risk = Some(risk),
            Ok((_, Said::Device(device))) => {
                self.devices.insert(device.device, device.state);
            }
            Ok((_, Said::Data(data))) => {
                let bad = data.quality.values().filter(|q| q.as_str().is_some_and(|q| q.starts_with("bad")));
                self.delivered.readings += (data.values.len() + bad.count()) as u64;
            }
            Ok((_, Said::Status(_) | Said::Other)) => {}
        }
        None
    }

    fn event(&mut self, event: &Event) -> Option<String> {
        if !self.seen.first(event.id) {
            self.delivered.duplicates += 1;
            return None;
        }
        let now = self.clock.now();
        let delay_ms = now.wall.0 - event.transition.at.wall.0;
        let delivered = &mut self.delivered;
        delivered.events += 1;
        delivered.slowest_ms = delivered.slowest_ms.max(delay_ms);
        if event.transition.event == EventKind::Raised {
            delivered.raised += 1;
            delivered.first_alarm_after.get_or_insert(now.mono.since_start());
        }
        let arrived = match self.language {
            Language::Zh => format!("{delay_ms} ms 送达中心"),
            Language::En => format!("{delay_ms} ms to the centre"),
        };
        let t = &event.transition;
        Some(format!(
            "{:5.1} s  {}  {}  [{arrived}]",
            now.mono.since_start().as_secs_f64(),
            self.language.event_columns(t),
            self.language.of(&t.message),
        ))
    }

    /// A line about what the plant's story does.
    pub(super) fn tell(&self, line: &StoryLine) -> String {
        format!(
            "{:5.1} s  {}  {}",
            self.clock.now().mono.since_start().as_secs_f64(),
            self.language.pick("» 现场", "» plant"),
            self.language.pick(&line.text.zh, &line.text.en)
        )
    }

    /// Takes in the gateway's snapshot.
    pub(super) fn look(&mut self, snapshot: &Snapshot) {
        let good = |sample: hazgate::model::Sample| sample.quality() == Quality::Good;
        self.points_good = snapshot.points.iter().flatten().filter(|state| good(state.sample)).count();
    }

    /// The panel.
    pub(super) fn rows(&self) -> Vec<String> {
        let mut rows = vec![String::new(), self.plant_row(), self.risk_row()];
        let mut standing: Vec<&Event> = self.standing.values().map(AsRef::as_ref).collect();
        standing.sort_by_key(|event| (std::cmp::Reverse(event.transition.level), event.transition.raised_at));
        rows.push(format!("{}  {}", self.language.pick("当前报警", "standing"), standing.len()));
        for event in standing.iter().take(ALARM_ROWS) {
            let t = &event.transition;
            let (level, state) = (self.language.level(t.level), self.language.state(t.state));
            rows.push(format!("  {level}  {}  ({state})", self.language.of(&t.message)));
        }
        rows.push(self.delivered_row());
        rows.push(format!("{}  {}", self.language.pick("监控台  ", "console "), self.console));
        rows.push(format!("{}  hazgate watch {}", self.language.pick("中心端  ", "centre  "), self.broker));
        rows
    }

    fn plant_row(&self) -> String {
        let up = self.devices.values().filter(|state| **state == LinkState::Up).count();
        let (devices, points, good) = (self.devices.len(), self.point_count, self.points_good);
        let seconds = self.clock.now().mono.since_start().as_secs();
        match self.language {
            Language::Zh => {
                format!("{}  {seconds} s  设备 {up}/{devices} 在线，测点 {good}/{points} 正常", self.name)
            }
            Language::En => {
                format!("{}  {seconds} s  devices {up}/{devices} up, points {good}/{points} good", self.name)
            }
        }
    }

    fn risk_row(&self) -> String {
        let word = |level: Option<Level>| match level {
            None => self.language.pick("○ 正常", "○ normal").to_owned(),
            Some(level) => self.language.level(level).to_string(),
        };
        let hazards = self.hazards.iter().map(|(id, title)| {
            let level =
                self.risk.as_ref().and_then(|risk| risk.hazards.get(id)).and_then(|item| item.level.0);
            format!("{title} {}", word(level))
        });
        let hazards: Vec<String> = hazards.collect();
        format!("{}  {}", self.language.pick("风险    ", "risk    "), hazards.join("  |  "))
    }

    fn delivered_row(&self) -> String {
        let Delivered { events, messages, readings, slowest_ms, .. } = self.delivered;
        match self.language {
            Language::Zh => format!(
                "已送达    {events} 个报警事件（最慢 {slowest_ms} ms），{readings} 个读数，共 {messages} 条消息"
            ),
            Language::En => format!(
                "delivered {events} alarm events (slowest {slowest_ms} ms), {readings} readings, {messages} messages"
            ),
        }
    }

    /// What happened, at the end.
    pub(super) fn summary(&self) -> String {
        let Delivered { events, raised, duplicates, readings, slowest_ms, first_alarm_after, .. } =
            self.delivered;
        let seconds = self.clock.now().mono.since_start().as_secs_f64();
        let first =
            first_alarm_after.map_or("–".to_owned(), |after| format!("{:.1} s", after.as_secs_f64()));
        match self.language {
            Language::Zh => format!(
                "演示结束，历时 {seconds:.0} s：中心收到 {raised} 次报警、{events} 个报警事件（首个在启动后 {first}，\
                 最慢 {slowest_ms} ms，重复 {duplicates}）和 {readings} 个读数。"
            ),
            Language::En => format!(
                "The demo ran {seconds:.0} s: {raised} alarms raised, {events} alarm events at the centre (the first {first} after \
                 the start, the slowest {slowest_ms} ms after it happened, {duplicates} duplicates) and {readings} readings."
            ),
        }
    }

    /// Whether at least one alarm went the whole way.
    pub(super) fn alarm_delivered(&self) -> bool {
        self.delivered.raised > 0
    }
}
