use std::time::Duration;

use protocol::Load;

/// How long a job takes where nobody has run one yet. Nodes are then compared by their load alone, so that any
/// value would do that is long beside a round trip.
const SERVICE_SECONDS_ASSUMED: f64 = 0.1;

/// The shortest-expected-delay formula: with n jobs on a node of K slots, a further one takes
/// `max(0, (n + 1 - K) / K) * service + service + network`.
#[derive(Debug, Clone, Copy)]
pub(super) struct ExpectedDelay {
    service_seconds_assumed: f64,
}

impl ExpectedDelay {
    /// For nodes whose service times are these. One that has not run a job yet counts as being as fast as the
    /// fastest of them, so that it is tried.
    pub(super) fn among(known: impl IntoIterator<Item = Option<Duration>>) -> Self {
        let fastest = known.into_iter().flatten().min();
        let service_seconds_assumed = fastest.map_or(SERVICE_SECONDS_ASSUMED, |time| time.as_secs_f64());
        Self { service_seconds_assumed }
    }

    /// Seconds that one more job takes on a node with `jobs` jobs.
    pub(super) fn seconds(
        self,
        load: &Load,
        jobs: usize,
        service_time: Option<Duration>,
        network: Option<Duration>,
    ) -> f64 {
        let service = service_time.map_or(self.service_seconds_assumed, |time| time.as_secs_f64());
        let slots = load.slots.max(1) as f64;
        let turns = ((jobs as f64 + 1.0 - slots) / slots).max(0.0);
        turns * service + service + network.map_or(0.0, |time| time.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(slots: usize) -> Load {
        Load { slots, ..Load::default() }
    }

    #[test]
    fn waiting_begins_when_the_slots_are_taken() {
        let delay = ExpectedDelay::among([]);
        let seconds = |jobs| delay.seconds(&load(4), jobs, Some(Duration::from_secs(2)), None);
        assert_eq!([seconds(0), seconds(3), seconds(4), seconds(7)], [2.0, 2.0, 2.5, 4.0]);
        let near = Some(Duration::from_millis(500));
        assert_eq!(delay.seconds(&load(1), 1, Some(Duration::from_secs(1)), near), 2.5);
    }

    #[test]
    fn who_never_ran_a_job_counts_as_the_fastest() {
        let times = [Some(Duration::from_secs(3)), None, Some(Duration::from_secs(1))];
        assert_eq!(ExpectedDelay::among(times).seconds(&load(1), 0, None, None), 1.0);
        assert_eq!(ExpectedDelay::among([None]).seconds(&load(1), 0, None, None), SERVICE_SECONDS_ASSUMED);
    }
}
