//! The page of a replay: one file that needs no other, with nothing in it that runs. Its size is bounded by the number of charts and of their columns.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Write};

use hazgate::measures::Record;
use hazgate::model::Level;
use hazgate::model::limits::REPLAY_PAGE_ALARMS_MAX;
use hazgate::site::Site;

use super::super::args::Language;
use super::chart::{Chart, Charts};
use super::{Done, svg};

/// How the page looks; what it may load is nothing but this.
const STYLE: &str = include_str!("page.css");
/// The SHA-256 of that, for the page's policy; a test holds the two together.
const STYLE_HASH: &str = "sha256-Ow4wykxsN5xB4/m9GcZ/at7rpvqRoQaZEIkzChSSVO8=";

/// What the page is of.
pub(super) struct Page<'a> {
    pub(super) site: &'a Site,
    pub(super) done: &'a Done,
    /// What the rules of another site came to, and its file.
    pub(super) other: Option<(&'a Done, String)>,
    pub(super) charts: &'a Charts,
    /// Where the data is from.
    pub(super) data: String,
    pub(super) language: Language,
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
                // What no document may hold.
                '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {
                    f.write_char('\u{fffd}')?;
                }
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

impl Page<'_> {
    /// The whole page.
    pub(super) fn text(&self) -> String {
        let mut page = String::new();
        self.write(&mut page).expect("a string takes everything");
        page
    }

    fn write(&self, page: &mut String) -> fmt::Result {
        let language = self.language;
        let (code, title) = (language.pick("zh-CN", "en"), language.pick("报警回放", "Alarm replay"));
        let site = Escaped(language.of(&self.site.identity.name));
        write!(
            page,
            "<!doctype html>\n<html lang=\"{code}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '{STYLE_HASH}'\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title} – {site}</title>\n\
             <style>{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n<p class=\"site\">{site}</p>\n"
        )?;
        self.facts(page)?;
        page.push_str("</header>\n<main>\n");
        self.measures(page)?;
        self.alarms(page)?;
        self.pictures(page)?;
        page.push_str("</main>\n</body>\n</html>\n");
        Ok(())
    }

    fn facts(&self, page: &mut String) -> fmt::Result {
        let (language, done) = (self.language, self.done);
        let span = format!("{} – {} (UTC{})", done.local(done.begin), done.local(done.end), done.offset());
        let mut facts = vec![
            (language.pick("时段", "span"), span),
            (language.pick("数据", "data"), self.data.clone()),
            (language.pick("读数", "readings"), done.tally.readings.to_string()),
        ];
        if let Some((_, file)) = &self.other {
            facts.push((language.pick("对比站点", "compared with"), file.clone()));
        }
        if done.tally.mistakes_count > 0 {
            facts.push((
                language.pick("无法读取", "could not be read"),
                done.tally.mistakes_count.to_string(),
            ));
        }
        if done.silent > 0 {
            facts.push((language.pick("没有数据的测点", "points without data"), done.silent.to_string()));
        }
        page.push_str("<dl class=\"facts\">\n");
        for (name, value) in facts {
            writeln!(page, "<div><dt>{name}</dt><dd>{}</dd></div>", Escaped(value))?;
        }
        page.push_str("</dl>\n");
        Ok(())
    }

    fn measures(&self, page: &mut String) -> fmt::Result {
        let language = self.language;
        let title = language.pick("报警系统指标", "How well the alarms serve people");
        let heads = [
            language.pick("指标", "measure"),
            language.pick("本站点", "this site"),
            language.pick("对比站点", "compared"),
            language.pick("目标（不大于）", "target, at most"),
        ];
        write!(page, "<section>\n<h2>{title}</h2>\n<table class=\"measures\">\n<thead><tr><th></th>")?;
        let others = self.other.as_ref().map(|(other, _)| other.measures.report());
        for (n, head) in heads.into_iter().enumerate().filter(|(n, _)| *n != 2 || others.is_some()) {
            let class = if n == 0 { "" } else { " class=\"number\"" };
            write!(page, "<th{class}>{head}</th>")?;
        }
        page.push_str("</tr></thead>\n<tbody>\n");
        for measure in self.done.measures.report() {
            let met = measure.value <= measure.target;
            let (mark, word) = if met {
                ("✓", language.pick("达标", "met"))
            } else {
                ("✗", language.pick("未达标", "not met"))
            };
            write!(
                page,
                "<tr class=\"{}\"><td title=\"{word}\">{mark}</td><td>{}</td><td class=\"number\">{:.1}</td>",
                if met { "met" } else { "missed" },
                Escaped(language.of(&measure.name)),
                measure.value
            )?;
            if let Some(others) = &others {
                // A measure that only one of the two has stands alone.
                let other = others.iter().find(|other| other.name == measure.name);
                let text = other.map_or("–".to_owned(), |other| format!("{:.1}", other.value));
                write!(page, "<td class=\"number\">{text}</td>")?;
            }
            writeln!(page, "<td class=\"number\">{}</td></tr>", measure.target)?;
        }
        let note = language.pick(
            "目标为依据 ISA-18.2、IEC 62682 与 EEMUA 191 对单个操作岗位常用的参考值。",
            "Targets: the figures commonly aimed at after ISA-18.2, IEC 62682 and EEMUA 191 for one operator's position.",
        );
        writeln!(page, "</tbody>\n</table>\n<p class=\"note\">{note}</p>\n</section>")
    }

    fn alarms(&self, page: &mut String) -> fmt::Result {
        let language = self.language;
        let alarms = self.done.measures.alarms();
        writeln!(page, "<section>\n<h2>{}</h2>", language.pick("报警", "Alarms"))?;
        if alarms.is_empty() {
            return writeln!(page, "<p>{}</p>\n</section>", language.pick("没有报警。", "No alarm."));
        }
        let others = self.other.as_ref().map(|(other, _)| other.measures.alarms());
        page.push_str("<table class=\"alarms\">\n<thead><tr>");
        for (n, head) in [
            language.pick("报警", "alarm"),
            language.pick("次数", "times"),
            language.pick("对比站点次数", "times, compared"),
            language.pick("累计时长", "duration over all"),
            language.pick("最长", "longest"),
            language.pick("首次", "first"),
            language.pick("备注", "remarks"),
        ]
        .into_iter()
        .enumerate()
        .filter(|(n, _)| *n != 2 || others.is_some())
        {
            let class = if (1..=4).contains(&n) { " class=\"number\"" } else { "" };
            write!(page, "<th{class}>{head}</th>")?;
        }
        page.push_str("</tr></thead>\n<tbody>\n");
        for (name, record) in most_frequent(&alarms) {
            let beside = others.as_ref().map(|others| others.get(name).map_or(0, |other| other.raised));
            self.alarm(page, name, record, beside)?;
        }
        page.push_str("</tbody>\n</table>\n");
        let rest = alarms.len().saturating_sub(REPLAY_PAGE_ALARMS_MAX);
        self.rest(page, rest, "另有 {} 个报警未列出。", "{} more alarms are not listed.")?;
        page.push_str("</section>\n");
        Ok(())
    }

    fn alarm(&self, page: &mut String, name: &str, record: &Record, beside: Option<u64>) -> fmt::Result {
        write!(page, "<tr><td>{}</td><td class=\"number\">{}</td>", Escaped(name), record.raised)?;
        if let Some(times) = beside {
            write!(page, "<td class=\"number\">{times}</td>")?;
        }
        let first = record.first.map_or(String::new(), |at| self.done.local(at));
        writeln!(
            page,
            "<td class=\"number\">{}</td><td class=\"number\">{}</td><td>{first}</td><td>{}</td></tr>",
            super::report::span(record.total_ms),
            super::report::span(record.longest_ms),
            super::report::marks(record, self.language).trim()
        )
    }

    fn pictures(&self, page: &mut String) -> fmt::Result {
        let language = self.language;
        if self.charts.list.is_empty() {
            return Ok(());
        }
        writeln!(page, "<section>\n<h2>{}</h2>", language.pick("信号与报警", "Signals and alarms"))?;
        self.legend(page)?;
        for chart in &self.charts.list {
            self.picture(page, chart)?;
        }
        let (zh, en) = ("另有 {} 个报警测点未绘图。", "{} more points with alarms are not drawn.");
        self.rest(page, self.charts.left_out, zh, en)?;
        page.push_str("</section>\n");
        Ok(())
    }

    fn picture(&self, page: &mut String, chart: &Chart) -> fmt::Result {
        let language = self.language;
        page.push_str("<figure>\n<figcaption>");
        match chart.point.map(|point| self.site.point(point)) {
            Some(point) => {
                let unit = if point.unit.is_empty() { String::new() } else { format!("  {}", point.unit) };
                let title = Escaped(language.of(&point.title));
                write!(page, "<b>{title}</b> <code>{}</code>{}", Escaped(&point.name), Escaped(unit))?;
            }
            None => write!(page, "<b>{}</b>", language.pick("其他报警", "Other alarms"))?,
        }
        page.push_str("</figcaption>\n");
        svg::draw(page, chart, self.done, language)?;
        page.push_str("</figure>\n");
        Ok(())
    }

    fn legend(&self, page: &mut String) -> fmt::Result {
        let language = self.language;
        page.push_str("<ul class=\"legend\">\n");
        for level in [Level::Red, Level::Orange, Level::Yellow, Level::Blue, Level::Journal] {
            let words = language.level_words(level);
            writeln!(page, "<li class=\"{}\"><i></i>{words}</li>", level.name())?;
        }
        let bad = language.pick("无法读取", "could not be read");
        writeln!(page, "<li class=\"bad\"><i></i>{bad}</li>\n</ul>")
    }

    fn rest(&self, page: &mut String, count: usize, zh: &str, en: &str) -> fmt::Result {
        if count == 0 {
            return Ok(());
        }
        let text = self.language.pick(zh, en).replace("{}", &count.to_string());
        writeln!(page, "<p class=\"note\">{text}</p>")
    }
}

