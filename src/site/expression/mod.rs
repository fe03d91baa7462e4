//! What a rule of kind `condition` asks, and what a derived point is: an expression over points, in the syntax of CEL (cel.dev) as far as it goes, checked when the site file
//! is. `token` cuts the text, `parse` makes the tree and sees to it that numbers and conditions are where they belong; both say in which
//! column a mistake stands. Names are looked up here, once: what the engine evaluates has point ids.
//!
//! ```text
//! or   := and ("||" and)*              sum     := product (("+" | "-") product)*
//! and  := not ("&&" not)*              product := unary (("*" | "/") unary)*
//! not  := "!" not | relation           unary   := "-" unary | atom
//! relation := sum (("<" | "<=" | ">" | ">=" | "==" | "!=") sum)?
//! atom := number | "true" | "false" | point | "label" | function "(" or, … ")" | "(" or ")"
//! ```
//!
//! A condition or a number may be chosen by another condition (`a ? b : c`), too. There are no loops, no variables and no text but the names of codes, so what
//! an expression costs is what it is long, and that is bounded.

mod parse;
mod token;

use std::ops::Range;

use super::source::Place;
use crate::model::PointId;

pub(super) use parse::{Value, parse, point, value};
pub(super) use token::names;

/// A question with the answer yes or no.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// Always the same.
    Always(bool),
    /// A switch that is on.
    On(PointId),
    /// The present reading of the point is good. In no doubt once something has been read.
    Good(PointId),
    /// The present reading of the point is bad. In no doubt once something has been read.
    Bad(PointId),
    /// Two numbers compared.
    Compare(Box<Number>, Relation, Box<Number>),
    /// The contrary.
    Not(Box<Condition>),
    /// Each of them.
    All(Vec<Condition>),
    /// One of them, or more.
    Any(Vec<Condition>),
    /// So many of them, or more.
    AtLeast(usize, Vec<Condition>),
    /// Both hold, or neither does.
    Alike(Box<[Condition; 2]>),
    /// The second if the first holds, otherwise the third.
    Choose(Box<[Condition; 3]>),
}

/// A number.
#[derive(Debug, Clone, PartialEq)]
pub enum Number {
    /// Always the same; finite.
    Constant(f64),
    /// The value of a point; of a switch 0 or 1.
    Point(PointId),
    /// The contrary.
    Negative(Box<Number>),
    /// Without its sign.
    Magnitude(Box<Number>),
    /// Two of them put together.
    Sum(Box<[Number; 2]>),
    /// The first less the second.
    Difference(Box<[Number; 2]>),
    /// One times the other.
    Product(Box<[Number; 2]>),
    /// The first by the second; not known where that is zero.
    Quotient(Box<[Number; 2]>),
    /// The least of them; not empty.
    Least(Vec<Number>),
    /// The greatest of them; not empty.
    Greatest(Vec<Number>),
    /// The first if the condition holds, otherwise the second.
    Choose(Box<Condition>, Box<[Number; 2]>),
}

/// How two numbers compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
    /// `==`
    Equal,
    /// `!=`
    Unequal,
}

impl Relation {
    /// Whether two numbers stand so.
    pub fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::More => left > right,
            Self::AtLeast => left >= right,
            #[expect(clippy::float_cmp, reason = "the question is whether they are equal")]
            Self::Equal => left == right,
            #[expect(clippy::float_cmp, reason = "the question is whether they are equal")]
            Self::Unequal => left != right,
        }
    }
}

impl Condition {
    /// Every point that it looks at, each once, in the order of their ids.
    pub fn points(&self) -> Vec<PointId> {
        let mut points = Vec::new();
        self.gather(&mut points);
        points.sort_unstable();
        points.dedup();
        points
    }

    fn gather(&self, points: &mut Vec<PointId>) {
        match self {
            Self::Always(_) => {}
            Self::On(point) | Self::Good(point) | Self::Bad(point) => points.push(*point),
            Self::Compare(left, _, right) => [left, right].iter().for_each(|number| number.gather(points)),
            Self::Not(one) => one.gather(points),
            Self::All(parts) | Self::Any(parts) | Self::AtLeast(_, parts) => {
                for part in parts {
                    part.gather(points);
                }
            }
            Self::Alike(pair) => {
                for part in pair.iter() {
                    part.gather(points);
                }
            }
            Self::Choose(parts) => {
                for part in parts.iter() {
                    part.gather(points);
                }
            }
        }
    }
}

impl Number {
    /// Every point that it looks at, each once, in the order of their ids.
    pub fn points(&self) -> Vec<PointId> {
        let mut points = Vec::new();
        self.gather(&mut points);
        points.sort_unstable();
        points.dedup();
        points
    }

    fn gather(&self, points: &mut Vec<PointId>) {
        match self {
            Self::Constant(_) => {}
            Self::Point(point) => points.push(*point),
            Self::Negative(one) | Self::Magnitude(one) => one.gather(points),
            Self::Sum(pair) | Self::Difference(pair) | Self::Product(pair) | Self::Quotient(pair) => {
                pair.iter().for_each(|one| one.gather(points));
            }
            Self::Choose(asked, pair) => {
                asked.gather(points);
                pair.iter().for_each(|one| one.gather(points));
            }
            Self::Least(many) | Self::Greatest(many) => many.iter().for_each(|one| one.gather(points)),
        }
    }
}

/// What a name in an expression stands for.
pub(super) struct Named {
    /// A point or a number.
    pub(super) what: Meaning,
    /// How many points have that name; 1 for a number.
    pub(super) many: usize,
}

/// What a name stands for.
pub(super) enum Meaning {
    /// A point, and what its values are.
    Point(PointId, Nature),
    /// A number that the site file gives.
    Number(f64),
}

impl Named {
    /// The one point of its name.
    pub(super) const fn point(point: PointId, nature: Nature) -> Self {
        Self { what: Meaning::Point(point, nature), many: 1 }
    }
}

/// Why a name stands for nothing.
pub(super) struct Unnamed {
    /// What is wrong.
    pub(super) message: String,
    /// What would be right.
    pub(super) hint: Option<String>,
    /// Where it is put right, if not in the expression.
    pub(super) elsewhere: Option<Place>,
}

impl Unnamed {
    /// The mistake of an expression in which that name stands.
    fn fault(self, span: Range<usize>) -> Fault {
        Fault { span, message: self.message, hint: self.hint, elsewhere: self.elsewhere }
    }
}

/// What the values of a point are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nature {
    /// Numbers.
    Number,
    /// On or off.
    Switch,
    /// Whatever its messages say.
    Either,
}

/// What the names in an expression stand for.
pub(super) trait Points {
    /// What this name stands for. With `turn`, that of its points whose turn it is: the name stands in a function that takes any number of arguments, each
    /// of its points in turn.
    fn named(&self, name: &str, turn: Option<usize>) -> Result<Named, Unnamed>;

    /// The code of a point that people call `label`; or the labels that there are.
    fn code(&self, point: PointId, label: &str) -> Result<i64, Vec<String>>;
}

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// The bytes of the expression concerned.
    pub(super) span: Range<usize>,
    /// What is wrong.
    pub(super) message: String,
    /// What would be right.
    pub(super) hint: Option<String>,
    /// Where it is put right, if not in the expression.
    pub(super) elsewhere: Option<Place>,
}

impl Fault {
    fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), hint: None, elsewhere: None }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

#[cfg(test)]
mod tests;
