//! Holds the source to ARCHITECTURE.md: which room may name which, where clocks and tokio may be named, no unbounded queue, `//!`
//! on every file, no function or file that eats the design. Checks are by text: they catch drift, not malice.

use std::fs;
use std::path::{Path, PathBuf};

/// Each room and the rooms that it may name.
const ROOMS: [(&str, &[&str]); 23] = [
    ("src/model/", &[]),
    ("src/measures.rs", &["model"]),
    ("src/clock.rs", &["model"]),
    ("src/inbox.rs", &["model", "clock"]),
    ("src/words.rs", &["model"]),
    ("src/supervise.rs", &["model", "inbox"]),
    ("src/timekeeping.rs", &["model", "clock", "inbox"]),
    ("src/tls.rs", &["model", "words"]),
    ("src/sparkplug.rs", &[]),
    ("src/site/", &["model", "tls"]),
    ("src/engine/", &["model", "site"]),
    ("src/store/", &["model", "site", "clock"]),
    ("src/recorded/", &["model", "site", "store"]),
    ("src/report/", &["model", "site", "clock", "engine", "store"]),
    ("src/acquire/", &["model", "site", "clock", "inbox", "words", "tls", "sparkplug"]),
    ("src/forward/", &["model", "site", "clock", "inbox", "words", "tls", "sparkplug", "store", "report"]),
    ("src/console/", &["model", "site", "clock", "inbox", "words", "report"]),
    ("src/broker.rs", &["model"]),
    ("src/core_loop", &["model", "site", "clock", "inbox", "engine", "store"]),
    (
        "src/gateway.rs",
        &[
            "model",
            "site",
            "clock",
            "inbox",
            "supervise",
            "timekeeping",
            "core_loop",
            "engine",
            "store",
            "acquire",
            "forward",
            "console",
            "report",
            "broker",
        ],
    ),
    ("src/cli/", &["cli"]),
    ("src/fuzzing.rs", &["acquire", "console", "forward", "recorded", "site", "store"]),
    ("src/lib.rs", &[]),
];

/// What must not be said, where (a prefix of paths), except where (a list of paths), and what to say instead.
const BANNED: [(&str, &str, &[&str], &str); 16] = [
    ("Instant::now", "src/", &["src/clock.rs"], "take `Now` or a `Clock`"),
    ("SystemTime::now", "src/", &["src/clock.rs"], "take `Now` or a `Clock`"),
    ("Timestamp::now", "src/", &[], "take `Now` or a `Clock`"),
    ("Zoned::now", "src/", &[], "take `Now` or a `Clock`"),
    ("tokio", "src/engine/", &[], "the engine is sans-IO"),
    ("std::fs", "src/engine/", &[], "the engine is sans-IO"),
    ("std::net", "src/engine/", &[], "the engine is sans-IO"),
    ("tokio", "src/model/", &[], "the model is plain data"),
    ("unbounded", "", &["tests/tidy.rs"], "every queue has a named limit"),
    ("TODO", "", &["tests/tidy.rs"], "do it, or file an issue"),
    ("FIXME", "", &["tests/tidy.rs"], "mend it, or file an issue"),
    ("dbg!(", "", &["tests/tidy.rs"], "use tracing"),
    ("unimplemented!(", "", &["tests/tidy.rs"], "build it"),
    ("#[ignore", "", &["tests/tidy.rs"], "a test that is not run holds nothing"),
    ("allow(dead_code", "", &["tests/tidy.rs"], "delete it"),
    ("hazgate::", "simulators/", &[], "the simulators know nothing of the gateway"),
];

/// Lines of one file. The few that are longer today may shrink but not grow.
const FILE_LINES_MAX: usize = 500;
/// Lines of one function.
const FUNCTION_LINES_MAX: usize = 70;

#[test]
fn every_file_says_what_lives_in_it() {
    let silent = |file: &&File| !file.text.starts_with("//!");
    assert_none(
        "files without `//!` on their first line",
        sources().iter().filter(silent).map(|f| f.path.clone()),
    );
}

