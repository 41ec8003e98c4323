use std::collections::BTreeSet;

use crate::{JobId, Time};

/// The jobs that wait for a slot: earliest deadline first among those with one, first come first served
/// otherwise.
///
/// Each arrival takes the next turn of its kind, with a deadline or without. When a slot frees, the oldest
/// turn is served; a turn of the first kind goes to the job whose deadline is nearest, whoever drew it. So
/// urgent jobs overtake each other, but never starve those that set no deadline.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    by_deadline: BTreeSet<(Time, JobId)>,
    deadline_turns: BTreeSet<JobId>,
    without_deadline: BTreeSet<JobId>,
}

impl Queue {
    pub(crate) fn len(&self) -> usize {
        self.by_deadline.len() + self.without_deadline.len()
    }

    pub(crate) fn push(&mut self, job: JobId, deadline: Option<Time>) {
        match deadline {
            Some(deadline) => {
                self.by_deadline.insert((deadline, job));
                self.deadline_turns.insert(job);
            }
            None => {
                self.without_deadline.insert(job);
            }
        }
    }

    /// The job whose turn it is.
    pub(crate) fn pop(&mut self) -> Option<JobId> {
        let turn_with_deadline = self.deadline_turns.first();
        let turn_without = self.without_deadline.first();
        let serve_deadline = match (turn_with_deadline, turn_without) {
            (Some(with), Some(without)) => with < without,
            (with, _) => with.is_some(),
        };
        if !serve_deadline {
            return self.without_deadline.pop_first();
        }
        self.deadline_turns.pop_first();
        self.by_deadline.pop_first().map(|(_, job)| job)
    }

    /// Takes a job out that gave up waiting. Its kind loses the newest turn, so that nobody else who
    /// waits is set back.
    pub(crate) fn remove(&mut self, job: JobId, deadline: Option<Time>) {
        match deadline {
            Some(deadline) => {
                if self.by_deadline.remove(&(deadline, job)) {
                    self.deadline_turns.pop_last();
                }
            }
            None => {
                self.without_deadline.remove(&job);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(ms: u64) -> Option<Time> {
        Some(Time::from_origin(Duration::from_millis(ms)))
    }

    fn served(jobs: &[(u64, Option<Time>)]) -> Vec<u64> {
        let mut queue = Queue::default();
        for (job, deadline) in jobs {
            queue.push(JobId(*job), *deadline);
        }
        std::iter::from_fn(|| queue.pop()).map(|job| job.0).collect()
    }

    #[test]
    fn without_deadlines_it_is_first_come_first_served() {
        assert_eq!(served(&[(0, None), (1, None), (2, None)]), [0, 1, 2]);
    }

    #[test]
    fn with_deadlines_the_earliest_goes_first() {
        assert_eq!(served(&[(0, at(30)), (1, at(10)), (2, at(20))]), [1, 2, 0]);
    }

    #[test]
    fn a_deadline_overtakes_only_its_own_kind() {
        assert_eq!(served(&[(0, at(30)), (1, None), (2, at(10)), (3, None)]), [2, 1, 0, 3]);
    }

    #[test]
    fn who_leaves_sets_nobody_back() {
        let mut queue = Queue::default();
        queue.push(JobId(0), at(30));
        queue.push(JobId(1), None);
        queue.push(JobId(2), at(10));
        queue.remove(JobId(0), at(30));
        assert_eq!(queue.pop(), Some(JobId(2)));
        assert_eq!(queue.pop(), Some(JobId(1)));
        assert_eq!(queue.pop(), None);
        assert_eq!(queue.len(), 0);
    }
}
