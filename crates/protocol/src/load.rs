use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How busy a node is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Load {
    /// Jobs that occupy a slot.
    pub running: usize,
    /// Jobs that wait for a slot.
    pub waiting: usize,
    /// Jobs that may run at once.
    pub slots: usize,
    /// Jobs that may wait; 0 where the queue is switched off.
    pub queue_length_max: usize,
}

impl Load {
    /// Running and waiting jobs together: what the policies compare.
    pub fn jobs(&self) -> usize {
        self.running + self.waiting
    }
}