#[test]
fn each_room_names_only_the_rooms_it_may() {
    let names: Vec<&str> = ROOMS.iter().map(|(path, _)| room_name(path)).collect();
    let mut found = Vec::new();
    for file in sources().iter().filter(|file| file.path.starts_with("src/") && file.path != "src/main.rs") {
        let Some((room, allowed)) = ROOMS.iter().find(|(room, _)| file.path.starts_with(room)) else {
            found.push(format!("{}: a room that this table does not know", file.path));
            continue;
        };
        for (number, line) in file.production() {
            for name in names.iter().filter(|name| **name != room_name(room) && !allowed.contains(*name)) {
                if line.contains(&format!("crate::{name}::")) || line.contains(&format!("crate::{name};")) {
                    found.push(format!("{}:{number}: names `{name}`", file.path));
                }
            }
        }
    }
    assert_none("forbidden imports", found.into_iter());
}

#[test]
fn banned_words_stand_nowhere() {
    let mut found = Vec::new();
    for file in sources() {
        for (word, place, except, instead) in BANNED {
            if !file.path.starts_with(place) || except.contains(&file.path.as_str()) {
                continue;
            }
            for (number, line) in file.production().filter(|(_, line)| line.contains(word)) {
                if !line.trim_start().starts_with("//") || word.chars().all(char::is_uppercase) {
                    found.push(format!("{}:{number}: `{word}`: {instead}", file.path));
                }
            }
        }
    }
    assert_none("banned words", found.into_iter());
}

#[test]
fn no_file_and_no_function_eats_the_design() {
    let mut found = Vec::new();
    for file in sources() {
        let lines: Vec<(usize, &str)> = file.production().collect();
        if lines.len() > FILE_LINES_MAX {
            found.push(format!("{}: {} lines", file.path, lines.len()));
        }
        let mut opened: Option<(usize, String)> = None;
        for (number, line) in lines {
            let indent = &line[..line.len() - line.trim_start().len()];
            match &opened {
                Some((start, end)) if line == end => {
                    if number - start + 1 > FUNCTION_LINES_MAX {
                        found.push(format!(
                            "{}:{start}: a function of {} lines",
                            file.path,
                            number - start + 1
                        ));
                    }
                    opened = None;
                }
                None if is_function(line.trim_start()) && !line.trim_end().ends_with(['}', ';']) => {
                    opened = Some((number, format!("{indent}}}")));
                }
                _ => {}
            }
        }
    }
    assert_none("too long", found.into_iter());
}

#[test]
fn the_checks_see_the_source() {
    let files = sources();
    for (room, _) in ROOMS {
        assert!(
            files.iter().any(|file| file.path.starts_with(room)),
            "no file in {room}: the table is out of date"
        );
    }
    assert!(is_function("pub(crate) async fn poll() {") && !is_function("let fn_name = 1;"));
}

struct File {
    path: String,
    text: String,
}

impl File {
    /// Numbered lines without the tests at the end of the file; nothing where the whole file is tests.
    fn production(&self) -> impl Iterator<Item = (usize, &str)> {
        let test_file = self.path.contains("/tests/")
            || self.path.ends_with("/tests.rs")
            || self.path.ends_with("/testing.rs")
            || self.path.starts_with("tests/");
        let all: Vec<&str> = if test_file { Vec::new() } else { self.text.lines().collect() };
        let end = all
            .windows(2)
            .position(|pair| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod tests {"))
            .unwrap_or(all.len());
        (1..).zip(all.into_iter().take(end))
    }
}

fn room_name(path: &str) -> &str {
    path.trim_start_matches("src/").trim_end_matches('/').trim_end_matches(".rs")
}

/// Whether a function begins on this line: `fn` after nothing but what may stand before it.
fn is_function(line: &str) -> bool {
    let qualifies =
        |word: &&str| word.starts_with("pub") || ["const", "async", "crate::site)"].contains(word);
    line.split_whitespace().find(|word| !qualifies(word)) == Some("fn")
}

fn sources() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "simulators", "tests", "benches", "fuzz"] {
        collect(&root.join(folder), root, &mut files);
    }
    files
}

fn collect(folder: &Path, root: &Path, files: &mut Vec<File>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            collect(&path, root, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("readable source");
            let path = path.strip_prefix(root).expect("below the root").display().to_string();
            files.push(File { path, text });
        }
    }
}

fn assert_none(what: &str, found: impl Iterator<Item = String>) {
    let found: Vec<String> = found.collect();
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}
