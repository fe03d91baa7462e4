//! From tokens to a condition. Every part is a term that knows whether it is a number or a condition; where the other is wanted
//! the mistake is found at once, with its place.

use std::ops::Range;

use super::token::{Token, tokens};
use super::{Condition, Fault, Meaning, Nature, Number, Points, Relation};
use crate::model::PointId;
use crate::model::limits::EXPRESSION_DEPTH_MAX;

/// The condition that `text` asks for.
pub(in crate::site) fn parse(text: &str, points: &dyn Points) -> Result<Condition, Fault> {
    whole(text, points)?.condition()
}

/// What an expression may be worth.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::site) enum Value {
    /// A number.
    Number(Number),
    /// Yes or no.
    Condition(Condition),
}

/// What `text` is worth: a number or a condition, whichever it is.
pub(in crate::site) fn value(text: &str, points: &dyn Points) -> Result<Value, Fault> {
    let term = whole(text, points)?;
    match term.what {
        What::Condition(_) | What::Point(_, Nature::Switch) => term.condition().map(Value::Condition),
        _ => term.number().map(Value::Number),
    }
}

/// The point of this name.
pub(in crate::site) fn point(name: &str, points: &dyn Points) -> Result<PointId, Fault> {
    let named = points.named(name, None).map_err(|no| no.fault(0..name.len()))?;
    match named.what {
        Meaning::Point(point, _) => Ok(point),
        Meaning::Number(_) => {
            Err(Fault::new(0..name.len(), format!("`{name}` is a number, and has no past")))
        }
    }
}

fn whole(text: &str, points: &dyn Points) -> Result<Term, Fault> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0, end: text.len(), points, turn: None };
    let term = parser.either()?;
    match parser.peek() {
        None => Ok(term),
        Some(_) => Err(parser.unexpected("an operator, or the end")),
    }
}

/// A part of an expression.
#[derive(Debug)]
struct Term {
    what: What,
    span: Range<usize>,
}

#[derive(Debug)]
enum What {
    Number(Number),
    Condition(Condition),
    /// A point, which is one or the other by what it is.
    Point(PointId, Nature),
    Text(String),
}

impl Term {
    fn condition(self) -> Result<Condition, Fault> {
        match self.what {
            What::Condition(condition) => Ok(condition),
            What::Point(point, Nature::Switch | Nature::Either) => Ok(Condition::On(point)),
            What::Point(_, Nature::Number) | What::Number(_) => {
                Err(Fault::new(self.span, "this is a number where a condition is wanted")
                    .hint("compare it with something, such as `> 5`"))
            }
            What::Text(_) => Err(lone_text(self.span)),
        }
    }

    /// Whether it is a condition, and not a mere `true` or `false`.
    const fn is_question(&self) -> bool {
        !matches!(self.what, What::Condition(Condition::Always(_))) && matches!(self.what, What::Condition(_))
    }

    /// Whether it can be nothing but a number.
    const fn is_number(&self) -> bool {
        matches!(self.what, What::Number(_) | What::Point(_, Nature::Number))
    }

    /// A number, or `true` or `false` as what a switch is compared with.
    fn countable(self) -> Result<Number, Fault> {
        match self.what {
            What::Condition(Condition::Always(on)) => Ok(Number::Constant(f64::from(u8::from(on)))),
            _ => self.number(),
        }
    }

    fn number(self) -> Result<Number, Fault> {
        match self.what {
            What::Number(number) => Ok(number),
            What::Point(point, _) => Ok(Number::Point(point)),
            What::Condition(_) => Err(Fault::new(self.span, "this is a condition where a number is wanted")
                .hint("conditions are put together with `&&`, `||` and `!`")),
            What::Text(_) => Err(lone_text(self.span)),
        }
    }
}

fn lone_text(span: Range<usize>) -> Fault {
    Fault::new(span, "a text stands for what a code is called, and here is no point with codes before it")
        .hint("compare a point with it, such as `plc.state == \"casting\"`")
}

struct Parser<'a> {
    tokens: Vec<(Token, Range<usize>)>,
    at: usize,
    depth: usize,
    end: usize,
    points: &'a dyn Points,
    /// Inside a function that takes any number of arguments.
    turn: Option<Turn>,
}

/// An argument that is read once for each point of the one name in it that several points have.
struct Turn {
    /// Which of them it is read for.
    index: usize,
    /// That name, and how many they are.
    of: Option<(String, usize)>,
}

