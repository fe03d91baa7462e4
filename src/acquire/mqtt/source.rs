//! One publisher: its points, and whether it is heard. No I/O: messages and time go in, readings and news come out.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::super::complaint::{Complaints, Leave};
use super::super::news::{News, Told};
use super::malformed::Malformed;
use super::order::{Order, Verdict};
use super::payload::{Reader, Spoken, Wanted};
use super::sparkplug::{Outcome, Session};
use super::will::{Will, Word};
use crate::model::limits::{COMPLAINT_INTERVAL_MIN, TOPIC_SHOWN_CHARS_MAX};
use crate::model::{Batch, DeviceId, LinkState, Mono, Now, Reading, Sample, Text, Wall};
use crate::site::{Edge, Format, MqttDevice};

/// One publisher.
#[derive(Debug)]
pub(super) struct Source {
    /// Which device.
    pub(super) device: DeviceId,
    /// The filter of its topics.
    pub(super) filter: String,
    /// How its death is told.
    will: Option<Will>,
    wanted: Vec<Wanted>,
    voice: Voice,
    order: Order,
    silence: Duration,
    told: Told,
    /// Last heard, or first listened to.
    heard: Mono,
    /// When something was last wrong with a message.
    faulty: Option<Mono>,
    /// When that was last told in words.
    complained: Option<Mono>,
    faults: Complaints,
    /// Why it cannot be heard at all.
    deaf: Option<Text>,
    /// Why it is gone: it, or its broker, has said so.
    gone: Option<Text>,
}

/// How it speaks.
#[derive(Debug)]
enum Voice {
    /// Each message for itself.
    Messages(Reader),
    /// In sessions.
    Sparkplug(Session),
}

/// What came of a message.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Readings, of one moment each.
    pub(super) batches: Vec<Batch>,
    /// News of the publisher.
    pub(super) news: Option<News>,
    /// What was wrong with it in the log's English, and leave to log that.
    pub(super) fault: Option<(String, Leave)>,
    /// Whether it would have to say again what it has before it is understood.
    pub(super) wants_birth: bool,
}

/// What a message said, as far as it was understood.
#[derive(Debug, Default)]
struct Understood {
    values: Vec<Spoken>,
    fault: Option<Text>,
}

impl Source {
    /// A publisher that nobody listens to yet.
    pub(super) fn new(device: DeviceId, mqtt: &MqttDevice, zone: TimeZone, wanted: Vec<Wanted>) -> Self {
        let voice = match (&mqtt.format, Reader::new(&mqtt.format, zone)) {
            (Format::Sparkplug(edge), _) => Voice::Sparkplug(Session::new(edge.clone(), &wanted)),
            (_, reader) => Voice::Messages(reader.expect("a reader of all but Sparkplug")),
        };
        Self {
            device,
            filter: mqtt.topic.clone(),
            will: mqtt.will.as_ref().map(Will::new),
            order: Order::new(wanted.len(), mqtt.skew_max),
            wanted,
            voice,
            silence: mqtt.silence,
            told: Told::default(),
            heard: Mono::ZERO,
            faulty: None,
            complained: None,
            faults: Complaints::default(),
            deaf: None,
            gone: None,
        }
    }

    /// The topic of its Last Will.
    pub(super) fn will_topic(&self) -> Option<&str> {
        self.will.as_ref().map(|will| will.topic.as_str())
    }

    /// The edge node that must say again what it has before this one is understood, if it may be asked.
    pub(super) fn unborn(&self) -> Option<&Edge> {
        self.session().filter(|session| session.is_unborn()).map(Session::edge).filter(|edge| edge.rebirth)
    }

    /// Its edge node, if that may be asked to say again what it has.
    pub(super) fn edge(&self) -> Option<&Edge> {
        self.session().map(Session::edge).filter(|edge| edge.rebirth)
    }

    fn session(&self) -> Option<&Session> {
        match &self.voice {
            Voice::Sparkplug(session) => Some(session),
            Voice::Messages(_) => None,
        }
    }

    /// From now on it can be heard.
    pub(super) fn connected(&mut self, now: Mono) {
        self.heard = now;
        self.deaf = None;
        self.gone = None;
    }

