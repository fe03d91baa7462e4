//! What an operator reads, in Chinese and English: the rule's own words, or a sentence that names the signal, the limit
//! crossed, the value and the limit.

use crate::model::{
    DeviceId, EventKind, HealthSource, LinkId, PointId, Quality, Reason, Sample, Text, Value, Wall,
};
use crate::site::{Point, RuleKind, Site};

use super::alarm::Facts;
use super::watch::Bound;

/// So many devices of a link are named.
const DEVICES_NAMED_MAX: usize = 5;

/// The message of a transition of this moment. `decider` is the limit that decided, or that was left.
pub(super) fn compose(facts: &Facts<'_>, event: EventKind, decider: Option<(Bound, f64)>, at: Wall) -> Text {
    let cleared = event == EventKind::Cleared;
    match (&facts.rule.message, &facts.rule.kind) {
        (Some(own), _) if cleared => restored(own),
        (Some(own), RuleKind::Condition(rule)) => seen(own, &rule.points, facts),
        (Some(own), RuleKind::Limits(limits)) => {
            told(own, facts.site.point(limits.point), facts.sample, decider)
        }
        (Some(own), _) => own.clone(),
        (None, RuleKind::Limits(limits)) => {
            limit(facts.site.point(limits.point), facts.sample, decider, cleared)
        }
        (None, RuleKind::Signal { point, .. }) => signal(facts.site.point(*point), facts.sample, cleared),
        (None, RuleKind::DeviceLost { device, .. }) => {
            lost(&facts.site.device(*device).title, facts.error, cleared)
        }
        (None, RuleKind::LinkLost { link, devices, .. }) => {
            link_lost(facts.site, *link, devices, facts.error, cleared)
        }
        (None, RuleKind::OutputFailed { output, .. }) => {
            failed(&facts.site.output(*output).title, facts.error, cleared)
        }
        (None, RuleKind::DeviceDegraded { device }) => {
            degraded(&facts.site.device(*device).title, facts.error, cleared)
        }
        (None, RuleKind::Condition(rule)) => seen(&Text::same(&facts.rule.name), &rule.points, facts),
        (None, RuleKind::Flood) if cleared => {
            Text::new("报警泛滥结束", "The alarm flood is over: fewer than 5 alarms in ten minutes")
        }
        (None, RuleKind::Flood) => Text::new(
            "报警泛滥：10 分钟内报警超过 10 条，请先处理级别最高的报警",
            "Alarm flood: more than 10 alarms in ten minutes; take the gravest first",
        ),
        (None, RuleKind::StopOrder) => ordered(facts, cleared),
        (None, RuleKind::DeclaredStop) => declared(facts, cleared, at),
        (None, RuleKind::Health { source, .. }) => health(facts.site, *source, facts.error, cleared),
    }
}

/// The message of an order to stop.
fn ordered(facts: &Facts<'_>, lifted: bool) -> Text {
    let site = facts.site;
    let title = facts.rule.hazard.map_or(&site.identity.name, |hazard| &site.hazard(hazard).title);
    if lifted {
        return Text::new(
            format!("停产指令已解除：{}", title.zh),
            format!("Order to stop lifted: {}", title.en),
        );
    }
    Text::new(format!("停产指令：{}", title.zh), format!("Ordered to stop: {}", title.en))
}

/// The message of a declared stop: what stands still, and what the site file calls the stop.
fn declared(facts: &Facts<'_>, is_over: bool, at: Wall) -> Text {
    let (site, hazard) = (facts.site, facts.rule.hazard);
    let title = hazard.map_or(&site.identity.name, |hazard| &site.hazard(hazard).title);
    let (stop, zh, en) = if is_over {
        (site.calendar.last_stop_of(hazard, at), "停产结束", "The declared stop is over")
    } else {
        (site.calendar.stop_of(hazard, at), "停产开始", "A declared stop begins")
    };
    let of = stop.map(|stop| (format!("（{}）", stop.title.zh), format!(" ({})", stop.title.en)));
    let (of_zh, of_en) = of.unwrap_or_default();
    Text::new(format!("{zh}：{}{of_zh}", title.zh), format!("{en}: {}{of_en}", title.en))
}