type Parsed = Result<Term, Fault>;

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn span(&self) -> Range<usize> {
        self.tokens.get(self.at).map_or(self.end..self.end, |(_, span)| span.clone())
    }

    /// Takes the next token if it is one of `signs`.
    fn take(&mut self, signs: &[&'static str]) -> Option<&'static str> {
        match self.peek() {
            Some(Token::Sign(sign)) if signs.contains(sign) => {
                let sign = *sign;
                self.at += 1;
                Some(sign)
            }
            _ => None,
        }
    }

    fn expect(&mut self, sign: &'static str) -> Result<(), Fault> {
        self.take(&[sign]).map(drop).ok_or_else(|| self.unexpected(&format!("`{sign}`")))
    }

    fn unexpected(&self, wanted: &str) -> Fault {
        let fault = match self.peek() {
            None => Fault::new(self.span(), format!("the expression ends where {wanted} is wanted")),
            Some(Token::Sign("=")) => Fault::new(self.span(), "`=` gives a value, and here is none to give")
                .hint("compare with `==`"),
            Some(Token::Sign("%")) => {
                Fault::new(self.span(), "`%` is not among the operators").hint("use + - * /")
            }
            Some(_) => Fault::new(self.span(), format!("here {wanted} is wanted")),
        };
        match self.peek() {
            Some(Token::Name(name)) if matches!(name.as_str(), "and" | "or" | "not") => {
                fault.hint("write `&&`, `||`, `!`")
            }
            _ => fault,
        }
    }

    /// One step down; back up after what it does.
    fn deeper(&mut self, inner: impl FnOnce(&mut Self) -> Parsed) -> Parsed {
        if self.depth == EXPRESSION_DEPTH_MAX {
            let message = format!("more than {EXPRESSION_DEPTH_MAX} levels of brackets and signs");
            return Err(Fault::new(self.span(), message).hint("make two rules of it"));
        }
        self.depth += 1;
        let parsed = inner(self);
        self.depth -= 1;
        parsed
    }

    fn either(&mut self) -> Parsed {
        let asked = self.any()?;
        if self.take(&["?"]).is_none() {
            return Ok(asked);
        }
        let start = asked.span.start;
        let asked = asked.condition()?;
        let yes = self.deeper(Self::either)?;
        self.expect(":")?;
        let no = self.deeper(Self::either)?;
        let span = start..no.span.end;
        let what = if yes.is_number() || no.is_number() {
            What::Number(Number::Choose(Box::new(asked), Box::new([yes.number()?, no.number()?])))
        } else {
            What::Condition(Condition::Choose(Box::new([asked, yes.condition()?, no.condition()?])))
        };
        Ok(Term { what, span })
    }

    fn any(&mut self) -> Parsed {
        self.joined("||", Self::all, Condition::Any)
    }

    fn all(&mut self) -> Parsed {
        self.joined("&&", Self::not, Condition::All)
    }

    /// One part, or several with `sign` between them.
    fn joined(
        &mut self,
        sign: &'static str,
        part: fn(&mut Self) -> Parsed,
        join: fn(Vec<Condition>) -> Condition,
    ) -> Parsed {
        let first = part(self)?;
        if self.take(&[sign]).is_none() {
            return Ok(first);
        }
        let mut span = first.span.clone();
        let mut parts = vec![first.condition()?];
        loop {
            let next = part(self)?;
            span.end = next.span.end;
            parts.push(next.condition()?);
            if self.take(&[sign]).is_none() {
                return Ok(Term { what: What::Condition(join(parts)), span });
            }
        }
    }

    fn not(&mut self) -> Parsed {
        let start = self.span().start;
        if self.take(&["!"]).is_none() {
            return self.relation();
        }
        let inner = self.deeper(Self::not)?;
        let span = start..inner.span.end;
        Ok(Term { what: What::Condition(Condition::Not(Box::new(inner.condition()?))), span })
    }

    fn relation(&mut self) -> Parsed {
        let left = self.sum()?;
        let Some(sign) = self.take(&["<", "<=", ">", ">=", "==", "!="]) else { return Ok(left) };
        let right = self.sum()?;
        let span = left.span.start..right.span.end;
        let relation = match sign {
            "<" => Relation::Less,
            "<=" => Relation::AtMost,
            ">" => Relation::More,
            ">=" => Relation::AtLeast,
            "==" => Relation::Equal,
            _ => Relation::Unequal,
        };
        let compared = self.compared(left, relation, right)?;
        if self.take(&["<", "<=", ">", ">=", "==", "!="]).is_some() {
            return Err(Fault::new(span, "this is compared twice").hint("write `a < b && b < c`"));
        }
        Ok(Term { what: What::Condition(compared), span })
    }

    fn compared(&self, left: Term, relation: Relation, right: Term) -> Result<Condition, Fault> {
        if matches!(relation, Relation::Equal | Relation::Unequal) {
            return self.equal(left, relation, right);
        }
        Ok(Condition::Compare(Box::new(left.number()?), relation, Box::new(right.number()?)))
    }

    /// Numbers, conditions, or a point and what one of its codes is called.
    fn equal(&self, left: Term, relation: Relation, right: Term) -> Result<Condition, Fault> {
        match (&left.what, &right.what) {
            (What::Point(point, _), What::Text(label)) => self.coded(*point, relation, label, right.span),
            (What::Text(label), What::Point(point, _)) => self.coded(*point, relation, label, left.span),
            _ if left.is_question() || right.is_question() => {
                Ok(alike(left.condition()?, relation, right.condition()?))
            }
            _ => Ok(Condition::Compare(Box::new(left.countable()?), relation, Box::new(right.countable()?))),
        }
    }

    /// Whether a point says what is called `label`.
    fn coded(
        &self,
        point: PointId,
        relation: Relation,
        label: &str,
        span: Range<usize>,
    ) -> Result<Condition, Fault> {
        let code = self.points.code(point, label).map_err(|labels| unknown_label(span, label, &labels))?;
        let (value, code) = (Number::Point(point), Number::Constant(code as f64));
        Ok(Condition::Compare(Box::new(value), relation, Box::new(code)))
    }

    fn sum(&mut self) -> Parsed {
        self.chain(&["+", "-"], Self::product, |sign, pair| match sign {
            "+" => Number::Sum(pair),
            _ => Number::Difference(pair),
        })
    }

    fn product(&mut self) -> Parsed {
        self.chain(&["*", "/"], Self::unary, |sign, pair| match sign {
            "*" => Number::Product(pair),
            _ => Number::Quotient(pair),
        })
    }

    fn chain(
        &mut self,
        signs: &[&'static str],
        part: fn(&mut Self) -> Parsed,
        join: fn(&'static str, Box<[Number; 2]>) -> Number,
    ) -> Parsed {
        let mut left = part(self)?;
        while let Some(sign) = self.take(signs) {
            let right = part(self)?;
            let span = left.span.start..right.span.end;
            let number = join(sign, Box::new([left.number()?, right.number()?]));
            left = Term { what: What::Number(number), span };
        }
        Ok(left)
    }

    fn unary(&mut self) -> Parsed {
        let start = self.span().start;
        if self.take(&["-"]).is_none() {
            return self.atom();
        }
        let inner = self.deeper(Self::unary)?;
        let span = start..inner.span.end;
        Ok(Term { what: What::Number(Number::Negative(Box::new(inner.number()?))), span })
    }

    fn atom(&mut self) -> Parsed {
        let span = self.span();
        let Some((token, _)) = self.tokens.get(self.at).cloned() else {
            return Err(self.unexpected("a point or a number"));
        };
        let what = match token {
            Token::Number(value) => What::Number(Number::Constant(value)),
            Token::Text(text) => What::Text(text),
            Token::Name(name) if name == "true" || name == "false" => {
                What::Condition(Condition::Always(name == "true"))
            }
            Token::Name(name) => {
                self.at += 1;
                if self.take(&["("]).is_some() {
                    return self.function(&name, span);
                }
                return self.point(&name, span);
            }
            Token::Quoted(name) => {
                self.at += 1;
                return self.point(&name, span);
            }
            Token::Sign("(") => {
                self.at += 1;
                let inner = self.deeper(Self::either)?;
                self.expect(")")?;
                return Ok(inner);
            }
            Token::Sign(_) => return Err(self.unexpected("a point or a number")),
        };
        self.at += 1;
        Ok(Term { what, span })
    }

    fn point(&mut self, name: &str, span: Range<usize>) -> Parsed {
        let named = self.points.named(name, self.turn.as_ref().map(|turn| turn.index));
        let named = named.map_err(|no| no.fault(span.clone()))?;
        if let Some(turn) = self.turn.as_mut().filter(|_| named.many > 1) {
            match &turn.of {
                Some((other, _)) if other != name => {
                    let message = format!("`{other}` and `{name}` are several points each");
                    return Err(Fault::new(span, message).hint("one such name stands in an argument"));
                }
                _ => turn.of = Some((name.to_owned(), named.many)),
            }
        }
        let what = match named.what {
            Meaning::Point(point, nature) => What::Point(point, nature),
            Meaning::Number(number) => What::Number(Number::Constant(number)),
        };
        Ok(Term { what, span })
    }

    /// A function whose bracket has been opened.
    fn function(&mut self, name: &str, named: Range<usize>) -> Parsed {
        let takes_many = matches!(name, "min" | "max" | "at_least");
        let mut terms = Vec::new();
        if self.take(&[")"]).is_none() {
            loop {
                if takes_many && self.turn.is_none() {
                    self.in_turn(&mut terms)?;
                } else {
                    terms.push(self.deeper(Self::either)?);
                }
                if self.take(&[","]).is_none() {
                    break;
                }
            }
            self.expect(")")?;
        }
        let span = named.start..self.tokens[self.at - 1].1.end;
        let what = call(name, terms, named)?;
        Ok(Term { what, span })
    }

    /// One argument, once for each point of the name in it that several points have.
    fn in_turn(&mut self, terms: &mut Vec<Term>) -> Result<(), Fault> {
        let start = self.at;
        let mut index = 0;
        loop {
            self.at = start;
            self.turn = Some(Turn { index, of: None });
            let term = self.deeper(Self::either);
            let of = self.turn.take().and_then(|turn| turn.of);
            terms.push(term?);
            index += 1;
            if of.is_none_or(|(_, many)| index >= many) {
                return Ok(());
            }
        }
    }
}

/// What a function gives.
fn call(name: &str, terms: Vec<Term>, named: Range<usize>) -> Result<What, Fault> {
    let count = terms.len();
    let mut terms = terms.into_iter();
    let takes =
        |what: &str| Fault::new(named.clone(), format!("`{name}` takes {what}, and here are {count}"));
    match (name, count) {
        ("good" | "bad", 1) => {
            let term = terms.next().ok_or_else(|| takes("one point"))?;
            let What::Point(point, _) = term.what else {
                return Err(Fault::new(term.span, format!("`{name}` asks about a point, and this is none")));
            };
            Ok(What::Condition(if name == "good" { Condition::Good(point) } else { Condition::Bad(point) }))
        }
        ("abs", 1) => {
            let number = terms.next().ok_or_else(|| takes("one number"))?.number()?;
            Ok(What::Number(Number::Magnitude(Box::new(number))))
        }
        ("min" | "max", 1..) => {
            let numbers = terms.map(Term::number).collect::<Result<_, _>>()?;
            Ok(What::Number(if name == "min" { Number::Least(numbers) } else { Number::Greatest(numbers) }))
        }
        ("at_least", 2..) => at_least(terms, named),
        ("good" | "bad", _) => Err(takes("one point")),
        ("abs", _) => Err(takes("one number")),
        ("min" | "max", _) => Err(takes("one number or more")),
        ("at_least", _) => Err(takes("a number and then conditions")),
        _ => Err(Fault::new(named, format!("there is no function `{name}`"))
            .hint("there are abs, min, max, good, bad and at_least")),
    }
}

fn at_least(mut terms: impl ExactSizeIterator<Item = Term>, named: Range<usize>) -> Result<What, Fault> {
    let Some(first) = terms.next() else { return Err(Fault::new(named, "`at_least` of nothing")) };
    let many = terms.len();
    let What::Number(Number::Constant(wanted)) = first.what else {
        return Err(Fault::new(first.span, "how many are wanted is a number, written as such"));
    };
    match (1..=many).find(|count| *count as f64 == wanted) {
        Some(count) => {
            let conditions = terms.map(Term::condition).collect::<Result<_, _>>()?;
            Ok(What::Condition(Condition::AtLeast(count, conditions)))
        }
        None => {
            Err(Fault::new(first.span, format!("{wanted} of {many} conditions"))
                .hint(format!("use 1 to {many}")))
        }
    }
}

/// Whether two conditions hold together or not at all; or the contrary.
fn alike(one: Condition, relation: Relation, other: Condition) -> Condition {
    let alike = Condition::Alike(Box::new([one, other]));
    if relation == Relation::Equal { alike } else { Condition::Not(Box::new(alike)) }
}

fn unknown_label(span: Range<usize>, label: &str, labels: &[String]) -> Fault {
    let fault = Fault::new(span, format!("the point has no code that is called \"{label}\""));
    if labels.is_empty() {
        fault.hint("give the point `codes`")
    } else {
        fault.hint(format!("there are {}", labels.join(", ")))
    }
}