/// Those that came most often, as many as a page lists.
fn most_frequent(alarms: &BTreeMap<String, Record>) -> Vec<(&String, &Record)> {
    let mut list: Vec<_> = alarms.iter().collect();
    list.sort_by_key(|(name, record)| (std::cmp::Reverse(record.raised), *name));
    list.truncate(REPLAY_PAGE_ALARMS_MAX);
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_site_says_becomes_part_of_the_page() {
        let nasty = "<script>alert('1')</script>&\"\u{1b}\0";
        let shown = Escaped(nasty).to_string();
        assert_eq!(shown, "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;&quot;\u{fffd}\u{fffd}");
    }

    #[test]
    fn the_policy_lets_the_pages_own_style_through_and_nothing_else() {
        use sha2::{Digest as _, Sha256};
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let hash = Sha256::digest(STYLE.as_bytes());
        let bit = |n: usize| hash.get(n / 8).is_some_and(|byte| byte >> (7 - n % 8) & 1 == 1);
        let digit = |n: usize| (0..6).fold(0, |sum, k| sum * 2 + usize::from(bit(n * 6 + k)));
        let text: String = (0..43).map(|n| char::from(DIGITS[digit(n)])).collect();
        assert_eq!(STYLE_HASH, format!("sha256-{text}="));
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import"), "a page that needs nothing else");
    }
}
