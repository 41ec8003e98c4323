use serde::{Deserialize, Serialize};

/// After so many samples the inverse is computed afresh, so that rounding errors do not add up.
const REFRESH_AFTER: u64 = 512;

/// A linear model of rewards that forgets: a ridge regression whose evidence fades (discounted LinUCB,
/// Russac, Vernade and Cappé 2019).
///
/// With each sample `A <- g A + x x' + (1 - g) l I` and `b <- g b + r x`, and `theta = A^-1 b`. The inverse is
/// kept by the formula of Sherman and Morrison. It takes changes of rank one only, so that the renewal of the
/// ridge, `(1 - g) l I`, goes round the diagonal: one element a sample, `d` times as much.
///
/// The ridge pulls towards a prior `p`: `b` begins as `l p`, and is renewed with `A`.
#[derive(Debug, Clone)]
pub struct Ridge {
    a: Vec<f64>,
    inverse: Vec<f64>,
    b: Vec<f64>,
    theta: Vec<f64>,
    samples: u64,
}

/// How a [`Ridge`] learns.
#[derive(Debug, Clone, Copy)]
pub struct Forgetting {
    /// What remains of the evidence after a sample: `g`.
    pub memory: f64,
    /// The weight of the ridge: `l`.
    pub ridge: f64,
}

impl Ridge {
    /// A model that holds the prior for true.
    pub fn new(prior: &[f64], ridge: f64) -> Self {
        let d = prior.len();
        let diagonal = |element: f64| {
            let place = |at: usize| if at.is_multiple_of(d + 1) { element } else { 0.0 };
            (0..d * d).map(place).collect::<Vec<_>>()
        };
        Self {
            a: diagonal(ridge),
            inverse: diagonal(1.0 / ridge),
            b: prior.iter().map(|weight| ridge * weight).collect(),
            theta: prior.to_vec(),
            samples: 0,
        }
    }

    /// Features that it takes.
    pub fn dimensions(&self) -> usize {
        self.b.len()
    }

    /// The reward that it expects.
    pub fn mean(&self, x: &[f64]) -> f64 {
        dot(&self.theta, x)
    }

    /// How uncertain it is of that: `sqrt(x' A^-1 x)`.
    pub fn width(&self, x: &[f64]) -> f64 {
        let rows = self.inverse.chunks_exact(x.len());
        let square: f64 = rows.zip(x).map(|(row, own)| own * dot(row, x)).sum();
        square.max(0.0).sqrt()
    }

    /// Learns that `x` was worth `reward`.
    pub fn update(&mut self, x: &[f64], reward: f64, prior: &[f64], forgetting: Forgetting) {
        let Forgetting { memory, ridge } = forgetting;
        let d = self.dimensions();
        self.a.iter_mut().for_each(|element| *element *= memory);
        self.inverse.iter_mut().for_each(|element| *element /= memory);
        self.add_square(x, 1.0);
        for (own, feature) in self.b.iter_mut().zip(x) {
            *own = memory * *own + reward * feature;
        }
        let renewal = d as f64 * (1.0 - memory) * ridge;
        if renewal > 0.0 {
            let element = (self.samples % d as u64) as usize;
            let mut unit = vec![0.0; d];
            unit[element] = 1.0;
            self.add_square(&unit, renewal);
            self.b[element] += renewal * prior.get(element).copied().unwrap_or_default();
        }
        self.samples += 1;
        if self.samples.is_multiple_of(REFRESH_AFTER) || !self.solve() {
            self.refresh();
        }
    }

    /// Adds `weight x x'` to `A`, and to its inverse what that makes of it.
    fn add_square(&mut self, x: &[f64], weight: f64) {
        let d = x.len();
        let turned: Vec<f64> = self.inverse.chunks_exact(d).map(|row| dot(row, x)).collect();
        let factor = weight / (1.0 + weight * dot(&turned, x));
        for (i, (a, inverse)) in self.a.chunks_exact_mut(d).zip(self.inverse.chunks_exact_mut(d)).enumerate()
        {
            for j in 0..d {
                a[j] += weight * x[i] * x[j];
                inverse[j] -= factor * turned[i] * turned[j];
            }
        }
    }

    /// Computes the weights; false, and nothing is changed, where they would not be finite.
    fn solve(&mut self) -> bool {
        let rows = self.inverse.chunks_exact(self.b.len());
        let theta: Vec<f64> = rows.map(|row| dot(row, &self.b)).collect();
        let finite = theta.iter().all(|weight| weight.is_finite());
        if finite {
            self.theta = theta;
        }
        finite
    }

