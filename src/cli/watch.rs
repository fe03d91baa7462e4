//! `hazgate watch`: a centre's view of what arrives at a broker.

use std::collections::HashMap;
use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context as _;
use hazgate::model::limits::DEVICES_MAX;
use hazgate::model::{DeviceStatus, Event, Stamp, Text};
use hazgate::site::Secret;
use rumqttc::Publish;

use super::args::{Language, WatchArgs};
use super::centre::{self, Access, News, Said, Seen};

/// The variable that holds the password where no file does.
const PASSWORD_VARIABLE: &str = "HAZGATE_WATCH_PASSWORD";

/// Shows what arrives until it is told to stop.
pub(crate) async fn watch(args: WatchArgs) -> anyhow::Result<ExitCode> {
    super::log_to(io::stderr, "warn", super::is_terminal());
    let access = Access::parse(&args.broker, login(&args)?)?;
    let stop = super::stop_at_signal()?;
    let mut heard = centre::listen(&access);
    let mut view = View { language: Language::choose(args.lang), json: args.json, ..View::default() };
    let end = async {
        match args.duration {
            Some(duration) => tokio::time::sleep(duration).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(end);
    loop {
        let news = tokio::select! {
            news = heard.recv() => news,
            () = stop.cancelled() => None,
            () = &mut end => None,
        };
        match news.map(|news| view.show(&args.broker, news)) {
            Some(Ok(())) => {}
            // Whoever read our output has gone away: nothing left to do.
            Some(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => break,
            Some(Err(error)) => return Err(error.into()),
            None => break,
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn login(args: &WatchArgs) -> anyhow::Result<Option<(String, Secret)>> {
    let Some(user) = &args.username else { return Ok(None) };
    let password = match &args.password_file {
        Some(file) => std::fs::read_to_string(file)
            .with_context(|| format!("cannot read the password file {}", file.display()))?,
        None => std::env::var(PASSWORD_VARIABLE)
            .with_context(|| format!("--username needs --password-file or {PASSWORD_VARIABLE}"))?,
    };
    Ok(Some((user.clone(), Secret::new(password.trim_end()))))
}

/// What is on the terminal.
struct View {
    language: Language,
    json: bool,
    seen: Seen,
    /// What is wrong with each device, as last said: it comes again whenever more has been counted.
    complaints: HashMap<String, Text>,
    /// Why there is no connection, as last said.
    lost: Option<String>,
}

impl Default for View {
    fn default() -> Self {
        Self {
            language: Language::En,
            json: false,
            seen: Seen::default(),
            complaints: HashMap::new(),
            lost: None,
        }
    }
}

impl View {
    fn show(&mut self, broker: &str, news: News) -> io::Result<()> {
        match news {
            News::Connected => {
                self.lost = None;
                note(&format!("{} {broker}", self.language.pick("已连接", "connected to")))
            }
            // The same complaint is made once and not at every attempt.
            News::Lost(error) if self.lost.as_ref() == Some(&error) => Ok(()),
            News::Lost(error) => {
                note(&format!("{} {broker}: {error}", self.language.pick("未连接", "not connected to")))?;
                self.lost = Some(error);
                Ok(())
            }
            News::Message(message) if self.json => print_json(&message),
            News::Message(message) => self.tell(&message),
        }
    }

    /// What is wrong with a device, if that is new.
    fn complaint(&mut self, who: &str, status: DeviceStatus) -> Option<(Stamp, String, Text)> {
        let DeviceStatus { at, device, error, .. } = status;
        let name = format!("{who}/{device}");
        let Some(error) = error else {
            self.complaints.remove(&name);
            return None;
        };
        if self.complaints.len() >= DEVICES_MAX {
            self.complaints.clear();
        }
        let known = self.complaints.insert(name, error.clone());
        (known.as_ref() != Some(&error)).then_some((at, device, error))
    }

    fn tell(&mut self, message: &Publish) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let language = self.language;
        match centre::decode(message) {
            Err(error) => writeln!(out, "{}: {error}", message.topic),
            Ok((who, Said::Status(status))) if !status.online => {
                writeln!(out, "{who}  {}", language.pick("网关离线", "gateway offline"))
            }
            Ok((who, Said::Status(status))) => {
                writeln!(out, "{who}  {} {}", language.pick("网关在线", "gateway online"), status.version)
            }
            Ok((who, Said::Event(event))) if self.seen.first(event.id) => {
                writeln!(out, "{who}  {}", event_line(language, &event))
            }
            Ok((who, Said::Current(_, Some(event)))) if message.retain => {
                let standing = language.pick("当前", "standing");
                writeln!(out, "{who}  {standing}  {}", event_line(language, &event))
            }
            Ok((who, Said::Device(status))) => match self.complaint(&who, status) {
                Some((at, device, error)) => writeln!(out, "{who}  {at}  {device}  {}", language.of(&error)),
                None => Ok(()),
            },
            Ok(_) => Ok(()),
        }
    }
}

/// A remark about the watching itself: not part of what is watched.
fn note(text: &str) -> io::Result<()> {
    writeln!(io::stderr(), "{text}")
}

/// One event on one line.
pub(crate) fn event_line(language: Language, event: &Event) -> String {
    let t = &event.transition;
    let doubt = language.clock(event.clock).map(|words| format!(" [{words}]")).unwrap_or_default();
    let by = t.by.as_ref().map(|by| format!("  ({by})")).unwrap_or_default();
    format!("{}{doubt}  {}  {}{by}", t.at, language.event_columns(t), language.of(&t.message))
}

fn print_json(message: &Publish) -> io::Result<()> {
    let payload: serde_json::Value = serde_json::from_slice(&message.payload)
        .unwrap_or_else(|_| String::from_utf8_lossy(&message.payload).into_owned().into());
    let line = serde_json::json!({
        "topic": message.topic,
        "retained": message.retain,
        "payload": if message.payload.is_empty() { serde_json::Value::Null } else { payload },
    });
    writeln!(io::stdout().lock(), "{line}")
}

#[cfg(test)]
mod tests {
    use hazgate::model::Class;

    use super::*;

    #[test]
    fn a_stamp_that_nothing_vouches_for_says_so() {
        let event = |clock: &str| -> Event {
            let text = format!(
                r#"{{"id":"01935b3c-0000-7000-8000-000000000000","seq":1,"clock":"{clock}",
                "at":"2026-11-21T20:15:03.214+08:00","event":"raised","alarm":"a","point":null,"device":null,"hazard":null,
                "state":"unacknowledged","level":2,"value":null,"limit":null,"unit":null,"quality":null,
                "message":{{"zh":"液位高","en":"Level high"}},"basis":null,"raised_at":"2026-11-21T20:15:03.214+08:00",
                "by":null,"reason":null}}"#
            );
            serde_json::from_str(&text).expect("an event")
        };
        assert!(event_line(Language::Zh, &event("unsynced")).contains("+08:00 [时钟未同步]"));
        assert!(event_line(Language::En, &event("restamped")).contains("[time corrected]"));
        assert!(!event_line(Language::En, &event("synced")).contains('['));
        assert!(event_line(Language::Zh, &event("synced")).contains("橙  报警  "));
        let warning = |mut event: Event| {
            event.transition.class = Class::Warning;
            event
        };
        assert!(event_line(Language::Zh, &warning(event("synced"))).contains("橙  预警  "));
        assert!(event_line(Language::En, &warning(event("synced"))).contains("warning  raised"));
    }
}