/// What an alarm is about, where nothing has happened to it.
pub(super) fn named(facts: &Facts<'_>, at: Wall) -> Text {
    match (&facts.rule.message, &facts.rule.kind) {
        (Some(own), _) => own.clone(),
        (None, RuleKind::Limits(limits)) => facts.site.point(limits.point).title.clone(),
        (None, _) => compose(facts, EventKind::Raised, None, at),
    }
}

/// Why an output is to be on or off.
#[derive(Debug)]
pub(super) enum Why<'a> {
    /// An alarm behind it began to call for it, or ceased to.
    Alarm {
        /// Its name.
        alarm: &'a str,
    },
    /// A person or a centre commanded it.
    Command,
    /// A command could not be carried out in time: the alarms decide again.
    Withdrawn {
        /// Whose it was.
        by: &'a str,
    },
    /// The gateway was started, and the alarms that stand or the site file want something else than before.
    Start,
}

/// The message of an output that is to be on or off from now on.
pub(super) fn switched(title: &Text, on: bool, by: Option<&str>, why: &Why<'_>) -> Text {
    let (zh, en) = if on { ("开启", "on") } else { ("关闭", "off") };
    let by = by.unwrap_or_default();
    let (zh_why, en_why) = match why {
        Why::Alarm { alarm } if on => (format!("报警 {alarm}"), format!("by alarm {alarm}")),
        Why::Alarm { alarm } => {
            (format!("报警 {alarm} 已确认或恢复"), format!("alarm {alarm} is acknowledged or cleared"))
        }
        Why::Command => (format!("{by} 下令"), format!("by command of {by}")),
        Why::Withdrawn { by } => (
            format!("{by} 的指令未能及时执行，已撤销"),
            format!("the command of {by} came to nothing in time"),
        ),
        Why::Start => ("网关启动后按规则确定".to_owned(), "as the rules say after a start".to_owned()),
    };
    Text::new(format!("{}{zh}：{zh_why}", title.zh), format!("{} switched {en}: {en_why}", title.en))
}

/// The message of an alarm that ends because its rule is gone.
pub(super) fn orphaned(last: &Text) -> Text {
    Text::new(format!("规则已删除，报警终止：{}", last.zh), format!("Rule removed, alarm ended: {}", last.en))
}

fn restored(own: &Text) -> Text {
    Text::new(format!("已恢复正常：{}", own.zh), format!("Back to normal: {}", own.en))
}

/// A rule's own words with the measurement behind them; a switch has none worth telling.
fn told(own: &Text, point: &Point, sample: Option<Sample>, decider: Option<(Bound, f64)>) -> Text {
    let (Some(value @ (Value::Int(_) | Value::Float(_))), Some((bound, limit))) =
        (sample.and_then(Sample::value), decider)
    else {
        return own.clone();
    };
    let value = shown(value, point);
    let limit = with_unit(limit.to_string(), &point.unit);
    let (zh_what, en_what) = bound_words(bound);
    let (zh_doubt, en_doubt) = doubt(sample);
    Text::new(
        format!("{}（{zh_what}：{}{zh_doubt}，限值 {limit}）", own.zh, value.zh),
        format!("{} ({en_what}: {}{en_doubt}, limit {limit})", own.en, value.en),
    )
}

/// A rule's own words, and what its points said.
fn seen(own: &Text, points: &[PointId], facts: &Facts<'_>) -> Text {
    let (mut zh, mut en) = (Vec::new(), Vec::new());
    for id in points {
        let (point, sample) = (facts.site.point(*id), facts.points.slot(*id).sample());
        let (value, reason) = match sample {
            Some(Sample::Bad(reason)) => (Text::same("—"), Some(reason)),
            None => (Text::same("—"), None),
            Some(Sample::Good(value) | Sample::Uncertain(value, _)) => (shown(value, point), None),
        };
        let (zh_doubt, en_doubt) = match reason.map(reason_words) {
            Some((zh, en)) => (format!("（{zh}）"), format!(" ({en})")),
            None => doubt(sample),
        };
        zh.push(format!("{} {}{zh_doubt}", point.title.zh, value.zh));
        en.push(format!("{} {}{en_doubt}", point.title.en, value.en));
    }
    Text::new(format!("{}（{}）", own.zh, zh.join("，")), format!("{} ({})", own.en, en.join(", ")))
}

