use std::collections::BTreeMap;
use std::time::Duration;

use protocol::FunctionName;

/// Functions whose times are kept apart; more than a node of use runs. Further ones count in the mean only.
const FUNCTIONS_MAX: usize = 4_096;

/// The weight of the latest job, once there were some: the mean follows a change within some seventy jobs. With
/// more weight, what is left of chance makes equal nodes look unequal, and policies that go by speed crowd to
/// those that only look fast.
const WEIGHT: f64 = 0.03;

/// How long jobs occupy a slot on this node, smoothed: over all of them, and for each function.
#[derive(Debug, Default)]
pub(crate) struct ServiceTimes {
    all: Smoothed,
    by_function: BTreeMap<FunctionName, Smoothed>,
}

/// The mean of all values while they are few, and then one that forgets.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Smoothed {
    mean_seconds: f64,
    jobs: u32,
}

impl ServiceTimes {
    pub(crate) fn observe(&mut self, function: &FunctionName, took: Duration) {
        self.all.observe(took);
        if let Some(smoothed) = self.by_function.get_mut(function) {
            smoothed.observe(took);
        } else if self.by_function.len() < FUNCTIONS_MAX {
            self.by_function.entry(function.clone()).or_default().observe(took);
        }
    }

    /// Over all functions; none before a job has run.
    pub(crate) fn mean(&self) -> Option<Duration> {
        self.all.mean()
    }

    /// Of one function; none before a job of it has run.
    pub(crate) fn of(&self, function: &FunctionName) -> Option<Duration> {
        self.by_function.get(function).and_then(Smoothed::mean)
    }
}

impl Smoothed {
    pub(crate) fn observe(&mut self, took: Duration) {
        self.jobs = self.jobs.saturating_add(1);
        let weight = (1.0 / f64::from(self.jobs)).max(WEIGHT);
        self.mean_seconds += weight * (took.as_secs_f64() - self.mean_seconds);
    }

    pub(crate) fn mean(&self) -> Option<Duration> {
        (self.jobs > 0).then(|| Duration::from_secs_f64(self.mean_seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_kept_apart_and_the_mean_follows() {
        let (fast, slow): (FunctionName, FunctionName) = ("fast".parse().unwrap(), "slow".parse().unwrap());
        let mut times = ServiceTimes::default();
        assert_eq!((times.mean(), times.of(&fast)), (None, None));
        times.observe(&fast, Duration::from_millis(1));
        assert_eq!(times.mean(), Some(Duration::from_millis(1)), "the first job is all that is known");
        for _ in 0..100 {
            times.observe(&fast, Duration::from_millis(1));
            times.observe(&slow, Duration::from_millis(100));
        }
        assert_eq!(times.of(&fast), Some(Duration::from_millis(1)));
        assert_eq!(times.of(&slow), Some(Duration::from_millis(100)));
        let mean = times.mean().unwrap();
        assert!(mean > Duration::from_millis(40) && mean < Duration::from_millis(60), "{mean:?}");
        (0..200).for_each(|_| times.observe(&slow, Duration::from_millis(10)));
        let since = times.of(&slow).unwrap();
        assert!(since < Duration::from_millis(11), "{since:?}");
    }
}
