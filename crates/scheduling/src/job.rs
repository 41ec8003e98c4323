use protocol::FunctionName;

use crate::Time;

/// Task types that a node tells apart. Each takes a place in every load vector, so the number is bounded.
pub const TASK_TYPES_MAX: usize = 64;

/// Names a job within its node, in order of arrival; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub(crate) u64);

/// The kind of a task as its caller names it: below [`TASK_TYPES_MAX`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskType(u8);

impl TaskType {
    /// The type with this number, or none where there is no such type.
    pub fn new(number: usize) -> Option<Self> {
        let number = u8::try_from(number).ok()?;
        (usize::from(number) < TASK_TYPES_MAX).then_some(Self(number))
    }

    /// The number.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A job as it arrives.
#[derive(Debug, Clone)]
pub struct JobRequest {
    /// The function that it calls.
    pub function: FunctionName,
    /// What kind of task it is.
    pub task_type: TaskType,
    /// When its answer is worth nothing any more.
    pub deadline: Option<Time>,
    /// Which policy decides about it.
    pub policy: PolicyChoice,
}

/// Which policy decides about a job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PolicyChoice {
    /// The one in the settings.
    #[default]
    Configured,
    /// `NoScheduler`, for this job only.
    Bypass,
    /// `RejectScheduler`, for this job only.
    Reject,
}

/// What a policy may know of a job.
#[derive(Debug)]
pub struct JobView<'a> {
    /// Its id.
    pub id: JobId,
    /// The function that it calls.
    pub function: &'a FunctionName,
    /// What kind of task it is.
    pub task_type: TaskType,
    /// When it came to this node.
    pub arrived: Time,
    /// When its answer is worth nothing any more.
    pub deadline: Option<Time>,
}

/// Why a job is not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Rejection {
    /// No slot is free and no place in the queue, or the policy does not queue.
    #[error("every slot of this node is taken and no place to wait is left")]
    Full,
    /// The policy, or a header, rejects the job on purpose.
    #[error("the job was rejected on purpose, by the policy or by a header")]
    OnPurpose,
    /// The deadline passed before the job could start.
    #[error("the deadline passed before the job could start")]
    DeadlinePassed,
    /// The node takes no new jobs because it is about to stop.
    #[error("this node is draining and takes no new jobs")]
    Draining,
}

/// How a job ended that the node had accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The function answered, with this HTTP status.
    Answered(u16),
    /// The function could not be reached, or broke off.
    Failed,
    /// The deadline passed.
    DeadlinePassed,
    /// The caller went away.
    Cancelled,
}
