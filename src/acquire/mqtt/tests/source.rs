//! One publisher: what is told of it, and what its values become.

use std::time::Duration;

use jiff::tz::TimeZone;

use crate::acquire::complaint::Leave;
use crate::acquire::conversion::Conversion;
use crate::acquire::mqtt::path::Path;
use crate::acquire::mqtt::payload::Wanted;
use crate::acquire::mqtt::source::{Heard, Source};
use crate::acquire::news::News;
use crate::model::{Batch, DeviceId, LinkState, Mono, Now, PointId, Reason, Sample, Text, Value, Wall};
use crate::site::{Format, MqttDevice, TimeAt, TimeForm, Will};

const SILENCE: Duration = Duration::from_secs(30);
/// The wall clock when the monotonic one began.
const EPOCH_S: i64 = 1_690_000_000;

fn publisher(device: &MqttDevice) -> Source {
    let wanted = |(n, path): (usize, &str)| Wanted {
        point: PointId::new(n),
        path: Path::new(path),
        conversion: Conversion::new(&crate::site::Conversion::default()),
    };
    let wanted = ["/v", "/w"].into_iter().enumerate().map(wanted).collect();
    let mut source = Source::new(DeviceId::new(0), device, TimeZone::UTC, wanted);
    source.connected(Mono::ZERO);
    source
}

fn source() -> Source {
    publisher(&MqttDevice::json("t", SILENCE))
}

/// One whose values bear a time.
fn dated() -> Source {
    let time = Some(TimeAt { path: "/ts".into(), form: TimeForm::Auto });
    let format = Format::Json { samples: Some(String::new()), time };
    publisher(&MqttDevice { format, ..MqttDevice::json("t", SILENCE) })
}

fn mortal() -> Source {
    let will = Will { topic: "t/status".into(), path: None, offline: "offline".into(), online: None };
    publisher(&MqttDevice { will: Some(will), ..MqttDevice::json("t", SILENCE) })
}

fn at(seconds: u64) -> Now {
    let wall = Wall((EPOCH_S + seconds as i64) * 1000);
    Now { mono: Mono::from_start(Duration::from_secs(seconds)), wall }
}

fn hear(source: &mut Source, payload: &str, seconds: u64) -> Heard {
    source.hear("t", Ok(payload.as_bytes()), at(seconds))
}

fn state(news: Option<News>) -> Option<LinkState> {
    news.filter(|news| news.changed).map(|news| news.state)
}

fn readings(batches: &[Batch]) -> Vec<Vec<(usize, i64, Sample)>> {
    let reading = |batch: &Batch| {
        batch.readings.iter().map(|one| (one.point.index(), one.at.0 / 1000 - EPOCH_S, one.sample)).collect()
    };
    batches.iter().map(reading).collect()
}

fn good(value: i64) -> Sample {
    Sample::Good(Value::Int(value))
}

fn doubtful(value: i64) -> Sample {
    Sample::Uncertain(Value::Int(value), Reason::Stale)
}

#[test]
fn p2_silence_takes_a_publisher_down_and_a_message_brings_it_back() {
    let mut source = source();
    assert_eq!(state(hear(&mut source, "{\"v\":1}", 1).news), Some(LinkState::Up));
    assert_eq!(source.check_silence(at(30).mono), None);
    let news = source.check_silence(at(31).mono).unwrap();
    assert_eq!(
        (news.state, news.error),
        (LinkState::Down, Some(Text::new("30 s 内无消息", "no message for 30 s")))
    );
    assert_eq!(source.check_silence(at(32).mono), None, "told twice");
    assert_eq!(state(hear(&mut source, "{\"v\":1}", 33).news), Some(LinkState::Up));
}

#[test]
fn a_faulty_message_degrades_and_gives_no_reading() {
    let mut source = source();
    let Heard { batches, news, fault, .. } = hear(&mut source, "{\"v\":", 1);
    let news = news.unwrap();
    assert_eq!((news.state, batches), (LinkState::Degraded, vec![]));
    assert_eq!((news.counters.malformed, news.counters.polls), (1, 1));
    let (words, leave) = fault.unwrap();
    assert_eq!(words, "topic `t`: malformed message: not JSON at line 1 column 5");
    assert_eq!(leave, Leave { total: 1, unsaid: 0 });
    assert_eq!(
        news.error,
        Some(Text::new("主题 `t`：报文格式错误：不是 JSON（第 1 行第 5 列）", words)),
        "with topic and place"
    );
}

#[test]
fn good_and_faulty_messages_in_turn_are_told_once() {
    let mut source = source();
    let mut told = 0;
    for second in 0..10 {
        let payload = if second % 2 == 0 { format!("{:1$}", "no", second) } else { "{\"v\":1}".to_owned() };
        told += usize::from(state(hear(&mut source, &payload, second as u64).news).is_some());
    }
    assert_eq!(told, 1, "each fault in another place");
    assert_eq!(state(hear(&mut source, "{\"v\":1}", 40).news), Some(LinkState::Up));
}

