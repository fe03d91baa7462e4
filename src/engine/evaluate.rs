//! Whether a condition of the site file holds. What is not known is a third answer, and what rests on uncertain data is marked:
//!
//! - a point whose reading is bad, or that has none, has no value; what needs it is not known;
//! - `&&` does not hold if one part does not, whatever the others are; `||` holds if one does; so with votes;
//! - an answer is beyond doubt if it follows from good readings alone: uncertain ones may raise an alarm, and never clear one.

use crate::model::{PointId, Sample};
use crate::site::{Condition, Number};

/// The answer to a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// It holds.
    Holds,
    /// It does not hold, beyond doubt.
    Fails,
    /// Nobody can say.
    Unknown,
}

/// What readings make of a part of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Truth {
    Yes { sure: bool },
    No { sure: bool },
    Unknown,
}

/// The latest sample of each point.
pub(super) trait Latest {
    /// None if there has been no reading.
    fn sample(&self, point: PointId) -> Option<Sample>;
}

/// Whether `condition` holds by the latest samples.
pub(super) fn answer(condition: &Condition, latest: &impl Latest) -> Answer {
    match truth(condition, latest) {
        Truth::Yes { .. } => Answer::Holds,
        Truth::No { sure: true } => Answer::Fails,
        Truth::No { sure: false } | Truth::Unknown => Answer::Unknown,
    }
}

/// Whether `condition` holds, and whether that is beyond doubt; none if nobody can say.
pub(super) fn known(condition: &Condition, latest: &impl Latest) -> Option<(bool, bool)> {
    match truth(condition, latest) {
        Truth::Yes { sure } => Some((true, sure)),
        Truth::No { sure } => Some((false, sure)),
        Truth::Unknown => None,
    }
}

impl Truth {
    const fn of(yes: bool, sure: bool) -> Self {
        if yes { Self::Yes { sure } } else { Self::No { sure } }
    }

    const fn contrary(self) -> Self {
        match self {
            Self::Yes { sure } => Self::No { sure },
            Self::No { sure } => Self::Yes { sure },
            Self::Unknown => Self::Unknown,
        }
    }
}

fn truth(condition: &Condition, latest: &impl Latest) -> Truth {
    match condition {
        Condition::Always(yes) => Truth::of(*yes, true),
        Condition::On(point) => match value(*point, latest) {
            Some((value, sure)) => Truth::of(value != 0.0, sure),
            None => Truth::Unknown,
        },
        Condition::Good(point) => quality(*point, latest, |sample| matches!(sample, Sample::Good(_))),
        Condition::Bad(point) => quality(*point, latest, |sample| matches!(sample, Sample::Bad(_))),
        Condition::Compare(left, relation, right) => match (number(left, latest), number(right, latest)) {
            (Some((left, one)), Some((right, other))) => Truth::of(relation.holds(left, right), one && other),
            _ => Truth::Unknown,
        },
        Condition::Not(one) => truth(one, latest).contrary(),
        Condition::All(parts) => at_least(parts.len(), parts, latest),
        Condition::Any(parts) => at_least(1, parts, latest),
        Condition::AtLeast(wanted, parts) => at_least(*wanted, parts, latest),
        Condition::Alike(pair) => {
            let [one, other] = &**pair;
            match truth(one, latest) {
                Truth::Yes { sure } => doubted(truth(other, latest), sure),
                Truth::No { sure } => doubted(truth(other, latest).contrary(), sure),
                Truth::Unknown => Truth::Unknown,
            }
        }
        Condition::Choose(parts) => {
            let [asked, yes, no] = &**parts;
            match truth(asked, latest) {
                Truth::Yes { sure } => doubted(truth(yes, latest), sure),
                Truth::No { sure } => doubted(truth(no, latest), sure),
                Truth::Unknown => Truth::Unknown,
            }
        }
    }
}

/// Nobody can say of what has not been read since the start. A device that never answers is down, and its points are bad. That a
/// point can't be trusted may raise an alarm and never clears one: only what is seen of good data is beyond doubt.
fn quality(point: PointId, latest: &impl Latest, is: fn(Sample) -> bool) -> Truth {
    let sure = |sample| matches!(sample, Sample::Good(_));
    latest.sample(point).map_or(Truth::Unknown, |sample| Truth::of(is(sample), sure(sample)))
}

const fn doubted(truth: Truth, sure: bool) -> Truth {
    match truth {
        Truth::Yes { sure: own } => Truth::Yes { sure: own && sure },
        Truth::No { sure: own } => Truth::No { sure: own && sure },
        Truth::Unknown => Truth::Unknown,
    }
}