fn limit(point: &Point, sample: Option<Sample>, decider: Option<(Bound, f64)>, cleared: bool) -> Text {
    let Text { zh, en } = &point.title;
    let (zh_what, en_what) = match decider {
        Some((bound, _)) if !cleared => bound_words(bound),
        _ => ("恢复正常", "back to normal"),
    };
    let nothing = || Text::same(with_unit("—".to_owned(), &point.unit));
    let value = sample.and_then(Sample::value).map_or_else(nothing, |value| shown(value, point));
    let (zh_doubt, en_doubt) = doubt(sample);
    let limit = decider.map_or_else(|| "—".to_owned(), |(_, limit)| limit.to_string());
    let limit = with_unit(limit, &point.unit);
    Text::new(
        format!("{zh} {zh_what}：{}{zh_doubt}，限值 {limit}", value.zh),
        format!("{en} {en_what}: {}{en_doubt}, limit {limit}", value.en),
    )
}

fn signal(point: &Point, sample: Option<Sample>, cleared: bool) -> Text {
    let Text { zh, en } = &point.title;
    match sample.map(Sample::quality) {
        Some(Quality::Uncertain(reason) | Quality::Bad(reason)) if !cleared => {
            let (zh_reason, en_reason) = reason_words(reason);
            Text::new(format!("{zh}信号异常：{zh_reason}"), format!("{en} signal fault: {en_reason}"))
        }
        _ => Text::new(format!("{zh}信号恢复正常"), format!("{en} signal is back to normal")),
    }
}

fn lost(device: &Text, error: Option<&Text>, cleared: bool) -> Text {
    let Text { zh, en } = device;
    if cleared {
        return Text::new(format!("{zh}通信恢复正常"), format!("{en} answers again"));
    }
    because(Text::new(format!("{zh}通信中断"), format!("{en} does not answer")), error)
}

/// Names the devices as far as a line can hold them.
fn link_lost(site: &Site, link: LinkId, devices: &[DeviceId], error: Option<&Text>, cleared: bool) -> Text {
    let link = site.link(link).title();
    if cleared {
        return Text::new(format!("链路 {link} 通信恢复"), format!("Link {link}: a device answers again"));
    }
    let titles = || devices.iter().take(DEVICES_NAMED_MAX).map(|device| &site.device(*device).title);
    let zh: Vec<_> = titles().map(|title| title.zh.as_str()).collect();
    let en: Vec<_> = titles().map(|title| title.en.as_str()).collect();
    let (count, more) =
        (devices.len(), if devices.len() > DEVICES_NAMED_MAX { ("等", ", …") } else { ("", "") });
    let what = Text::new(
        format!("链路 {link} 通信中断，{count} 台设备均无应答（{}{}）", zh.join("、"), more.0),
        format!("Link {link}: none of {count} devices answers ({}{})", en.join(", "), more.1),
    );
    because(what, error)
}

fn failed(output: &Text, error: Option<&Text>, cleared: bool) -> Text {
    let Text { zh, en } = output;
    if cleared {
        return Text::new(format!("{zh}恢复受控"), format!("{en} is as wanted again"));
    }
    because(Text::new(format!("{zh}控制失败"), format!("{en} is not as wanted")), error)
}

fn degraded(device: &Text, error: Option<&Text>, cleared: bool) -> Text {
    let Text { zh, en } = device;
    if cleared {
        return Text::new(format!("{zh}通信完全恢复"), format!("{en} answers in full again"));
    }
    because(Text::new(format!("{zh}通信不稳定"), format!("{en} answers only in part")), error)
}

