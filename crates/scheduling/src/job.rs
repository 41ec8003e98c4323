use protocol::{FunctionName, NodeId};

use crate::Time;

/// Task types that a node tells apart. Each takes a place in every load vector, so the number is bounded.
pub const TASK_TYPES_MAX: usize = 64;

/// A job that has passed so many nodes stays where it is, whatever a policy wants: twice what any policy
/// of use asks for, and the visited nodes of so many hops fit a frame's head many times.
pub const HOPS_MAX: u8 = 16;

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
    /// Whether this node can run it.
    pub runs_here: bool,
    /// What kind of task it is.
    pub task_type: TaskType,
    /// When its answer is worth nothing any more.
    pub deadline: Option<Time>,
    /// Which policy decides about it.
    pub policy: PolicyChoice,
    /// Times that it was handed from node to node; 0 for a job that a client brought.
    pub hops: u8,
    /// The nodes that it came through: none of them is a candidate.
    pub visited: Vec<NodeId>,
}

/// Which policy decides about a job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PolicyChoice {
    /// The one in the settings.
    #[default]
    Configured,
    /// `NoScheduler`, for this job only.
    Bypass,
    /// `ForwardScheduler` with one hop, for this job only.
    Forward,
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
    /// Whether this node can run it.
    pub runs_here: bool,
    /// What kind of task it is.
    pub task_type: TaskType,
    /// When it came to this node.
    pub arrived: Time,
    /// When its answer is worth nothing any more.
    pub deadline: Option<Time>,
    /// Times that it was handed from node to node before it came here.
    pub hops: u8,
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
    /// Neither this node nor one that it could ask has the function.
    #[error("no node that could be asked has the function")]
    NoNode,
    /// Only peers have the function, and none of them takes the job: they are full, draining or not reached.
    #[error("only other nodes have the function, and none of them takes the job now")]
    NobodyTakesIt,
    /// The deadline passed before the job could start.
    #[error("the deadline passed before the job could start")]
    DeadlinePassed,
    /// Its turn came too late: the time left is less than the function takes.
    #[error("the deadline could not be met any more when the job's turn came")]
    TooLate,
    /// The node takes no new jobs because it is about to stop.
    #[error("this node is draining and takes no new jobs")]
    Draining,
}

/// How a job ended that a policy was asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The function answered, here or on a peer, with this HTTP status.
    Answered(u16),
    /// The function, or the peer that had taken the job, failed or broke off.
    Failed,
    /// The deadline passed.
    DeadlinePassed,
    /// The caller went away.
    Cancelled,
    /// It was asked about and then not run.
    Rejected(Rejection),
}
