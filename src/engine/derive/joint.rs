//! Figures of the power tree that come of several points: shares, what is left over, how far phases are apart.
//!
//! Meters are read at different moments, and a quarter of an hour of one is told a moment before that of another. So what is made of demands is worked out only
//! once all of them bear the same time, which is the last moment of the quarter: of one quarter there is one share and one balance, or none. What is bad makes the
//! whole bad, what is in doubt puts it in doubt, and where there is nothing to divide by it is not known, which is no fault.

use crate::model::{PointState, Reason, Sample, Value, Wall};
use crate::site::{Joint, JointFigure};

use super::Points;

/// What the figure has come to, and of which moment. None while one of its points has not told of the stretch that the others tell of.
pub(super) fn work_out(joint: &Joint, points: &Points) -> Option<(Wall, Sample)> {
    let latest = || joint.of.iter().map(|point| points.slot(*point).latest());
    let first = latest().next()??;
    let mut at = first.at;
    let mut samples = Vec::with_capacity(joint.of.len());
    for latest in latest() {
        let PointState { at: told, sample } = latest?;
        if joint.figure.is_of_a_stretch() && told != first.at {
            return None;
        }
        at = at.max(told);
        samples.push(sample);
    }
    Some((at, of_samples(joint.figure, &samples)))
}

/// What is made of samples of one stretch, or of one moment.
pub(super) fn of_samples(figure: JointFigure, samples: &[Sample]) -> Sample {
    let mut doubt = None;
    let mut values = Vec::with_capacity(samples.len());
    for sample in samples {
        match *sample {
            Sample::Good(value) => values.push(value.as_f64()),
            Sample::Uncertain(value, reason) => {
                doubt = doubt.or(Some(reason));
                values.push(value.as_f64());
            }
            Sample::Bad(reason) => return Sample::Bad(reason),
        }
    }
    let Some(value) = of_values(figure, &values).filter(|value| value.is_finite()) else {
        return Sample::Bad(Reason::NoData);
    };
    let value = Value::Float(value);
    doubt.map_or(Sample::Good(value), |reason| Sample::Uncertain(value, reason))
}

/// None where there is nothing to divide by.
fn of_values(figure: JointFigure, values: &[f64]) -> Option<f64> {
    let (first, others) = values.split_first()?;
    let rest = || first - others.iter().sum::<f64>();
    let ratio = |part: f64, whole: f64| (whole > 0.0).then_some(part / whole);
    let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let smallest = values.iter().copied().fold(f64::INFINITY, f64::min);
    match figure {
        JointFigure::Sum => Some(values.iter().sum()),
        JointFigure::Percent => Some(ratio(*first, *others.first()?)? * 100.0),
        JointFigure::Ratio => ratio(*first, *others.first()?),
        JointFigure::Rest => Some(rest()),
        JointFigure::RestPercent => Some(ratio(rest(), *first)? * 100.0),
        JointFigure::Spread { least } if greatest < least => None,
        JointFigure::Spread { .. } => Some(ratio(greatest - smallest, greatest)? * 100.0),
        JointFigure::OffMean => {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            Some(ratio((greatest - mean).max(mean - smallest), mean)? * 100.0)
        }
    }
}
