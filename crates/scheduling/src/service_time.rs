use std::collections::BTreeMap;
use std::time::Duration;

use protocol::FunctionName;

/// Functions whose times are kept apart; more than a node of use runs. Further ones count in the mean only.
const FUNCTIONS_MAX: usize = 4_096;

/// The weight of the latest job: the mean follows a change within some twenty jobs.
const WEIGHT: f64 = 0.1;

/// How long jobs occupy a slot on this node, smoothed: over all of them, and for each function.
#[derive(Debug, Default)]
pub(crate) struct ServiceTimes {
    all: Option<f64>,
    by_function: BTreeMap<FunctionName, f64>,
}

impl ServiceTimes {
    pub(crate) fn observe(&mut self, function: &FunctionName, took: Duration) {
        let took = took.as_secs_f64();
        self.all = Some(self.all.map_or(took, |mean| smooth(mean, took)));
        if let Some(mean) = self.by_function.get_mut(function) {
            *mean = smooth(*mean, took);
        } else if self.by_function.len() < FUNCTIONS_MAX {
            self.by_function.insert(function.clone(), took);
        }
    }

    /// Over all functions; none before a job has run.
    pub(crate) fn mean(&self) -> Option<Duration> {
        self.all.map(Duration::from_secs_f64)
    }

    /// Of one function; none before a job of it has run.
    pub(crate) fn of(&self, function: &FunctionName) -> Option<Duration> {
        self.by_function.get(function).copied().map(Duration::from_secs_f64)
    }
}

fn smooth(mean: f64, latest: f64) -> f64 {
    mean + WEIGHT * (latest - mean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_kept_apart_and_the_mean_follows() {
        let (fast, slow): (FunctionName, FunctionName) = ("fast".parse().unwrap(), "slow".parse().unwrap());
        let mut times = ServiceTimes::default();
        assert_eq!((times.mean(), times.of(&fast)), (None, None));
        for _ in 0..100 {
            times.observe(&fast, Duration::from_millis(1));
            times.observe(&slow, Duration::from_millis(100));
        }
        assert_eq!(times.of(&fast), Some(Duration::from_millis(1)));
        assert_eq!(times.of(&slow), Some(Duration::from_millis(100)));
        let mean = times.mean().unwrap();
        assert!(mean > Duration::from_millis(40) && mean < Duration::from_millis(60), "{mean:?}");
    }
}