#[test]
fn a_publisher_that_was_lost_is_up_at_its_first_message_even_after_a_fault() {
    let mut source = source();
    hear(&mut source, "no", 1);
    assert_eq!(state(source.lost(&Text::same("gone"))), Some(LinkState::Down));
    assert_eq!(state(hear(&mut source, "{\"v\":1}", 2).news), Some(LinkState::Up));
}

#[test]
fn p2_a_refused_subscription_stays_the_reason_of_the_silence() {
    let mut source = source();
    let news = source.refused("t").unwrap();
    assert_eq!(news.error.unwrap().en, "the broker refuses the subscription to `t`");
    assert_eq!(source.check_silence(at(31).mono), None);
}

#[test]
fn several_moments_become_a_batch_each_in_their_order() {
    let mut source = dated();
    let payload = format!(r#"[{{"ts":{},"v":3,"w":4}},{{"ts":{},"v":1,"w":2}}]"#, EPOCH_S + 9, EPOCH_S + 8);
    let heard = hear(&mut source, &payload, 10);
    assert_eq!(
        readings(&heard.batches),
        [[(0, 8, good(1)), (1, 8, good(2))], [(0, 9, good(3)), (1, 9, good(4))]]
    );
    assert!(heard.batches.iter().all(|batch| batch.at == at(10).wall));
}

#[test]
fn without_times_each_sample_is_a_batch() {
    let format = Format::Json { samples: Some(String::new()), time: None };
    let mut source = publisher(&MqttDevice { format, ..MqttDevice::json("t", SILENCE) });
    let heard = hear(&mut source, r#"[{"v":1,"w":2},{"v":3}]"#, 5);
    assert_eq!(readings(&heard.batches), [vec![(0, 5, good(1)), (1, 5, good(2))], vec![(0, 5, good(3))]]);
}

#[test]
fn p2_a_value_of_unknown_age_is_uncertain_counted_and_told_in_words() {
    let mut source = dated();
    let heard = hear(&mut source, &format!(r#"[{{"ts":{},"v":1}}]"#, EPOCH_S - 7200), 0);
    assert_eq!(readings(&heard.batches), [[(0, 0, doubtful(1))]]);
    let news = heard.news.unwrap();
    assert_eq!((news.state, news.counters.undated), (LinkState::Degraded, 1));
    let words = news.error.unwrap();
    assert_eq!(
        words.en,
        "topic `t`: the time of the values is 2 h behind the gateway's clock: their age is unknown"
    );
    assert_eq!(words.zh, "主题 `t`：数据时间戳比网关时钟落后 2 小时，数据新旧不明");
}

#[test]
fn p2_a_message_that_comes_again_or_late_gives_no_reading_and_is_counted() {
    let mut source = dated();
    let said = |second: i64| format!(r#"[{{"ts":{},"v":1}}]"#, EPOCH_S + second);
    assert_eq!(hear(&mut source, &said(5), 5).batches.len(), 1);
    let again = hear(&mut source, &said(5), 6);
    let late = hear(&mut source, &said(4), 6);
    assert!(again.batches.is_empty() && late.batches.is_empty());
    let counters = again.news.or(late.news).expect("counters are told").counters;
    assert_eq!(counters.late, 1);
    let news = source.lost(&Text::same("gone")).unwrap();
    assert_eq!(news.counters.late, 2);
}

#[test]
fn a_last_will_takes_down_at_once_and_a_word_of_return_is_no_value() {
    let mut source = mortal();
    hear(&mut source, "{\"v\":1}", 1);
    let dies = source.hear_will("t/status", Ok(b"offline"), at(2)).news.unwrap();
    assert_eq!(
        (dies.state, dies.error.unwrap().zh.as_str()),
        (LinkState::Down, "设备已离线（遗嘱主题报告）")
    );
    let back = source.hear_will("t/status", Ok(b"online"), at(3));
    assert_eq!((state(back.news), back.batches.len()), (Some(LinkState::Down), 0));
    assert_eq!(state(hear(&mut source, "{\"v\":1}", 4).news), Some(LinkState::Up));
    assert_eq!(source.hear_will("t/status", Ok(b"online"), at(5)).news, None, "nothing new");
}

#[test]
fn p2_the_death_stays_the_reason_of_the_silence() {
    let mut source = mortal();
    source.hear_will("t/status", Ok(b"offline"), at(2));
    assert_eq!(source.check_silence(at(31).mono), None);
}

#[test]
fn a_topic_from_outside_is_shown_in_bounds() {
    let mut source = source();
    let topic = format!("a\n\u{7}{}", "x".repeat(60_000));
    let news = source.hear(&topic, Ok(b"no"), at(1)).news.unwrap();
    let words = news.error.unwrap().en;
    assert!(words.starts_with("topic `a\u{FFFD}\u{FFFD}xxx") && words.len() < 300, "{words}");
}

#[test]
fn retained_messages_are_counted() {
    let mut source = source();
    hear(&mut source, "{\"v\":1}", 1);
    assert_eq!(source.pass_over(at(2).mono).unwrap().counters.retained, 1);
}
