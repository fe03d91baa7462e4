//! One publisher: its points, and whether it is heard. No I/O: messages and time go in, news come out.

use std::time::Duration;

use super::super::complaint::{Complaints, Leave};
use super::super::news::{News, Told};
use super::payload::{self, Malformed, Wanted};
use crate::model::limits::COMPLAINT_INTERVAL_MIN;
use crate::model::{Batch, DeviceId, LinkState, Mono, Now, PointId, Reading, Sample, Text};

/// One publisher.
#[derive(Debug)]
pub(super) struct Source {
    /// Which device.
    pub(super) device: DeviceId,
    /// The filter of its topics.
    pub(super) filter: String,
    wanted: Vec<Wanted>,
    silence: Duration,
    told: Told,
    /// Last heard, or first listened to.
    heard: Mono,
    /// When something was last wrong with a message.
    faulty: Option<Mono>,
    faults: Complaints,
    /// Why it cannot be heard at all.
    deaf: Option<Text>,
    /// Whether a retained message has been remarked upon.
    pub(super) retained_noted: bool,
}

/// What came of a message.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Readings, if it held any.
    pub(super) batch: Option<Batch>,
    /// News of the publisher.
    pub(super) news: Option<News>,
    /// What was wrong with it in the log's English, and leave to log that.
    pub(super) fault: Option<(String, Leave)>,
}

impl Source {
    /// A publisher that nobody listens to yet.
    pub(super) fn new(device: DeviceId, filter: String, silence: Duration, wanted: Vec<Wanted>) -> Self {
        Self {
            device,
            filter,
            wanted,
            silence,
            told: Told::default(),
            heard: Mono::ZERO,
            faulty: None,
            faults: Complaints::default(),
            deaf: None,
            retained_noted: false,
        }
    }

    /// From now on it can be heard.
    pub(super) fn connected(&mut self, now: Mono) {
        self.heard = now;
        self.deaf = None;
    }

    /// The broker will not let it be heard.
    pub(super) fn refused(&mut self) -> Option<News> {
        let words = Text::new(
            format!("MQTT 代理拒绝订阅主题 `{}`", self.filter),
            format!("the broker refuses the subscription to `{}`", self.filter),
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
        let words = self.deaf.clone().unwrap_or_else(|| silent(self.silence));
        self.told.tell(LinkState::Down, Some(words))
    }

    /// Takes a fresh message.
    pub(super) fn hear(&mut self, payload: Result<&[u8], Malformed>, now: Now) -> Heard {
        self.heard = now.mono;
        let (samples, fault) = match payload.and_then(|payload| payload::read(payload, &self.wanted)) {
            Ok(said) => (said.samples, said.fault.map(|fault| (fault.clone(), fault.en))),
            Err(malformed) => (Vec::new(), Some((malformed.words(), malformed.in_detail()))),
        };
        let (words, detail) = fault.unzip();
        let leave = words.as_ref().and_then(|_| self.faults.add(1, now.mono));
        Heard { batch: self.batch(samples, now), news: self.judge(words, now.mono), fault: detail.zip(leave) }
    }

    fn batch(&self, samples: Vec<(PointId, Sample)>, now: Now) -> Option<Batch> {
        let reading = |(point, sample)| Reading { point, at: now.wall, sample };
        let readings: Vec<Reading> = samples.into_iter().map(reading).collect();
        (!readings.is_empty()).then_some(Batch { device: self.device, at: now.wall, readings })
    }

    /// Up, or degraded while messages have been faulty of late: that good and faulty ones alternate is no news.
    fn judge(&mut self, fault: Option<Text>, now: Mono) -> Option<News> {
        if fault.is_some() {
            self.faulty = Some(now);
            return self.told.tell(LinkState::Degraded, fault);
        }
        let of_late = self.faulty.is_some_and(|faulty| now - faulty < COMPLAINT_INTERVAL_MIN);
        if of_late && self.told.state() == Some(LinkState::Degraded) {
            return None;
        }
        self.told.tell(LinkState::Up, None)
    }
}

fn silent(limit: Duration) -> Text {
    let seconds = limit.as_secs_f64();
    Text::new(format!("{seconds} s 内无消息"), format!("no message for {seconds} s"))
}

#[cfg(test)]
mod tests {
    use super::super::super::conversion::Conversion;
    use super::*;
    use crate::model::Wall;
    use crate::site;

    const SILENCE: Duration = Duration::from_secs(30);

    fn source() -> Source {
        let conversion = Conversion::new(&site::Conversion::default());
        let point = Wanted { point: PointId::new(0), pointer: "/v".into(), conversion };
        let mut source = Source::new(DeviceId::new(0), "t".into(), SILENCE, vec![point]);
        source.connected(Mono::ZERO);
        source
    }

    fn at(seconds: u64) -> Now {
        Now { mono: Mono::from_start(Duration::from_secs(seconds)), wall: Wall(0) }
    }

    fn state(news: Option<News>) -> Option<LinkState> {
        news.map(|news| news.state)
    }

    #[test]
    fn p2_silence_takes_a_publisher_down_and_a_message_brings_it_back() {
        let mut source = source();
        assert_eq!(state(source.hear(Ok(b"{\"v\":1}"), at(1)).news), Some(LinkState::Up));
        assert_eq!(source.check_silence(at(30).mono), None);
        let news = source.check_silence(at(31).mono).unwrap();
        assert_eq!(
            (news.state, news.error),
            (LinkState::Down, Some(Text::new("30 s 内无消息", "no message for 30 s")))
        );
        assert_eq!(source.check_silence(at(32).mono), None, "told twice");
        assert_eq!(state(source.hear(Ok(b"{\"v\":1}"), at(33)).news), Some(LinkState::Up));
    }

    #[test]
    fn a_faulty_message_degrades_and_gives_no_reading() {
        let mut source = source();
        let heard = source.hear(Ok(b"{\"v\":"), at(1));
        assert_eq!((state(heard.news), heard.batch), (Some(LinkState::Degraded), None));
        let (words, leave) = heard.fault.unwrap();
        assert_eq!(words, "malformed message: not JSON at line 1 column 5");
        assert_eq!(leave, Leave { total: 1, unsaid: 0 });
    }

    #[test]
    fn good_and_faulty_messages_in_turn_are_told_once() {
        let mut source = source();
        let mut told = 0;
        for second in 0..20 {
            let payload: &[u8] = if second % 2 == 0 { b"no" } else { b"{\"v\":1}" };
            told += usize::from(source.hear(Ok(payload), at(second)).news.is_some());
        }
        assert_eq!(told, 1);
        assert_eq!(state(source.hear(Ok(b"{\"v\":1}"), at(40)).news), Some(LinkState::Up));
    }

    #[test]
    fn a_publisher_that_was_lost_is_up_at_its_first_message_even_after_a_fault() {
        let mut source = source();
        source.hear(Ok(b"no"), at(1));
        assert_eq!(state(source.lost(&Text::same("gone"))), Some(LinkState::Down));
        assert_eq!(state(source.hear(Ok(b"{\"v\":1}"), at(2)).news), Some(LinkState::Up));
    }

    #[test]
    fn p2_a_refused_subscription_stays_the_reason_of_the_silence() {
        let mut source = source();
        let news = source.refused().unwrap();
        assert_eq!(news.error.unwrap().en, "the broker refuses the subscription to `t`");
        assert_eq!(source.check_silence(at(31).mono), None);
    }
}
