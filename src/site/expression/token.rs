//! An expression's text, cut into tokens that know where they stand.

use std::ops::Range;

use super::Fault;
use crate::model::limits::EXPRESSION_BYTES_MAX;

/// A token.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A number.
    Number(f64),
    /// A name: of a point, of a function, `true` or `false`.
    Name(String),
    /// A name in backquotes: of a point.
    Quoted(String),
    /// A text in quotes: what a code is called.
    Text(String),
    /// An operator or a bracket.
    Sign(&'static str),
}

/// The longer ones first: `<=` is not `<` and then something else.
const SIGNS: [&str; 20] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "+", "-", "*", "/", "%", "(", ")", ",", "?", ":", "=",
];

/// The tokens of `text`, each with its bytes.
pub(super) fn tokens(text: &str) -> Result<Vec<(Token, Range<usize>)>, Fault> {
    if text.len() > EXPRESSION_BYTES_MAX {
        let message = format!("{} bytes are too long for an expression", text.len());
        return Err(Fault::new(0..text.len(), message).hint(format!("use at most {EXPRESSION_BYTES_MAX}")));
    }
    let (mut tokens, mut at) = (Vec::new(), 0);
    while let Some(first) = text[at..].chars().next() {
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (token, length) = token(&text[at..], first).map_err(|fault| shifted(fault, at))?;
        tokens.push((token, at..at + length));
        at += length;
    }
    Ok(tokens)
}

/// Every name of a point or number in `text`, in its order; none where it can't be read.
pub(in crate::site) fn names(text: &str) -> Vec<String> {
    let tokens = tokens(text).unwrap_or_default();
    let called = |at: usize| matches!(tokens.get(at + 1), Some((Token::Sign("("), _)));
    let name = |(at, (token, _)): (usize, &(Token, Range<usize>))| match token {
        Token::Name(name) if name == "true" || name == "false" || called(at) => None,
        Token::Name(name) | Token::Quoted(name) => Some(name.clone()),
        _ => None,
    };
    tokens.iter().enumerate().filter_map(name).collect()
}

fn shifted(fault: Fault, by: usize) -> Fault {
    Fault { span: fault.span.start + by..fault.span.end + by, ..fault }
}

/// The first token of `rest`, which begins with `first`, and its length.
fn token(rest: &str, first: char) -> Result<(Token, usize), Fault> {
    if first.is_ascii_digit() {
        return number(rest);
    }
    if is_name(first) {
        let length = rest.find(|c| !is_name(c) && !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        return Ok((Token::Name(rest[..length].to_owned()), length));
    }
    match first {
        '`' => quoted(rest, '`').map(|(name, length)| (Token::Quoted(name), length)),
        '"' | '\'' => quoted(rest, first).map(|(text, length)| (Token::Text(text), length)),
        _ => match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            Some(sign) => Ok((Token::Sign(sign), sign.len())),
            None => Err(Fault::new(0..first.len_utf8(), format!("`{first}` means nothing here"))),
        },
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

fn number(rest: &str) -> Result<(Token, usize), Fault> {
    let mut exponent = false;
    let length = rest
        .find(|c: char| {
            let sign = exponent && matches!(c, '+' | '-');
            exponent = matches!(c, 'e' | 'E');
            !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_') || sign)
        })
        .unwrap_or(rest.len());
    let text = &rest[..length];
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok((Token::Number(value), length)),
        _ => Err(Fault::new(0..length, format!("`{text}` is not a number"))
            .hint("a point whose name begins with a digit stands in backquotes: `1f.level`")),
    }
}

/// What stands between the first of `rest` and the next one like it.
fn quoted(rest: &str, mark: char) -> Result<(String, usize), Fault> {
    match rest[1..].find(mark) {
        Some(length) => Ok((rest[1..=length].to_owned(), length + 2)),
        None => Err(Fault::new(0..rest.len(), format!("there is no second {mark}"))),
    }
}
