//! What expressions mean, and where and in which words a mistake in one is told.

use super::*;

struct Known;

fn unnamed(message: &str) -> Unnamed {
    Unnamed { message: message.to_owned(), hint: Some("did you mean `m.power`?".to_owned()), elsewhere: None }
}

impl Points for Known {
    fn named(&self, name: &str, turn: Option<usize>) -> Result<Named, Unnamed> {
        let nature = match name {
            "five" => return Ok(Named { what: Meaning::Number(5.0), many: 1 }),
            "gas" | "heat" => {
                let index = 10 + turn.ok_or_else(|| unnamed(&format!("`{name}` is three points")))?;
                return Ok(Named { what: Meaning::Point(PointId::new(index), Nature::Number), many: 3 });
            }
            "m.power" | "m.load" | "1-a.x" => Nature::Number,
            "f.run" => Nature::Switch,
            "q.any" => Nature::Either,
            _ => return Err(unnamed(&format!("there is no point `{name}`"))),
        };
        let place = ["m.power", "m.load", "f.run", "q.any", "1-a.x"].iter().position(|known| *known == name);
        Ok(Named::point(PointId::new(place.unwrap()), nature))
    }

    fn code(&self, point: PointId, label: &str) -> Result<i64, Vec<String>> {
        match (point.index(), label) {
            (1, "heavy") => Ok(3),
            (1, _) => Err(vec!["heavy".into()]),
            _ => Err(Vec::new()),
        }
    }
}

const POWER: Number = Number::Point(PointId::new(0));

fn compare(number: Number, relation: Relation, value: f64) -> Condition {
    Condition::Compare(Box::new(number), relation, Box::new(Number::Constant(value)))
}

fn power(relation: Relation, value: f64) -> Condition {
    compare(POWER, relation, value)
}

fn read(text: &str) -> Condition {
    parse(text, &Known).unwrap_or_else(|fault| panic!("{text}: {fault:?}"))
}

#[test]
fn operators_bind_as_in_cel() {
    let run = Condition::On(PointId::new(2));
    let above = power(Relation::More, 5.0);
    let stopped = Condition::Not(Box::new(run.clone()));
    assert_eq!(read("m.power > 5 && !f.run"), Condition::All(vec![above.clone(), stopped.clone()]));
    assert_eq!(
        read("m.power > 5.0 && !f.run || f.run"),
        Condition::Any(vec![Condition::All(vec![above.clone(), stopped.clone()]), run.clone()])
    );
    assert_eq!(
        read("m.power > 5 && (!f.run || f.run)"),
        Condition::All(vec![above.clone(), Condition::Any(vec![stopped.clone(), run.clone()])])
    );
    assert_eq!(
        read("f.run ? m.power > 5 : true"),
        Condition::Choose(Box::new([run, above, Condition::Always(true)]))
    );
}

#[test]
fn numbers_bind_as_in_school() {
    let load = || Number::Point(PointId::new(1));
    let half = Number::Quotient(Box::new([load(), Number::Constant(2.0)]));
    let less = Number::Difference(Box::new([
        Number::Difference(Box::new([POWER, half])),
        Number::Negative(Box::new(Number::Constant(1.5))),
    ]));
    assert_eq!(read("m.power - m.load / 2 - -1.5 <= 1e3"), compare(less, Relation::AtMost, 1000.0));
    let apart = Number::Magnitude(Box::new(Number::Difference(Box::new([POWER, load()]))));
    assert_eq!(
        read("abs(m.power - m.load) >= max(1, m.load)"),
        Condition::Compare(
            Box::new(apart),
            Relation::AtLeast,
            Box::new(Number::Greatest(vec![Number::Constant(1.0), load()]))
        )
    );
}

#[test]
fn points_are_what_they_are_wanted_as() {
    assert_eq!(read("q.any"), Condition::On(PointId::new(3)));
    assert_eq!(read("q.any == 1"), compare(Number::Point(PointId::new(3)), Relation::Equal, 1.0));
    assert_eq!(read("f.run != false"), compare(Number::Point(PointId::new(2)), Relation::Unequal, 0.0));
    assert_eq!(read("`1-a.x` < 2").points(), [PointId::new(4)]);
    let heavy = compare(Number::Point(PointId::new(1)), Relation::Equal, 3.0);
    assert_eq!(read("m.load == \"heavy\""), heavy);
    assert_eq!(read("'heavy' == m.load"), heavy);
}

#[test]
fn votes_and_questions_about_quality() {
    assert_eq!(
        read("at_least(2, m.power > 1, f.run, bad(m.load))"),
        Condition::AtLeast(
            2,
            vec![power(Relation::More, 1.0), Condition::On(PointId::new(2)), Condition::Bad(PointId::new(1))]
        )
    );
    assert_eq!(read("good(m.load)"), Condition::Good(PointId::new(1)));
    assert_eq!(
        read("(m.power > 1) == f.run || f.run").points(),
        [PointId::new(0), PointId::new(2)],
        "each point once"
    );
}

