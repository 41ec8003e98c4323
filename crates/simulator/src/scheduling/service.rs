use std::f64::consts::TAU;

use rand::{Rng, RngExt};

/// How the work of jobs is distributed about its mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Service {
    /// All the same.
    Deterministic,
    /// Without memory.
    Exponential,
    /// Evenly between `1 - spread` and `1 + spread` times the mean; the spread is 0 to 1.
    Uniform {
        /// The part of the mean by which it deviates at most.
        spread: f64,
    },
    /// The logarithm is normal: many short ones and few long ones.
    LogNormal {
        /// Standard deviation over mean.
        variation: f64,
    },
}

impl Service {
    /// A multiple of the mean.
    pub fn draw(self, rng: &mut impl Rng) -> f64 {
        match self {
            Self::Deterministic => 1.0,
            Self::Exponential => exponential(rng),
            Self::Uniform { spread } => 1.0 + spread * (2.0 * rng.random::<f64>() - 1.0),
            Self::LogNormal { variation } => {
                let variance = variation.mul_add(variation, 1.0).ln();
                (variance.sqrt() * normal(rng) - variance / 2.0).exp()
            }
        }
    }
}

/// Exponential with mean 1.
pub(super) fn exponential(rng: &mut impl Rng) -> f64 {
    -(1.0 - rng.random::<f64>()).ln()
}

/// Standard normal, by Box and Muller.
fn normal(rng: &mut impl Rng) -> f64 {
    (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt() * (TAU * rng.random::<f64>()).cos()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_pcg::Pcg64;

    use super::*;

    #[test]
    fn every_distribution_has_mean_one_and_its_own_deviation() {
        let mut rng = Pcg64::seed_from_u64(1);
        for (service, deviation) in [
            (Service::Deterministic, 0.0),
            (Service::Exponential, 1.0),
            (Service::Uniform { spread: 0.6 }, 0.6 / 3.0_f64.sqrt()),
            (Service::LogNormal { variation: 0.3 }, 0.3),
        ] {
            let draws: Vec<f64> = (0..200_000).map(|_| service.draw(&mut rng)).collect();
            let mean = draws.iter().sum::<f64>() / draws.len() as f64;
            let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / draws.len() as f64;
            assert!((mean - 1.0).abs() < 0.01, "{service:?}: {mean}");
            assert!((variance.sqrt() - deviation).abs() < 0.01, "{service:?}: {}", variance.sqrt());
        }
    }
}
