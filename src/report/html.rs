//! A report as a page that needs no other file and runs nothing: to be read, printed, or kept as PDF by the browser.

use std::fmt::{self, Display, Write};

use jiff::tz::TimeZone;

use super::document::{Anomaly, DayReport, Energy, Hours, LineDay, LineMonth, LineState, MonthReport};
use super::picture;
use super::words::Language;
use crate::model::limits::REPORT_EVIDENCE_AROUND;
use crate::model::{Stamp, Text};

/// How the page looks; what it may load is nothing but this.
const STYLE: &str = include_str!("page.css");
/// The SHA-256 of that, for the page's policy; a test holds the two together.
const STYLE_HASH: &str = "sha256-bh2mKYfG+iDJnYAc/1ZakRWU9vTYN5SDChD5A+TN0Y4=";

/// What a browser may do with the page: nothing but show it. For the answer that carries it.
pub fn policy() -> String {
    format!(
        "default-src 'none'; style-src '{STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// A text that may stand in a page, in an element or an attribute.
pub(super) struct Escaped<T>(pub(super) T);

impl<T: Display> Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.to_string().chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other if other.is_control() && other != '\n' => f.write_char('\u{fffd}')?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// The page of a day.
pub fn day(report: &DayReport, zone: &TimeZone, language: Language) -> String {
    let title = language.pick("用电安全日报", "Power report of the day");
    let page = Page { title, site: &report.site, span: &report.day, zone, language };
    page.of(|out| report.lines.iter().try_for_each(|line| page.day(out, line)))
}

/// The page of a month.
pub fn month(report: &MonthReport, zone: &TimeZone, language: Language) -> String {
    let title = language.pick("用电安全月报", "Power report of the month");
    let page = Page { title, site: &report.site, span: &report.month, zone, language };
    page.of(|out| report.lines.iter().try_for_each(|line| page.month(out, line)))
}

struct Page<'a> {
    title: &'a str,
    site: &'a Text,
    span: &'a str,
    zone: &'a TimeZone,
    language: Language,
}

impl Page<'_> {
    fn of(&self, body: impl FnOnce(&mut String) -> fmt::Result) -> String {
        let mut out = String::new();
        self.whole(&mut out, body).expect("a string takes everything");
        out
    }

    fn whole(&self, out: &mut String, body: impl FnOnce(&mut String) -> fmt::Result) -> fmt::Result {
        let (language, title, span) = (self.language, self.title, self.span);
        let (code, site) = (language.code(), Escaped(language.of(self.site)));
        write!(
            out,
            "<!doctype html>\n<html lang=\"{code}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '{STYLE_HASH}'\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title} {span} – {site}</title>\n\
             <style>{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{title} {span}</h1>\n<p class=\"site\">{site}</p>\n</header>\n<main>\n"
        )?;
        body(out)?;
        let note = language.pick(
            "电量、需量和运行时间仅统计实际采集到的数据；未采集到的时间按“未知”计，不作估算。",
            "Energy, demand and hours are of what was measured; what was not is counted as not known, and not estimated.",
        );
        writeln!(out, "</main>\n<footer>{note}</footer>\n</body>\n</html>")
    }

    fn day(&self, out: &mut String, line: &LineDay) -> fmt::Result {
        let language = self.language;
        writeln!(out, "<section>\n<h2>{}</h2>", Escaped(language.of(&line.title)))?;
        writeln!(out, "<p class=\"where\">{}</p>", Escaped(&line.load))?;
        if line.until < line.to {
            let until = clock(line.until);
            let text = match language {
                Language::Zh => format!("当日未结束：截至 {until}"),
                Language::En => format!("The day is not over: as of {until}"),
            };
            writeln!(out, "<p class=\"note\">{text}</p>")?;
        }
        let when = |at: Stamp| clock(at);
        let demand = line.demand.as_ref().map(|it| (it.max, format!("{}–{}", when(it.from), when(it.to))));
        self.facts(out, &line.unit, line.energy.as_ref(), demand, line.load_factor, line.hours.as_ref())?;
        self.coverage(out, line.coverage)?;
        out.push_str("<div class=\"chart\">\n");
        picture::day(out, line, self.zone, language)?;
        out.push_str("</div>\n");
        self.legend(out, line)?;
        let shifts = line.shifts.iter().map(|it| {
            let end = if it.to == line.to { "24:00".to_owned() } else { clock(it.to) };
            let (shift, begin) = (&it.shift, clock(it.from));
            let name = match language {
                Language::Zh => format!("{shift} 班（{begin}–{end}）"),
                Language::En => format!("from {shift} ({begin}–{end})"),
            };
            (name, it.hours, it.energy)
        });
        self.shifts(out, shifts.collect(), line.energy.as_ref())?;
        self.anomalies(out, &line.anomalies, line.anomalies_left_out)?;
        out.push_str("</section>\n");
        Ok(())
    }

    fn facts(
        &self,
        out: &mut String,
        unit: &str,
        energy: Option<&Energy>,
        demand: Option<(f64, String)>,
        factor: Option<f64>,
        hours: Option<&Hours>,
    ) -> fmt::Result {
        let language = self.language;
        let none = || (language.pick("未知", "not known").to_owned(), String::new());
        let energy = energy.map_or_else(none, |it| {
            let doubt =
                if it.is_doubtful { language.pick("，电表读数存疑", ", meter in doubt") } else { "" };
            let known = language.pick("已知时间", "known for");
            (format!("{} {}", figure(it.value), it.unit), format!("{known} {}{doubt}", percent(it.coverage)))
        });
        let demand = demand.map_or_else(none, |(max, when)| (format!("{} {unit}", figure(max)), when));
        let mut facts = vec![
            (language.pick("电量", "Energy"), energy),
            (language.pick("最大需量（15 分钟）", "Greatest demand (15 min)"), demand),
        ];
        if let Some(factor) = factor {
            facts.push((language.pick("负荷率", "Load factor"), (percent(factor), String::new())));
        }
        if let Some(hours) = hours {
            let rest = match language {
                Language::Zh => {
                    format!("空载 {:.1}，停机 {:.1}，未知 {:.1}", hours.idle, hours.stopped, hours.unknown)
                }
                Language::En => format!(
                    "idle {:.1}, stopped {:.1}, not known {:.1}",
                    hours.idle, hours.stopped, hours.unknown
                ),
            };
            facts.push((
                language.pick("运行小时", "Hours running"),
                (format!("{:.2} h", hours.running), rest),
            ));
        }
        out.push_str("<dl class=\"facts\">\n");
        for (name, (value, more)) in facts {
            writeln!(
                out,
                "<div><dt>{name}</dt><dd>{}<small>{}</small></dd></div>",
                Escaped(value),
                Escaped(more)
            )?;
        }
        out.push_str("</dl>\n");
        Ok(())
    }

    fn coverage(&self, out: &mut String, coverage: f64) -> fmt::Result {
        if coverage >= 1.0 {
            return Ok(());
        }
        let known = percent(coverage);
        let text = match self.language {
            Language::Zh => format!("负荷数据不完整：仅 {known} 的时间有数据"),
            Language::En => format!("The load is known for {known} of the time only"),
        };
        writeln!(out, "<p class=\"missing\">{text}</p>")
    }

    fn legend(&self, out: &mut String, line: &LineDay) -> fmt::Result {
        use LineState::{Idle, Overload, Running, Stopped, Unknown};
        if line.timeline.is_empty() {
            return Ok(());
        }
        out.push_str("<ul class=\"legend\">");
        for (state, class) in [
            (Stopped, "stopped"),
            (Idle, "idle"),
            (Running, "running"),
            (Overload, "overload"),
            (Unknown, "unknown"),
        ] {
            let word = self.language.state(state);
            write!(
                out,
                "<li><svg viewBox=\"0 0 13 8\"><rect class=\"{class}\" width=\"13\" height=\"8\"/></svg>{word}</li>"
            )?;
        }
        if line.ordinary.is_some() {
            let word = self.language.pick("平常范围", "ordinary range");
            write!(
                out,
                "<li><svg viewBox=\"0 0 13 8\"><rect class=\"band\" width=\"13\" height=\"8\"/></svg>{word}</li>"
            )?;
        }
        out.push_str("</ul>\n");
        if line.timeline_is_coarse {
            let text = self.language.pick(
                "状态变化过于频繁：图中每 5 分钟取持续最久的状态，小时数按实际统计。",
                "So many changes that each five minutes show the state that lasted longest; the hours are exact.",
            );
            writeln!(out, "<p class=\"note\">{text}</p>")?;
        }
        Ok(())
    }

    fn shifts(
        &self,
        out: &mut String,
        shifts: Vec<(String, Option<Hours>, Option<f64>)>,
        energy: Option<&Energy>,
    ) -> fmt::Result {
        if shifts.is_empty() {
            return Ok(());
        }
        let language = self.language;
        let unit = energy.map_or(String::new(), |it| format!(" ({})", it.unit));
        let heads = [
            language.pick("班次", "Shift").to_owned(),
            language.pick("运行", "Running").to_owned() + " (h)",
            language.pick("其中过载", "Overloaded").to_owned() + " (h)",
            language.pick("空载", "Idle").to_owned() + " (h)",
            language.pick("停机", "Stopped").to_owned() + " (h)",
            language.pick("未知", "Not known").to_owned() + " (h)",
            language.pick("电量", "Energy").to_owned() + &unit,
        ];
        out.push_str("<div class=\"scroll\"><table>\n<thead><tr>");
        for (place, head) in heads.iter().enumerate() {
            let class = if place == 0 { "" } else { " class=\"number\"" };
            write!(out, "<th{class}>{}</th>", Escaped(head))?;
        }
        out.push_str("</tr></thead>\n<tbody>\n");
        for (name, hours, energy) in shifts {
            write!(out, "<tr><td>{}</td>", Escaped(name))?;
            let cells = hours
                .map_or([None; 5], |it| [it.running, it.overload, it.idle, it.stopped, it.unknown].map(Some));
            for cell in cells {
                write!(
                    out,
                    "<td class=\"number\">{}</td>",
                    cell.map_or("–".to_owned(), |it| format!("{it:.2}"))
                )?;
            }
            writeln!(out, "<td class=\"number\">{}</td></tr>", energy.map_or("–".to_owned(), figure))?;
        }
        out.push_str("</tbody>\n</table></div>\n");
        Ok(())
    }

    fn anomalies(&self, out: &mut String, anomalies: &[Anomaly], left_out: u64) -> fmt::Result {
        let language = self.language;
        if anomalies.is_empty() && left_out == 0 {
            return writeln!(
                out,
                "<p class=\"note\">{}</p>",
                language.pick("无报警和预警。", "No alarm and no warning.")
            );
        }
        writeln!(out, "<h3>{}</h3>", language.pick("报警与预警", "Alarms and warnings"))?;
        for anomaly in anomalies {
            self.anomaly(out, anomaly)?;
        }
        if left_out > 0 {
            let text = match language {
                Language::Zh => format!("另有 {left_out} 条未列出。"),
                Language::En => format!("{left_out} more are not listed."),
            };
            writeln!(out, "<p class=\"note\">{text}</p>")?;
        }
        Ok(())
    }

    fn anomaly(&self, out: &mut String, it: &Anomaly) -> fmt::Result {
        let language = self.language;
        let (level, class) = (language.level(it.level), language.class(it.class));
        write!(
            out,
            "<div class=\"anomaly\"><div>\n<p><span class=\"level {}\">{level} · {class}</span> {}</p>\n",
            it.level.name(),
            Escaped(language.of(&it.message))
        )?;
        let cleared = it.cleared_at.map_or_else(
            || language.pick("未恢复", "not cleared").to_owned(),
            |at| format!("{} {}", language.pick("恢复于", "cleared"), moment(at)),
        );
        let unit = it.unit.clone().unwrap_or_default();
        let mut more = vec![format!("{} – {cleared}", moment(it.raised_at))];
        if let Some(value) = it.value {
            more.push(format!("{} {} {unit}", language.pick("当时值", "value"), figure(value)));
        }
        if let Some(limit) = it.limit {
            more.push(format!("{} {} {unit}", language.pick("限值", "limit"), figure(limit)));
        }
        for (name, text) in [
            (language.pick("依据", "basis"), &it.basis),
            (language.pick("确认人", "acknowledged by"), &it.acknowledged_by),
            (language.pick("原因", "cause"), &it.cause),
            (language.pick("措施", "measure"), &it.measure),
        ] {
            more.extend(text.as_ref().map(|text| format!("{name} {text}")));
        }
        writeln!(out, "<p class=\"more\">{}</p>", Escaped(more.join(language.pick("；", "; "))))?;
        writeln!(out, "<p class=\"more\">{}</p>\n</div><div>", Escaped(&it.alarm))?;
        if let Some(evidence) = &it.evidence {
            picture::evidence(out, evidence, it.limit, REPORT_EVIDENCE_AROUND.as_secs_f64(), language)?;
            writeln!(out, "<p class=\"more\">{} {}</p>", Escaped(&evidence.point), Escaped(&evidence.unit))?;
        }
        out.push_str("</div></div>\n");
        Ok(())
    }

    fn month(&self, out: &mut String, line: &LineMonth) -> fmt::Result {
        let language = self.language;
        writeln!(out, "<section>\n<h2>{}</h2>", Escaped(language.of(&line.title)))?;
        writeln!(out, "<p class=\"where\">{}</p>", Escaped(&line.line))?;
        let demand = line.demand.as_ref().map(|it| (it.max, moment(it.from)));
        self.facts(out, &line.unit, line.energy.as_ref(), demand, line.load_factor, line.hours.as_ref())?;
        self.coverage(out, line.coverage)?;
        if !line.missing.is_empty() {
            let days: Vec<&str> = line.missing.iter().map(|day| day.get(8..).unwrap_or(day)).collect();
            let text = language.pick("没有日报的日期", "Days of which there is no report");
            writeln!(
                out,
                "<p class=\"note\">{text}{} {}</p>",
                language.pick("：", ":"),
                days.join(language.pick("、", ", "))
            )?;
        }
        self.days(out, line)?;
        let name = |shift: &str| match language {
            Language::Zh => format!("{shift} 班"),
            Language::En => format!("from {shift}"),
        };
        let shifts = line.shifts.iter().map(|it| (name(&it.shift), it.hours, it.energy)).collect();
        self.shifts(out, shifts, line.energy.as_ref())?;
        if !line.alarms.is_empty() {
            let head = language.pick("报警与预警次数", "Alarms and warnings, how often");
            writeln!(out, "<h3>{head}</h3>\n<div class=\"scroll\"><table><tbody>")?;
            for count in &line.alarms {
                writeln!(
                    out,
                    "<tr><td>{}</td><td>{}</td><td class=\"number\">{}</td></tr>",
                    Escaped(language.of(&count.message)),
                    Escaped(&count.alarm),
                    count.raised
                )?;
            }
            out.push_str("</tbody></table></div>\n");
        }
        out.push_str("</section>\n");
        Ok(())
    }

    fn days(&self, out: &mut String, line: &LineMonth) -> fmt::Result {
        let language = self.language;
        let unit = line.energy.as_ref().map_or(String::new(), |it| format!(" ({})", it.unit));
        let heads = [
            language.pick("日期", "Day").to_owned(),
            language.pick("电量", "Energy").to_owned() + &unit,
            format!("{} ({})", language.pick("最大需量", "Demand"), line.unit),
            language.pick("运行", "Running").to_owned() + " (h)",
            language.pick("数据", "Known").to_owned(),
            language.pick("报警", "Alarms").to_owned(),
            language.pick("状态 0–24 时", "States, 0 to 24 h").to_owned(),
        ];
        out.push_str("<div class=\"scroll\"><table>\n<thead><tr>");
        for (place, head) in heads.iter().enumerate() {
            let class = if (1..6).contains(&place) { " class=\"number\"" } else { "" };
            write!(out, "<th{class}>{}</th>", Escaped(head))?;
        }
        out.push_str("</tr></thead>\n<tbody>\n");
        for day in &line.days {
            let or_none = |value: Option<String>| value.unwrap_or_else(|| "–".to_owned());
            write!(
                out,
                "<tr><td class=\"day\">{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td><td class=\"number\">{}</td>\
                 <td class=\"number\">{}</td><td class=\"number\">{}</td><td>",
                day.day,
                or_none(day.energy.as_ref().map(|it| figure(it.value))),
                or_none(day.demand.as_ref().map(|it| figure(it.max))),
                or_none(day.hours.map(|it| format!("{:.2}", it.running))),
                percent(day.coverage),
                day.anomalies.len() as u64 + day.anomalies_left_out
            )?;
            picture::states(out, day, language)?;
            out.push_str("</td></tr>\n");
        }
        out.push_str("</tbody>\n</table></div>\n");
        Ok(())
    }
}

