use std::sync::Arc;
use std::time::Duration;

use rand::Rng;

use super::service::exponential;

/// How jobs come to a node from its own clients.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Arrivals {
    /// Jobs a second, with exponential times between them (Poisson).
    pub rate: f64,
    /// What the rate is multiplied by in the course of time.
    pub profile: Option<Profile>,
    /// Jobs that come besides, all at once.
    pub burst: Option<Burst>,
}

/// A rate that changes from step to step, from the start anew after the last.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Time for which one factor holds; above zero.
    pub step: Duration,
    /// The factors, at least one, none of them negative.
    pub factors: Arc<[f64]>,
}

/// Jobs that come at the same moment, again and again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Burst {
    /// Time from one to the next; above zero.
    pub every: Duration,
    /// Jobs that come together.
    pub jobs: usize,
}

impl Arrivals {
    /// Jobs a second, without changes and bursts.
    pub fn poisson(rate: f64) -> Self {
        Self { rate, ..Self::default() }
    }

    /// When the next job comes after `now`; none if it never does.
    pub fn next(&self, now: Duration, rng: &mut impl Rng) -> Option<Duration> {
        if self.rate <= 0.0 {
            return None;
        }
        let work = exponential(rng) / self.rate;
        match &self.profile {
            None => Some(now + Duration::from_secs_f64(work)),
            Some(profile) => profile.after(now, work),
        }
    }

    /// Jobs a second, in the mean over a long time.
    pub fn rate_mean(&self) -> f64 {
        let factor = self.profile.as_ref().map_or(1.0, Profile::mean);
        let burst = self.burst.map_or(0.0, |burst| burst.jobs as f64 / burst.every.as_secs_f64());
        self.rate * factor + burst
    }
}

impl Profile {
    fn mean(&self) -> f64 {
        self.factors.iter().sum::<f64>() / self.factors.len() as f64
    }

    /// The moment until which the factors have added up to `area` seconds since `now`; none if they are all
    /// zero.
    fn after(&self, now: Duration, mut area: f64) -> Option<Duration> {
        if self.mean() <= 0.0 {
            return None;
        }
        let step = self.step.as_secs_f64();
        let mut at = now.as_secs_f64();
        let mut place = (at / step).floor();
        loop {
            let factor = self.factors[place as usize % self.factors.len()];
            let left = (place + 1.0) * step - at;
            if factor * left >= area {
                return Some(Duration::from_secs_f64(at + area / factor));
            }
            area -= factor * left;
            place += 1.0;
            at = place * step;
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_pcg::Pcg64;

    use super::*;

    fn times(arrivals: &Arrivals, until: Duration) -> Vec<f64> {
        let mut rng = Pcg64::seed_from_u64(3);
        let mut now = Duration::ZERO;
        let mut times = Vec::new();
        while let Some(at) = arrivals.next(now, &mut rng).filter(|at| *at < until) {
            times.push(at.as_secs_f64());
            now = at;
        }
        times
    }

    #[test]
    fn poisson_has_its_rate_and_as_much_variance() {
        let times = times(&Arrivals::poisson(20.0), Duration::from_secs(1_000));
        let mut counts = vec![0.0; 1_000];
        times.iter().for_each(|at| counts[*at as usize] += 1.0);
        let mean = counts.iter().sum::<f64>() / 1_000.0;
        let variance = counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / 1_000.0;
        assert!((mean - 20.0).abs() < 0.5, "{mean}");
        assert!((variance / mean - 1.0).abs() < 0.15, "{variance}");
    }

    #[test]
    fn a_profile_holds_step_by_step_and_begins_anew() {
        let profile = Profile { step: Duration::from_secs(10), factors: [1.0, 0.0, 0.5].into() };
        let arrivals = Arrivals { rate: 100.0, profile: Some(profile), burst: None };
        assert!((arrivals.rate_mean() - 50.0).abs() < 1e-9);
        let times = times(&arrivals, Duration::from_secs(600));
        let within =
            |from: f64| times.iter().filter(|at| (from..from + 10.0).contains(&(*at % 30.0))).count();
        let counts = [within(0.0), within(10.0), within(20.0)];
        assert!((19_000..21_000).contains(&counts[0]), "{counts:?}");
        assert_eq!(counts[1], 0);
        assert!((9_500..10_500).contains(&counts[2]), "{counts:?}");
    }

    #[test]
    fn nothing_comes_where_nothing_is_to_come() {
        let silent = Profile { step: Duration::from_secs(1), factors: [0.0].into() };
        assert!(times(&Arrivals::default(), Duration::MAX).is_empty());
        let arrivals = Arrivals { rate: 1.0, profile: Some(silent), burst: None };
        assert!(times(&arrivals, Duration::MAX).is_empty());
    }
}