    /// The broker will not let it be heard.
    pub(super) fn refused(&mut self, filter: &str) -> Option<News> {
        let words = Text::new(
            format!("MQTT 代理拒绝订阅主题 `{filter}`"),
            format!("the broker refuses the subscription to `{filter}`"),
        );
        self.deaf = Some(words.clone());
        self.told.tell(LinkState::Down, Some(words))
    }

    /// The broker is gone.
    pub(super) fn lost(&mut self, words: &Text) -> Option<News> {
        self.told.tell(LinkState::Down, Some(words.clone()))
    }

    /// When its silence will have lasted too long.
    pub(super) fn deadline(&self) -> Mono {
        self.heard + self.silence
    }

    /// Looks whether it has.
    pub(super) fn check_silence(&mut self, now: Mono) -> Option<News> {
        if now < self.deadline() {
            return None;
        }
        let words = self.deaf.clone().or_else(|| self.gone.clone()).unwrap_or_else(|| silent(self.silence));
        self.told.tell(LinkState::Down, Some(words))
    }

    /// Takes what the broker had kept: it may be of any age, and so is never taken for a fresh value.
    pub(super) fn pass_over(&mut self, now: Mono) -> Option<News> {
        self.told.counters().retained += 1;
        self.told.recount(now)
    }

    /// Takes what stands at the topic of its Last Will. That holds while it stands there, kept by the broker or not.
    pub(super) fn hear_will(&mut self, topic: &str, payload: Result<&[u8], Malformed>, now: Now) -> Heard {
        let Some(will) = &self.will else { return Heard::default() };
        match payload.and_then(|payload| will.read(payload)) {
            Ok(Some(Word::Gone)) => {
                let words =
                    Text::new("设备已离线（遗嘱主题报告）", "it is gone: the topic of its Last Will says so");
                Heard { news: self.go(words), ..Heard::default() }
            }
            Ok(Some(Word::There)) => Heard { news: self.return_without_value(), ..Heard::default() },
            Ok(None) => Heard::default(),
            Err(malformed) => self.complain(topic, &malformed.words(), now.mono),
        }
    }

    fn go(&mut self, words: Text) -> Option<News> {
        self.gone = Some(words.clone());
        self.told.tell(LinkState::Down, Some(words))
    }

    /// It is there again, and up once it speaks.
    fn return_without_value(&mut self) -> Option<News> {
        self.gone.take()?;
        let words =
            Text::new("设备已重新上线，尚未收到数据", "it is there again, and has not said anything yet");
        self.told.tell(LinkState::Down, Some(words))
    }

    /// Takes a fresh message.
    pub(super) fn hear(&mut self, topic: &str, payload: Result<&[u8], Malformed>, now: Now) -> Heard {
        match &mut self.voice {
            Voice::Messages(reader) => {
                let understood = payload.and_then(|payload| reader.read(payload, &self.wanted)).map_or_else(
                    |malformed| Understood { values: Vec::new(), fault: Some(malformed.words()) },
                    |said| Understood { values: said.values, fault: said.fault },
                );
                self.take(topic, understood, now)
            }
            Voice::Sparkplug(session) => {
                match payload.and_then(|payload| session.hear(topic, payload, &self.wanted)) {
                    Ok(outcome) => self.follow(topic, outcome, now),
                    Err(malformed) => self.complain(topic, &malformed.words(), now.mono),
                }
            }
        }
    }

    /// Takes what a message of its edge node means for it.
    fn follow(&mut self, topic: &str, outcome: Outcome, now: Now) -> Heard {
        let Outcome { own, values, fault, gone, unknown: _, historical, wants_birth } = outcome;
        self.told.counters().late += historical;
        let mut heard = match (gone, fault) {
            (Some(words), _) => Heard { news: self.go(words), ..Heard::default() },
            (None, fault) if own => self.take(topic, Understood { values, fault }, now),
            (None, Some(words)) => self.complain(topic, &words, now.mono),
            (None, None) => Heard::default(),
        };
        heard.wants_birth = wants_birth;
        heard
    }