/// The time of day of a stamp.
fn clock(at: Stamp) -> String {
    at.to_string().get(11..16).unwrap_or_default().to_owned()
}

/// The day and the time of a stamp.
fn moment(at: Stamp) -> String {
    at.to_string().get(..19).unwrap_or_default().replace('T', " ")
}

fn percent(share: f64) -> String {
    let percent = share * 100.0;
    // Only the whole is called the whole.
    let percent = if share < 1.0 { percent.min(99.9) } else { percent };
    format!("{percent:.1} %")
}

/// A figure in four digits or so.
fn figure(value: f64) -> String {
    let decimals = match value.abs() {
        large if large >= 1000.0 => 0,
        middle if middle >= 100.0 => 1,
        _ => 2,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn the_policy_names_the_style_and_nothing_else() {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let hash = Sha256::digest(STYLE.as_bytes());
        let mut text = String::new();
        for three in hash.chunks(3) {
            let mut bits = 0_u32;
            for place in 0..3 {
                bits = bits << 8 | u32::from(three.get(place).copied().unwrap_or(0));
            }
            for place in 0..=three.len() {
                text.push(char::from(LETTERS[(bits >> (18 - 6 * place) & 63) as usize]));
            }
        }
        assert_eq!(STYLE_HASH, format!("sha256-{text}="));
        assert!(policy().contains(STYLE_HASH));
    }

    #[test]
    fn what_people_wrote_is_text_and_no_markup() {
        assert_eq!(Escaped("<b a='x'>&\"\u{1}").to_string(), "&lt;b a=&#39;x&#39;&gt;&amp;&quot;\u{fffd}");
    }
}