/// Whether so many hold: as soon as enough do, or too few can.
fn at_least(wanted: usize, parts: &[Condition], latest: &impl Latest) -> Truth {
    let (mut surely, mut hold, mut surely_not, mut fail) = (0, 0, 0, 0);
    for part in parts {
        match truth(part, latest) {
            Truth::Yes { sure } => {
                hold += 1;
                surely += usize::from(sure);
            }
            Truth::No { sure } => {
                fail += 1;
                surely_not += usize::from(sure);
            }
            Truth::Unknown => {}
        }
    }
    let spare = parts.len() - wanted;
    if hold >= wanted {
        Truth::Yes { sure: surely >= wanted }
    } else if fail > spare {
        Truth::No { sure: surely_not > spare }
    } else {
        Truth::Unknown
    }
}

/// A number, and whether it is beyond doubt; none if it is not known or not finite.
pub(super) fn number(number: &Number, latest: &impl Latest) -> Option<(f64, bool)> {
    let (value, sure) = match number {
        Number::Constant(value) => (*value, true),
        Number::Point(point) => value(*point, latest)?,
        Number::Negative(one) => {
            let (value, sure) = self::number(one, latest)?;
            (-value, sure)
        }
        Number::Magnitude(one) => {
            let (value, sure) = self::number(one, latest)?;
            (value.abs(), sure)
        }
        Number::Sum(pair) => both(pair, latest, |a, b| a + b)?,
        Number::Difference(pair) => both(pair, latest, |a, b| a - b)?,
        Number::Product(pair) => both(pair, latest, |a, b| a * b)?,
        Number::Quotient(pair) => both(pair, latest, |a, b| a / b)?,
        Number::Least(many) => fold(many, latest, f64::min)?,
        Number::Greatest(many) => fold(many, latest, f64::max)?,
        Number::Choose(asked, pair) => {
            let (one, sure) = match truth(asked, latest) {
                Truth::Yes { sure } => (&pair[0], sure),
                Truth::No { sure } => (&pair[1], sure),
                Truth::Unknown => return None,
            };
            let (value, own) = self::number(one, latest)?;
            (value, own && sure)
        }
    };
    value.is_finite().then_some((value, sure))
}

fn both(pair: &[Number; 2], latest: &impl Latest, join: fn(f64, f64) -> f64) -> Option<(f64, bool)> {
    fold(pair, latest, join)
}

fn fold(many: &[Number], latest: &impl Latest, join: fn(f64, f64) -> f64) -> Option<(f64, bool)> {
    let mut numbers = many.iter().map(|one| number(one, latest));
    let (mut value, mut sure) = numbers.next()??;
    for next in numbers {
        let (other, other_sure) = next?;
        (value, sure) = (join(value, other), sure && other_sure);
    }
    Some((value, sure))
}

