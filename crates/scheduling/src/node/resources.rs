use std::time::Duration;

use protocol::{FunctionName, Load};
use rand::SeedableRng;
use rand_pcg::Pcg64;

use super::Limits;
use crate::queue::Queue;
use crate::service_time::ServiceTimes;
use crate::{Candidates, Context, Explanation, Outbox, TaskType, Time, TypeLoad};

/// What jobs and policies use of a node: the slots and the queue, and what is known of both.
pub(super) struct Resources {
    pub(super) limits: Limits,
    pub(super) running: usize,
    pub(super) queue: Queue,
    pub(super) types: TypeLoad,
    pub(super) rng: Pcg64,
    pub(super) outbox: Outbox,
    service_times: ServiceTimes,
}

impl Resources {
    pub(super) fn new(limits: Limits, seed: u64) -> Self {
        Self {
            limits,
            running: 0,
            queue: Queue::default(),
            types: TypeLoad::default(),
            rng: Pcg64::seed_from_u64(seed),
            outbox: Outbox::default(),
            service_times: ServiceTimes::default(),
        }
    }

    pub(super) fn load(&self) -> Load {
        Load {
            running: self.running,
            waiting: self.queue.len(),
            slots: self.limits.slots,
            queue_length_max: self.limits.queue_length_max,
        }
    }

    pub(super) fn has_free_slot(&self) -> bool {
        self.running < self.limits.slots
    }

    pub(super) fn has_place_to_wait(&self) -> bool {
        self.queue.len() < self.limits.queue_length_max
    }

    pub(super) fn observe(&mut self, function: &FunctionName, task_type: TaskType, took: Duration) {
        self.service_times.observe(function, took);
        self.types.observe(task_type, took);
    }

    pub(super) fn service_time(&self) -> Option<Duration> {
        self.service_times.mean()
    }

    pub(super) fn service_time_of(&self, function: &FunctionName) -> Option<Duration> {
        self.service_times.of(function)
    }

    /// What a policy sees at this moment.
    pub(super) fn context<'a>(
        &'a mut self,
        now: Time,
        candidates: Candidates<'a>,
        explanation: &'a mut Option<Explanation>,
    ) -> Context<'a> {
        Context {
            now,
            load: self.load(),
            types: &self.types,
            service_time: self.service_times.mean(),
            candidates,
            rng: &mut self.rng,
            outbox: &mut self.outbox,
            explanation,
        }
    }
}
