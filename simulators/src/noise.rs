//! Chance, always from a seed. Sensor noise has no state: it is a hash of (signal, step), so that reading a value
//! twice, or never, changes nothing that comes after.

use fastrand::Rng;

/// A 64-bit mix in which every bit of the input moves every bit of the result (the finaliser of `SplitMix64`).
pub(crate) fn mix(seed: u64) -> u64 {
    let mut x = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A key for `name` under `seed`, the same on every platform and in every run.
pub(crate) fn key(seed: u64, name: &str) -> u64 {
    name.bytes().fold(mix(seed), |key, byte| mix(key ^ u64::from(byte)))
}

/// A number from 0 to 1 that `key` stands for.
pub(crate) fn unit(key: u64) -> f64 {
    (mix(key) >> 11) as f64 / (1u64 << 53) as f64
}

/// Bell-shaped, mean 0, deviation 1, and never beyond ±3.5, so that noise alone cannot cross a sensible limit.
pub(crate) fn bell(bits: u64) -> f64 {
    let sum: f64 = (0..4).map(|part| f64::from((bits >> (16 * part)) as u16) / 65535.0).sum();
    (sum - 2.0) * 3f64.sqrt()
}

/// The noise of the signal `key` in step `step`.
pub(crate) fn at(key: u64, step: u64) -> f64 {
    bell(mix(key ^ mix(step)))
}

/// A disturbance that wanders around zero and is drawn back to it (an Ornstein-Uhlenbeck process).
#[derive(Debug, Clone)]
pub(crate) struct Wander {
    value: f64,
    deviation: f64,
    memory_s: f64,
}

impl Wander {
    /// A disturbance of the given standard deviation that forgets in `memory_s`.
    pub(crate) fn new(deviation: f64, memory_s: f64) -> Self {
        Self { value: 0.0, deviation, memory_s }
    }

    /// Where it is now, within three deviations of zero.
    pub(crate) fn value(&self) -> f64 {
        self.value
    }

    /// Moves it on by `dt_s`.
    pub(crate) fn step(&mut self, dt_s: f64, rng: &mut Rng) {
        let share = dt_s / self.memory_s;
        let kick = self.deviation * (2.0 * share).sqrt() * bell(rng.u64(..));
        let bound = 3.0 * self.deviation;
        self.value = (self.value * (1.0 - share) + kick).clamp(-bound, bound);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sensor_noise_is_centred_and_bounded() {
        let samples: Vec<f64> = (0..20_000).map(|step| at(key(7, "tank1.level"), step)).collect();
        let mean = samples.iter().sum::<f64>() / samples.len() as f64;
        let variance = samples.iter().map(|x| x * x).sum::<f64>() / samples.len() as f64;
        assert!(mean.abs() < 0.03, "mean {mean}");
        assert!((variance - 1.0).abs() < 0.05, "variance {variance}");
        assert!(samples.iter().all(|x| x.abs() <= 3.5));
    }

    #[test]
    fn names_and_seeds_have_keys_of_their_own() {
        assert_ne!(key(1, "a"), key(2, "a"));
        assert_ne!(key(1, "ab"), key(1, "ba"));
        assert_eq!(key(1, "ab"), key(1, "ab"));
    }

    #[test]
    fn a_wander_stays_within_three_deviations() {
        let mut rng = Rng::with_seed(3);
        let mut wander = Wander::new(2.0, 5.0);
        for _ in 0..50_000 {
            wander.step(0.1, &mut rng);
            assert!(wander.value().abs() <= 6.0);
        }
    }
}