#[test]
fn every_mistake_is_told_with_its_place() {
    for (text, wrong, words) in [
        ("", "", "the expression ends where a point or a number is wanted"),
        ("m.power", "m.power", "a number where a condition is wanted"),
        ("m.power > 5 + f.run > 2", "m.power > 5 + f.run", "compared twice"),
        ("m.powr > 5", "m.powr", "there is no point `m.powr`"),
        ("m.power > 5 and f.run", "and", "write `&&`"),
        ("m.power = 5", "=", "compare with `==`"),
        ("m.power % 2 > 5", "%", "not among the operators"),
        ("(m.power > 5", "", "ends where `)` is wanted"),
        ("m.power > 5)", ")", "here an operator, or the end is wanted"),
        ("m.power > (f.run || f.run)", "f.run || f.run", "a condition where a number is wanted"),
        ("!m.power", "m.power", "a number where a condition is wanted"),
        ("m.power > 12x", "12x", "not a number"),
        ("m.power > 5 # no", "#", "`#` means nothing here"),
        ("m.power == \"heavy\"", "\"heavy\"", "give the point `codes`"),
        ("m.load == \"light\"", "\"light\"", "there are heavy"),
        ("m.load == \"light", "\"light", "there is no second"),
        ("\"heavy\"", "\"heavy\"", "a text stands for what a code is called"),
        ("avg(m.power) > 1", "avg", "there is no function `avg`"),
        ("abs(m.power, 1) > 1", "abs", "takes one number, and here are 2"),
        ("good(m.power + 1)", "m.power + 1", "asks about a point"),
        ("at_least(3, f.run, f.run)", "3", "3 of 2 conditions"),
        ("at_least(f.run, f.run)", "f.run", "how many are wanted is a number"),
        ("厂 > 1", "厂", "means nothing here"),
    ] {
        let fault = parse(text, &Known).unwrap_err();
        assert_eq!(&text[fault.span.clone()], wrong, "{text}: {fault:?}");
        let said = format!("{} | {}", fault.message, fault.hint.unwrap_or_default());
        assert!(said.contains(words), "{text}: {said}");
    }
}

#[test]
fn length_and_depth_are_bounded() {
    let deep = |levels: usize| format!("{}f.run{}", "(".repeat(levels), ")".repeat(levels));
    assert!(parse(&deep(32), &Known).is_ok());
    assert!(parse(&deep(33), &Known).unwrap_err().message.contains("32 levels"));
    assert!(parse(&"!".repeat(40), &Known).unwrap_err().message.contains("32 levels"));
    let nested = format!("{}f.run{}", "f.run == (".repeat(32), ")".repeat(32));
    assert!(format!("{:?}", read(&format!("{nested} || f.run"))).len() < 10_000, "it costs what it is long");
    let long = vec!["f.run"; 400].join("||");
    assert!(parse(&long, &Known).unwrap_err().message.contains("too long"));
}

#[test]
fn a_name_of_several_points_stands_for_each_in_the_functions_that_take_any_number() {
    let above = |point: usize| {
        let number = Number::Point(PointId::new(point));
        Condition::Compare(Box::new(number), Relation::More, Box::new(Number::Constant(5.0)))
    };
    assert_eq!(read("at_least(2, gas > five)"), Condition::AtLeast(2, vec![above(10), above(11), above(12)]));
    assert_eq!(
        read("at_least(2, gas > 5, m.power > 5)"),
        Condition::AtLeast(2, vec![above(10), above(11), above(12), power(Relation::More, 5.0)])
    );
    let points = |points: &[usize]| points.iter().map(|point| Number::Point(PointId::new(*point))).collect();
    assert_eq!(read("max(gas) > 5"), compare(Number::Greatest(points(&[10, 11, 12])), Relation::More, 5.0));
    // The outermost function takes them.
    let least = |point: usize| compare(Number::Least(points(&[point])), Relation::More, 5.0);
    assert_eq!(
        read("at_least(1, min(gas) > 5)"),
        Condition::AtLeast(1, vec![least(10), least(11), least(12)])
    );
    for (text, message) in [
        ("gas > 5", "`gas` is three points"),
        ("at_least(1, gas > heat)", "`gas` and `heat` are several points each"),
        ("at_least(4, gas > 5)", "4 of 3 conditions"),
    ] {
        assert_eq!(parse(text, &Known).expect_err(text).message, message);
    }
    assert_eq!(names("at_least(1, gas > five) && `1-a.x` > 2 && true"), ["gas", "five", "1-a.x"]);
}
