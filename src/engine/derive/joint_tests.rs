//! What comes of several points: school arithmetic, what is not known, what is in doubt.

use super::joint::of_samples;
use crate::model::{Reason, Sample, Value};
use crate::site::JointFigure;

fn good(values: &[f64]) -> Vec<Sample> {
    values.iter().map(|value| Sample::Good(Value::Float(*value))).collect()
}

const UNKNOWN: Sample = Sample::Bad(Reason::NoData);
const SPREAD: JointFigure = JointFigure::Spread { least: 10.0 };

#[test]
fn each_figure_is_what_it_says() {
    for (figure, values, expected) in [
        (JointFigure::Sum, &[1.5, 2.0, 4.0][..], Some(7.5)),
        (JointFigure::Percent, &[25.0, 200.0], Some(12.5)),
        (JointFigure::Percent, &[0.0, 200.0], Some(0.0)),
        (JointFigure::Percent, &[1.0, 0.0], None),
        (JointFigure::Percent, &[1.0, -5.0], None),
        (JointFigure::Ratio, &[300.0, 100.0], Some(3.0)),
        (JointFigure::Ratio, &[300.0, 0.0], None),
        (JointFigure::Rest, &[100.0, 60.0, 30.0], Some(10.0)),
        (JointFigure::Rest, &[0.0, 60.0], Some(-60.0)),
        (JointFigure::RestPercent, &[100.0, 60.0, 30.0], Some(10.0)),
        (JointFigure::RestPercent, &[0.0, 60.0], None),
        (SPREAD, &[100.0, 80.0, 90.0], Some(20.0)),
        (SPREAD, &[10.0, 0.0, 5.0], Some(100.0)),
        (SPREAD, &[9.0, 0.0, 5.0], None),
        (JointFigure::Spread { least: 0.0 }, &[0.0, 0.0, 0.0], None),
        (JointFigure::OffMean, &[220.0, 220.0, 220.0], Some(0.0)),
        (JointFigure::OffMean, &[231.0, 220.0, 209.0], Some(5.0)),
        (JointFigure::OffMean, &[240.0, 240.0, 180.0], Some(2000.0 / 110.0)),
        (JointFigure::OffMean, &[0.0, 0.0, 0.0], None),
    ] {
        match (of_samples(figure, &good(values)), expected) {
            (Sample::Good(Value::Float(value)), Some(expected)) => {
                assert!((value - expected).abs() < 1e-9, "{figure:?} of {values:?}: {value}");
            }
            (found, None) => assert_eq!(found, UNKNOWN, "{figure:?} of {values:?}"),
            (found, expected) => panic!("{figure:?} of {values:?}: {found:?}, not {expected:?}"),
        }
    }
}

#[test]
fn p2_what_is_bad_makes_the_whole_bad_and_what_is_in_doubt_puts_it_in_doubt() {
    let figures =
        [JointFigure::Sum, JointFigure::Percent, JointFigure::Rest, JointFigure::RestPercent, SPREAD];
    for (figure, place) in figures.into_iter().flat_map(|figure| (0..3).map(move |place| (figure, place))) {
        let mut samples = good(&[100.0, 60.0, 30.0]);
        let whole = of_samples(figure, &samples).value();
        samples[place] = Sample::Uncertain(samples[place].value().expect("a value"), Reason::Stuck);
        let doubted = of_samples(figure, &samples);
        assert_eq!(doubted.value(), whole, "{figure:?} {place}");
        assert!(
            whole.is_none() || matches!(doubted, Sample::Uncertain(_, Reason::Stuck)),
            "{figure:?} {place}"
        );
        samples[place] = Sample::Bad(Reason::Comm);
        assert_eq!(of_samples(figure, &samples), Sample::Bad(Reason::Comm), "{figure:?} {place}");
    }
}