    /// Takes a message of its own: a sign of life, whatever it says.
    fn take(&mut self, topic: &str, understood: Understood, now: Now) -> Heard {
        self.heard = now.mono;
        self.gone = None;
        self.told.counters().polls += 1;
        let Understood { values, mut fault } = understood;
        self.told.counters().malformed += u64::from(fault.is_some());
        let batches = self.order(&values, now.wall, &mut fault);
        let fault = fault.map(|fault| at_topic(topic, &fault));
        let words = fault.as_ref().map(|fault| fault.en.clone());
        let leave = words.as_ref().and_then(|_| self.faults.add(1, now.mono));
        let news = self.judge(fault, now.mono).or_else(|| self.told.recount(now.mono));
        Heard { batches, news, fault: words.zip(leave), wants_birth: false }
    }

    /// Something is wrong with what is said of it, while it may well be alive or not.
    fn complain(&mut self, topic: &str, words: &Text, now: Mono) -> Heard {
        self.told.counters().malformed += 1;
        let words = at_topic(topic, words);
        let leave = self.faults.add(1, now);
        let said = words.en.clone();
        let news = match self.told.state() {
            Some(LinkState::Up | LinkState::Degraded) => self.judge(Some(words), now),
            Some(LinkState::Down) | None => None,
        };
        let news = news.or_else(|| self.told.recount(now));
        Heard { news, fault: leave.map(|leave| (said, leave)), ..Heard::default() }
    }

    /// The values that may be taken, in batches of one moment each.
    fn order(&mut self, values: &[Spoken], now: Wall, fault: &mut Option<Text>) -> Vec<Batch> {
        let mut batches = Batches { device: self.device, now, last: None, list: Vec::new() };
        for spoken in values {
            let (at, sample) = match self.order.judge(spoken, now) {
                Verdict::Take(at, sample) => (at, sample),
                Verdict::Doubt(at, sample, words) => {
                    self.told.counters().undated += 1;
                    fault.get_or_insert(words);
                    (at, sample)
                }
                Verdict::Again | Verdict::Late => {
                    self.told.counters().late += 1;
                    continue;
                }
            };
            batches.add(spoken.which, self.wanted[spoken.which].reading(at, sample));
        }
        batches.list
    }

    /// Up, or degraded while messages have been faulty of late: that good and faulty ones alternate is no news, nor that
    /// each is faulty in another way.
    fn judge(&mut self, fault: Option<Text>, now: Mono) -> Option<News> {
        let lately = |then: Option<Mono>| then.is_some_and(|then| now - then < COMPLAINT_INTERVAL_MIN);
        let is_degraded = self.told.state() == Some(LinkState::Degraded);
        let Some(words) = fault else {
            let stays = is_degraded && lately(self.faulty);
            return if stays { None } else { self.told.tell(LinkState::Up, None) };
        };
        self.faulty = Some(now);
        if is_degraded && lately(self.complained) {
            return None;
        }
        self.complained = Some(now);
        self.told.tell(LinkState::Degraded, Some(words))
    }
}

impl Wanted {
    fn reading(&self, at: Wall, sample: Sample) -> Reading {
        Reading { point: self.point, at, sample }
    }
}

/// Readings of one message as they are put together.
struct Batches {
    device: DeviceId,
    now: Wall,
    /// The place and moment of the last.
    last: Option<(usize, Wall)>,
    list: Vec<Batch>,
}

impl Batches {
    /// A batch is of one moment and has each point at most once: points come in their order, so that the next batch
    /// begins where it does.
    fn add(&mut self, which: usize, reading: Reading) {
        let joins = self.last.is_some_and(|(last, at)| last < which && at == reading.at);
        self.last = Some((which, reading.at));
        match self.list.last_mut().filter(|_| joins) {
            Some(batch) => batch.readings.push(reading),
            None => self.list.push(Batch { device: self.device, at: self.now, readings: vec![reading] }),
        }
    }
}

fn silent(limit: Duration) -> Text {
    let seconds = limit.as_secs_f64();
    Text::new(format!("{seconds} s 内无消息"), format!("no message for {seconds} s"))
}

/// Words about a message, with its topic. That comes from outside, and may be anything.
fn at_topic(topic: &str, words: &Text) -> Text {
    let shown = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    let mut topic: String = topic.chars().take(TOPIC_SHOWN_CHARS_MAX + 1).map(shown).collect();
    if topic.chars().count() > TOPIC_SHOWN_CHARS_MAX {
        topic.pop();
        topic.push('…');
    }
    Text::new(format!("主题 `{topic}`"), format!("topic `{topic}`")).because(words)
}
