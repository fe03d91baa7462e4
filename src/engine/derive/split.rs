//! Where the two modes of a load part, learnt from the load itself: a line either stands or works, and between the two there is little.
//!
//! What is kept is for how long the load stood in each of a row of steps, an eighth of a doubling each (1.3 KB a line); older time counts less, by half for each
//! [`SPLIT_HALF_LIFE_DAYS`] days that are known. The bound is where the two sides are as far apart, and each as much alike, as can be (N. Otsu, A Threshold
//! Selection Method from Gray-Level Histograms, 1979), in the logarithm of the load: what works does so at 100 kW and at 500, and by plain numbers these would be the two
//! sides. Where several steps are as good the middle of them is taken, so that the bound stands away from both modes.
//!
//! There is no bound before so many days are known, and none is taken where there are no two sides: one that is hardly ever seen, two that are near each other, or a load
//! that is as often at one step as at the next. What was learnt before then goes on.

use serde::{Deserialize, Serialize};

use crate::model::limits::{
    SPLIT_DOUBLINGS_MIN, SPLIT_FLOOR_DOUBLINGS, SPLIT_HALF_LIFE_DAYS, SPLIT_KEPT_INTERVAL, SPLIT_PARTED_MIN,
    SPLIT_SHARE_MIN, SPLIT_STANDS_MAX, SPLIT_STEPS,
};

/// Steps to a doubling of the load.
const STEPS_PER_DOUBLING: f64 = 8.0;
/// The load at the lower end of the first step, as a power of two: 0.00024 of whatever unit. Forty doublings above it is 268 million.
const LOWEST: f64 = -12.0;
/// Share of the time below which the load lies at its greatest, but for what is rare.
const TOP_SHARE: f64 = 0.99;
const DAY_S: f64 = 86_400.0;

/// The load of one line, and the bound between its modes.
#[derive(Debug)]
pub(super) struct Split {
    /// After how many days of known load there may be a bound.
    days: u8,
    /// Seconds in each step, the older ones worth less.
    steps: Box<[f32; SPLIT_STEPS]>,
    /// Seconds for which the load is known over all.
    known_s: f64,
    /// The step that the load stands in, and since when: in ms of the clock that never steps.
    standing: Option<(i64, usize)>,
    bound: Option<f64>,
    /// When it was last put out to be remembered, in the same ms, and with which bound.
    kept: Option<(i64, Option<f64>)>,
}

/// What is remembered over a restart.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    known_s: f64,
    bound: Option<f64>,
    /// The first step that is not empty, and whole seconds from there on.
    first: usize,
    seconds: Vec<u32>,
}

impl Split {
    pub(super) fn new(days: u8) -> Self {
        let steps = Box::new([0.0; SPLIT_STEPS]);
        Self { days, steps, known_s: 0.0, standing: None, bound: None, kept: None }
    }

    /// From which load on the line works; none while that is not known.
    pub(super) const fn bound(&self) -> Option<f64> {
        self.bound
    }

    /// Takes what the load is from a moment on, in ms of the clock that never steps; none if that is not known. Whether another day is known, after which the
    /// bound may be another.
    pub(super) fn take(&mut self, steady: i64, load: Option<f64>) -> bool {
        let mut is_new = false;
        if let Some((since, step)) = self.standing.take() {
            let stood = (steady - since).clamp(0, SPLIT_STANDS_MAX.as_millis() as i64) as f64 / 1000.0;
            let days = (self.known_s / DAY_S).floor();
            self.steps[step] += stood as f32;
            self.known_s += stood;
            is_new = (self.known_s / DAY_S).floor() > days;
        }
        if is_new {
            let worth = 0.5_f32.powf(1.0 / SPLIT_HALF_LIFE_DAYS);
            self.steps.iter_mut().for_each(|seconds| *seconds *= worth);
            if self.known_s >= f64::from(self.days) * DAY_S {
                self.bound = parted(&self.steps).or(self.bound);
            }
        }
        self.standing = load.map(|load| (steady, step_of(load)));
        is_new
    }