fn health(site: &Site, source: HealthSource, error: Option<&Text>, cleared: bool) -> Text {
    let (failed, restored) = match source {
        HealthSource::Forwarder(forwarder) => {
            let name = &site.forwarder(forwarder).name;
            (
                Text::new(format!("上传通道 {name} 中断"), format!("Destination {name} cannot be reached")),
                Text::new(
                    format!("上传通道 {name} 恢复正常"),
                    format!("Destination {name} is reached again"),
                ),
            )
        }
        HealthSource::Store => (
            Text::new("本地数据库故障", "The local database fails"),
            Text::new("本地数据库恢复正常", "The local database works again"),
        ),
        HealthSource::Task => (
            Text::new("网关内部任务故障，已重启", "A task inside the gateway failed and was restarted"),
            Text::new("网关内部任务恢复正常", "All tasks inside the gateway work again"),
        ),
        HealthSource::Clock => (
            Text::new("系统时钟未同步，时间戳可能有误", "The clock is not synchronised; stamps may be wrong"),
            Text::new("系统时钟已恢复同步", "The clock is synchronised again"),
        ),
    };
    if cleared { restored } else { because(failed, error) }
}

fn because(what: Text, error: Option<&Text>) -> Text {
    match error {
        Some(error) => what.because(error),
        None => what,
    }
}

const fn bound_words(bound: Bound) -> (&'static str, &'static str) {
    match bound {
        Bound::Hh => ("高高报", "HIGH-HIGH"),
        Bound::H => ("高报", "HIGH"),
        Bound::L => ("低报", "LOW"),
        Bound::Ll => ("低低报", "LOW-LOW"),
    }
}

const fn reason_words(reason: Reason) -> (&'static str, &'static str) {
    match reason {
        Reason::Comm => ("读取失败", "it cannot be read"),
        Reason::Range => ("超出量程", "outside its measuring range"),
        Reason::SensorFault => ("传感器故障", "sensor fault"),
        Reason::Stuck => ("数值长时间不变", "the value does not move"),
        Reason::Stale => ("数据超时未更新", "not renewed in time"),
        Reason::Maintenance => ("检修或标定中", "under maintenance or calibration"),
        Reason::Substituted => ("人工置数", "value put in by hand"),
        Reason::NoData => ("数据积累不足", "too little data yet"),
    }
}

/// What follows a value that is in doubt.
fn doubt(sample: Option<Sample>) -> (String, String) {
    match sample {
        Some(Sample::Uncertain(_, reason)) => {
            let (zh, en) = reason_words(reason);
            (format!("（存疑：{zh}）"), format!(" (uncertain: {en})"))
        }
        _ => (String::new(), String::new()),
    }
}

/// A value of the point: what people call a code, with its number; otherwise the number with its unit.
fn shown(value: Value, point: &Point) -> Text {
    let number = number(value, point.decimals);
    match point.label(value) {
        Some(Text { zh, en }) => Text::new(format!("{zh}（{number}）"), format!("{en} ({number})")),
        None => Text::same(with_unit(number, &point.unit)),
    }
}

fn with_unit(number: String, unit: &str) -> String {
    if unit.is_empty() { number } else { format!("{number} {unit}") }
}

/// A value with at most this many decimals and no idle zeros.
fn number(value: Value, decimals: u8) -> String {
    let mut text = match value {
        Value::Bool(on) => u8::from(on).to_string(),
        Value::Int(n) => n.to_string(),
        Value::Float(x) => format!("{x:.*}", usize::from(decimals)),
    };
    if text.contains('.') {
        text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    }
    if text == "-0" { "0".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_carry_the_points_decimals_and_no_idle_zeros() {
        for (value, decimals, expected) in [
            (62.34, 1, "62.3"),
            (62.0, 2, "62"),
            (100.0, 0, "100"),
            (0.5, 3, "0.5"),
            (-0.01, 1, "0"),
            (-1.25, 2, "-1.25"),
        ] {
            assert_eq!(number(Value::Float(value), decimals), expected);
        }
        assert_eq!(number(Value::Int(7), 2), "7");
        assert_eq!(number(Value::Bool(true), 2), "1");
    }
}
