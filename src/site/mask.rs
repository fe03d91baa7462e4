//! Blots out what must not be shown: the value of anything that looks like a password or token, and the user's part of
//! a URL. It works on the text alone, so that it also holds for files that do not parse and for keys that are misspelt.

use super::suggest::distance;

/// The text with secrets replaced by as many bytes of `*`: every other byte keeps its place.
pub(super) fn mask(text: &str) -> String {
    let mut shown = text.as_bytes().to_vec();
    for (at, _) in text.match_indices('=') {
        if is_secret(key_before(text, at)) {
            blot(&mut shown, string_after(text, at + 1));
        }
    }
    for (at, _) in text.match_indices("://") {
        let rest = &text[at + 3..];
        let end = rest.find(['"', '\'', '\n', ' ']).unwrap_or(rest.len());
        if let Some(user) = rest[..end].rfind('@') {
            blot(&mut shown, at + 3..at + 3 + user);
        }
    }
    // Whole characters are replaced by ASCII only, so this is still UTF-8.
    String::from_utf8(shown).unwrap_or_default()
}

fn blot(shown: &mut [u8], range: std::ops::Range<usize>) {
    for byte in &mut shown[range] {
        if *byte != b'\n' {
            *byte = b'*';
        }
    }
}

fn key_before(text: &str, equals: usize) -> &str {
    let before = text[..equals].trim_end_matches([' ', '\t', '"', '\'']);
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    &before[before.trim_end_matches(part).len()..]
}

fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["password", "passwd", "token", "secret"]
        .iter()
        .any(|word| key.contains(word) || distance(&key, word) <= word.len() / 4)
}

/// The bytes between the quotes of the string that follows; to the end of the line, or of a text without an end,
/// where the closing quotes are missing.
fn string_after(text: &str, from: usize) -> std::ops::Range<usize> {
    let rest = &text[from..];
    let start = from + rest.len() - rest.trim_start_matches([' ', '\t']).len();
    let value = &text[start..];
    if value.starts_with(['{', '\n']) {
        return start..start;
    }
    for quotes in ["\"\"\"", "'''"] {
        if let Some(body) = value.strip_prefix(quotes) {
            let end = body.find(quotes).unwrap_or(body.len());
            return start + 3..start + 3 + end;
        }
    }
    let line = value.find('\n').unwrap_or(value.len());
    match value.chars().next() {
        Some(quote @ ('"' | '\'')) => start + 1..start + closing(&value[..line], quote).unwrap_or(line),
        _ => start..start + line,
    }
}

/// Where the quote that closes a one-line string stands.
fn closing(value: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in value.char_indices().skip(1) {
        if c == quote && !escaped {
            return Some(at);
        }
        escaped = c == '\\' && quote == '"' && !escaped;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_blotted_and_everything_else_keeps_its_place() {
        for (text, shown) in [
            ("password = \"hunter2\" # x", "password = \"*******\" # x"),
            ("pasword = 'hunter2'", "pasword = '*******'"),
            ("a = 1\napi_token = \"秘密\"\nb = 2", "a = 1\napi_token = \"******\"\nb = 2"),
            ("password = \"hunter2", "password = \"*******"),
            ("password = hunter2", "password = *******"),
            ("password = \"hun\\\"ter2\"", "password = \"*********\""),
            ("token = \"\"\"a\nb\"\"\"", "token = \"\"\"*\n*\"\"\""),
            ("password = { env = \"PW\" }", "password = { env = \"PW\" }"),
            ("url = \"mqtt://me:hunter2@host:1\"", "url = \"mqtt://**********@host:1\""),
            ("topic = \"a/b\"", "topic = \"a/b\""),
        ] {
            assert_eq!(mask(text), shown);
        }
    }
}