fn value(point: PointId, latest: &impl Latest) -> Option<(f64, bool)> {
    match latest.sample(point)? {
        Sample::Good(value) => Some((value.as_f64(), true)),
        Sample::Uncertain(value, _) => Some((value.as_f64(), false)),
        Sample::Bad(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{Reason, Value};
    use crate::site::Relation;

    #[derive(Debug)]
    struct Samples(Vec<Option<Sample>>);

    impl Latest for Samples {
        fn sample(&self, point: PointId) -> Option<Sample> {
            self.0[point.index()]
        }
    }

    const POINTS: usize = 3;

    fn sample() -> impl Strategy<Value = Option<Sample>> {
        let value = prop_oneof![Just(Value::Bool(true)), (-2..3_i64).prop_map(Value::Int)];
        prop_oneof![
            3 => value.clone().prop_map(|value| Some(Sample::Good(value))),
            1 => value.prop_map(|value| Some(Sample::Uncertain(value, Reason::Range))),
            1 => Just(Some(Sample::Bad(Reason::Comm))),
            1 => Just(None),
        ]
    }

    fn number() -> impl Strategy<Value = Number> {
        let leaf = prop_oneof![
            (-2..3_i8).prop_map(|n| Number::Constant(f64::from(n))),
            (0..POINTS).prop_map(|n| Number::Point(PointId::new(n))),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            let pair = || (inner.clone(), inner.clone()).prop_map(|(a, b)| Box::new([a, b]));
            prop_oneof![
                inner.clone().prop_map(|one| Number::Negative(Box::new(one))),
                inner.clone().prop_map(|one| Number::Magnitude(Box::new(one))),
                pair().prop_map(Number::Sum),
                pair().prop_map(Number::Difference),
                pair().prop_map(Number::Product),
                pair().prop_map(Number::Quotient),
                prop::collection::vec(inner.clone(), 1..3).prop_map(Number::Least),
                prop::collection::vec(inner.clone(), 1..3).prop_map(Number::Greatest),
            ]
        })
    }

    fn condition() -> impl Strategy<Value = Condition> {
        let relation = prop_oneof![
            Just(Relation::Less),
            Just(Relation::AtMost),
            Just(Relation::More),
            Just(Relation::AtLeast),
            Just(Relation::Equal),
            Just(Relation::Unequal),
        ];
        let point = || (0..POINTS).prop_map(PointId::new);
        let leaf = prop_oneof![
            any::<bool>().prop_map(Condition::Always),
            point().prop_map(Condition::On),
            (number(), relation, number()).prop_map(|(a, relation, b)| Condition::Compare(
                Box::new(a),
                relation,
                Box::new(b)
            )),
        ];
        leaf.prop_recursive(4, 24, 3, |inner| {
            let many = || prop::collection::vec(inner.clone(), 1..4);
            prop_oneof![
                inner.clone().prop_map(|one| Condition::Not(Box::new(one))),
                many().prop_map(Condition::All),
                many().prop_map(Condition::Any),
                (many(), 0..3_usize).prop_map(|(parts, n)| Condition::AtLeast((n % parts.len()) + 1, parts)),
                [inner.clone(), inner.clone()].prop_map(|pair| Condition::Alike(Box::new(pair))),
                [inner.clone(), inner.clone(), inner.clone()]
                    .prop_map(|parts| Condition::Choose(Box::new(parts))),
            ]
        })
    }

    /// Every way in which the samples that are not good could have been.
    fn possible(samples: &Samples) -> Vec<Samples> {
        let values = [-3, -1, 0, 1, 2].map(|n| Some(Sample::Good(Value::Int(n))));
        samples.0.iter().fold(vec![Samples(Vec::new())], |all, sample| {
            let options: Vec<_> = match sample {
                Some(Sample::Good(_)) => vec![*sample],
                _ => values.to_vec(),
            };
            all.iter()
                .flat_map(|known| options.iter().map(|one| Samples([&known.0[..], &[*one]].concat())))
                .collect()
        })
    }

    proptest! {
        /// What is said to fail beyond doubt fails whatever the values were that are not known for good; and what is
        /// known for good has the answer that school logic gives.
        #[test]
        fn p2_a_condition_fails_only_if_no_value_that_is_in_doubt_could_make_it_hold(
            condition in condition(),
            samples in prop::collection::vec(sample(), POINTS).prop_map(Samples),
        ) {
            let answer = answer(&condition, &samples);
            if answer == Answer::Fails {
                for world in possible(&samples) {
                    // Nobody can say what a number by zero is.
                    prop_assert_ne!(truth(&condition, &world), Truth::Yes { sure: true });
                }
            }
            let known = samples.0.iter().all(|sample| matches!(sample, Some(Sample::Good(_))));
            if known {
                let doubtful = matches!(truth(&condition, &samples), Truth::Yes { sure } | Truth::No { sure } if !sure);
                prop_assert!(!doubtful);
            }
        }

        #[test]
        fn the_contrary_of_a_condition_has_the_contrary_answer(
            condition in condition(),
            samples in prop::collection::vec(sample(), POINTS).prop_map(Samples),
        ) {
            let contrary = Condition::Not(Box::new(condition.clone()));
            prop_assert_eq!(truth(&condition, &samples).contrary(), truth(&contrary, &samples));
        }
    }

    fn of(samples: [Option<Sample>; 2], condition: &Condition) -> Truth {
        truth(condition, &Samples(samples.to_vec()))
    }

    const ON: Option<Sample> = Some(Sample::Good(Value::Bool(true)));
    const OFF: Option<Sample> = Some(Sample::Good(Value::Bool(false)));

    #[test]
    fn what_is_not_known_does_not_matter_where_the_rest_decides() {
        let bad = Some(Sample::Bad(Reason::Comm));
        let points = || vec![Condition::On(PointId::new(0)), Condition::On(PointId::new(1))];
        let (all, any) = (Condition::All(points()), Condition::Any(points()));
        let (yes, no) = (Truth::Yes { sure: true }, Truth::No { sure: true });
        for unknown in [bad, None] {
            assert_eq!(of([OFF, unknown], &all), no);
            assert_eq!(of([ON, unknown], &all), Truth::Unknown);
            assert_eq!(of([unknown, ON], &any), yes);
            assert_eq!(of([unknown, OFF], &any), Truth::Unknown);
        }
    }

    #[test]
    fn questions_about_quality_have_an_answer_once_something_was_read() {
        let uncertain = Some(Sample::Uncertain(Value::Int(1), Reason::Range));
        let bad = Some(Sample::Bad(Reason::Comm));
        for (sample, good, is_bad) in [
            (ON, Some(true), Some(false)),
            (uncertain, Some(false), Some(false)),
            (bad, Some(false), Some(true)),
            (None, None, None),
        ] {
            let truth =
                |answer: Option<bool>| answer.map_or(Truth::Unknown, |yes| Truth::of(yes, sample == ON));
            assert_eq!(of([sample, None], &Condition::Good(PointId::new(0))), truth(good));
            assert_eq!(of([sample, None], &Condition::Bad(PointId::new(0))), truth(is_bad));
        }
    }

    #[test]
    fn a_number_by_zero_is_not_known() {
        let by_zero = Number::Quotient(Box::new([Number::Constant(1.0), Number::Constant(0.0)]));
        let compare = Condition::Compare(Box::new(by_zero), Relation::More, Box::new(Number::Constant(0.0)));
        assert_eq!(of([None, None], &compare), Truth::Unknown);
    }
}