    /// Computes the inverse and the weights from `A` and `b`; false, and nothing is changed, where `A` is not
    /// positive definite.
    fn refresh(&mut self) -> bool {
        let Some(inverse) = inverse(&self.a, self.dimensions()) else {
            return false;
        };
        self.inverse = inverse;
        self.solve()
    }
}

/// `A`, `b` and the number of samples: what a [`Ridge`] is made of again.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Written {
    a: Vec<f64>,
    b: Vec<f64>,
    samples: u64,
}

impl Ridge {
    pub(crate) fn written(&self) -> Written {
        Written { a: self.a.clone(), b: self.b.clone(), samples: self.samples }
    }

    pub(crate) fn read(written: Written) -> Result<Self, String> {
        let d = written.b.len();
        if d == 0 || written.a.len() != d * d {
            return Err(format!("{} elements of a do not fit {d} of b", written.a.len()));
        }
        let (a, b, samples) = (written.a, written.b, written.samples);
        let mut ridge = Self { a, inverse: vec![], b, theta: vec![0.0; d], samples };
        if ridge.refresh() { Ok(ridge) } else { Err("a has no inverse".to_owned()) }
    }
}

fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

/// The inverse of a symmetric positive definite matrix, by the method of Gauss and Jordan, which needs no
/// pivoting for such.
fn inverse(matrix: &[f64], d: usize) -> Option<Vec<f64>> {
    let mut left = matrix.to_vec();
    let mut right: Vec<f64> = (0..d * d).map(|at| f64::from(u8::from(at.is_multiple_of(d + 1)))).collect();
    for pivot in 0..d {
        let element = left[pivot * d + pivot];
        if !(element.is_finite() && element > 0.0) {
            return None;
        }
        for j in 0..d {
            left[pivot * d + j] /= element;
            right[pivot * d + j] /= element;
        }
        for row in (0..d).filter(|row| *row != pivot) {
            let factor = left[row * d + pivot];
            for j in 0..d {
                left[row * d + j] -= factor * left[pivot * d + j];
                right[row * d + j] -= factor * right[pivot * d + j];
            }
        }
    }
    right.iter().all(|element| element.is_finite()).then_some(right)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FORGETTING: Forgetting = Forgetting { memory: 0.9995, ridge: 1.0 };

    #[test]
    fn it_finds_the_weights_of_a_linear_reward() {
        let mut ridge = Ridge::new(&[0.0; 3], 1.0);
        for step in 0..3_000 {
            let x = [1.0, f64::from(step % 7) / 7.0, f64::from(step % 5) / 5.0];
            let reward = 0.5 + 2.0 * x[1] - x[2];
            ridge.update(&x, reward, &[], FORGETTING);
        }
        let expected = ridge.mean(&[1.0, 0.5, 0.5]);
        assert!((expected - 1.0).abs() < 0.01, "{expected}");
        assert!(ridge.width(&[1.0, 0.5, 0.5]) < 0.1);
    }

    #[test]
    fn it_begins_with_its_prior_and_comes_back_to_it() {
        let prior = [0.5, -1.0];
        let mut ridge = Ridge::new(&prior, 1.0);
        assert_eq!(ridge.mean(&[1.0, 1.0]), -0.5);
        ridge.update(&[1.0, 1.0], 3.0, &prior, FORGETTING);
        assert!(ridge.mean(&[1.0, 1.0]) > 0.5);
        for _ in 0..20_000 {
            ridge.update(&[0.0, 0.0], 0.0, &prior, FORGETTING);
        }
        assert!((ridge.mean(&[1.0, 1.0]) + 0.5).abs() < 0.01, "without news it forgets");
    }

    proptest! {
        #[test]
        fn the_inverse_stays_one_and_all_numbers_finite(
            samples in prop::collection::vec((prop::collection::vec(-1e6..1e6f64, 4), -1e6..1e6f64), 1..60)
        ) {
            let mut ridge = Ridge::new(&[0.0; 4], 1.0);
            for (x, reward) in &samples {
                ridge.update(x, *reward, &[], FORGETTING);
                prop_assert!(ridge.theta.iter().all(|weight| weight.is_finite()));
                prop_assert!(ridge.width(x).is_finite());
            }
        }

        #[test]
        fn sherman_and_morrison_agree_with_gauss_and_jordan(
            samples in prop::collection::vec((prop::collection::vec(0.0..3.0f64, 4), 0.0..1.0f64), 1..60)
        ) {
            let mut ridge = Ridge::new(&[0.0; 4], 1.0);
            for (x, reward) in &samples {
                ridge.update(x, *reward, &[], FORGETTING);
            }
            let again = Ridge::read(ridge.written()).unwrap();
            for (one, other) in ridge.theta.iter().zip(&again.theta) {
                prop_assert!((one - other).abs() < 1e-6, "{} {}", one, other);
            }
        }
    }
}
