use std::time::Duration;

use crate::service_time::Smoothed;
use crate::{TASK_TYPES_MAX, TaskType};

/// Jobs of a node by task type: what a learning policy sees of the node's state.
#[derive(Debug, Clone, PartialEq)]
pub struct TypeLoad {
    running: [usize; TASK_TYPES_MAX],
    waiting: [usize; TASK_TYPES_MAX],
    service_times: [Smoothed; TASK_TYPES_MAX],
}

impl TypeLoad {
    /// Jobs of this type that occupy a slot.
    pub fn running(&self, task_type: TaskType) -> usize {
        self.running[task_type.index()]
    }

    /// Jobs of this type that wait for a slot.
    pub fn waiting(&self, task_type: TaskType) -> usize {
        self.waiting[task_type.index()]
    }

    /// Time that a job of this type occupies a slot, smoothed; none before one has run.
    pub fn service_time(&self, task_type: TaskType) -> Option<Duration> {
        self.service_times[task_type.index()].mean()
    }

    pub(crate) fn observe(&mut self, task_type: TaskType, took: Duration) {
        self.service_times[task_type.index()].observe(took);
    }

    pub(crate) fn running_mut(&mut self, task_type: TaskType) -> &mut usize {
        &mut self.running[task_type.index()]
    }

    pub(crate) fn waiting_mut(&mut self, task_type: TaskType) -> &mut usize {
        &mut self.waiting[task_type.index()]
    }
}

impl Default for TypeLoad {
    fn default() -> Self {
        Self {
            running: [0; TASK_TYPES_MAX],
            waiting: [0; TASK_TYPES_MAX],
            service_times: [Smoothed::default(); TASK_TYPES_MAX],
        }
    }
}