    /// What is to be remembered now: at times, and when the bound is another.
    pub(super) fn keep(&mut self, steady: i64) -> Option<String> {
        let is_recent = |(when, bound): (i64, Option<f64>)| {
            bound == self.bound && steady - when < SPLIT_KEPT_INTERVAL.as_millis() as i64
        };
        if self.known_s == 0.0 || self.kept.is_some_and(is_recent) {
            return None;
        }
        self.kept = Some((steady, self.bound));
        let filled = |seconds: &f32| *seconds >= 0.5;
        let first = self.steps.iter().position(filled).unwrap_or(0);
        let end = self.steps.iter().rposition(filled).map_or(first, |last| last + 1);
        let seconds = self.steps[first..end].iter().map(|seconds| seconds.round() as u32).collect();
        let kept = Kept { known_s: self.known_s, bound: self.bound, first, seconds };
        Some(serde_json::to_string(&kept).expect("plain data always serializes"))
    }

    /// Takes up what was remembered; none if it can't be read.
    pub(super) fn recall(&mut self, body: &str) -> Option<()> {
        let Kept { known_s, bound, first, seconds } = serde_json::from_str(body).ok()?;
        let places = self.steps.get_mut(first..)?.get_mut(..seconds.len())?;
        for (place, seconds) in places.iter_mut().zip(seconds) {
            *place = seconds as f32;
        }
        self.known_s = if known_s.is_finite() { known_s.max(0.0) } else { 0.0 };
        self.bound = bound.filter(|bound| bound.is_finite() && *bound > 0.0);
        Some(())
    }
}

/// The step that a load lies in. What is not above 0 lies in the first.
fn step_of(load: f64) -> usize {
    let step = (load.max(f64::MIN_POSITIVE).log2() - LOWEST) * STEPS_PER_DOUBLING;
    (step.max(0.0) as usize).min(SPLIT_STEPS - 1)
}

/// The bound between the two sides, if there are two.
fn parted(steps: &[f32; SPLIT_STEPS]) -> Option<f64> {
    let total: f64 = steps.iter().map(|seconds| f64::from(*seconds)).sum();
    let mut below = 0.0;
    let top = steps.iter().position(|seconds| {
        below += f64::from(*seconds);
        below >= total * TOP_SHARE
    })?;
    // What is so little beside what the line draws when it works is all the same: nothing.
    let floor = top.saturating_sub((SPLIT_FLOOR_DOUBLINGS * STEPS_PER_DOUBLING) as usize);
    let at = |step: usize| step.max(floor) as f64;
    let sum = |of: &dyn Fn(f64) -> f64| -> f64 {
        steps.iter().enumerate().map(|(step, seconds)| of(at(step)) * f64::from(*seconds)).sum()
    };
    let (whole, mean) = (sum(&|at| at), sum(&|at| at) / total);
    let variance = sum(&|at| (at - mean).powi(2)) / total;
    let (mut low_s, mut low_sum) = (0.0, 0.0);
    // The best, the two means there, and the first and the last step that is as good.
    let (mut best, mut means, mut ends) = (0.0, (0.0, 0.0), (0, 0));
    for (step, seconds) in steps.iter().enumerate() {
        low_s += f64::from(*seconds);
        low_sum += at(step) * f64::from(*seconds);
        let high_s = total - low_s;
        if step < floor || low_s < total * SPLIT_SHARE_MIN || high_s < total * SPLIT_SHARE_MIN {
            continue;
        }
        let (low, high) = (low_sum / low_s, (whole - low_sum) / high_s);
        let between = low_s * high_s / (total * total) * (high - low).powi(2);
        if between > best * (1.0 + 1e-6) {
            (best, means, ends) = (between, (low, high), (step, step));
        } else if between >= best * (1.0 - 1e-6) {
            ends.1 = step;
        }
    }
    let is_parted = variance > 0.0
        && best >= variance * SPLIT_PARTED_MIN
        && means.1 - means.0 >= SPLIT_DOUBLINGS_MIN * STEPS_PER_DOUBLING;
    // A step ends where the next begins.
    let middle = f64::midpoint(ends.0 as f64, ends.1 as f64) + 1.0;
    is_parted.then(|| (middle / STEPS_PER_DOUBLING + LOWEST).exp2())
}
