//! Names of the HTTP headers that P2PFaaS reads and writes, in lower case as HTTP/2 and `http` want them.
//! Unless said otherwise they are those of the original P2PFaaS.

/// Request and reply: the id of the call; made here if the caller sent none. OpenFaaS's name.
pub const CALL_ID: &str = "x-call-id";
/// Request to the function: when the call arrived, in Unix nanoseconds. OpenFaaS's name.
pub const START_TIME: &str = "x-start-time";

/// Request: any value runs this call by `NoScheduler`.
pub const BYPASS: &str = "x-p2pfaas-scheduler-bypass";
/// Request: any value hands this call to a peer by `ForwardScheduler`, once.
pub const FORWARD: &str = "x-p2pfaas-scheduler-forward";
/// Request: any value rejects this call by `RejectScheduler`.
pub const REJECT: &str = "x-p2pfaas-scheduler-reject";
/// Request and reply: an id of the caller's own that is carried along.
pub const TASK_TRACING_ID: &str = "x-p2pfaas-scheduler-task-tracing-id";
/// Request: the type of the task, a small whole number.
pub const TASK_TYPE: &str = "x-p2pfaas-scheduler-learning-task-type";
/// Request: milliseconds from arrival within which the answer is wanted. Ours.
pub const DEADLINE_MS: &str = "x-p2pfaas-deadline-ms";
/// Request: `true` says that the call may run more than once: it is tried elsewhere where the peer that
/// runs it is lost. Ours.
pub const IDEMPOTENT: &str = "x-p2pfaas-idempotent";

/// Reply: the version of the service.
pub const VERSION: &str = "x-p2pfaas-version";
/// Reply: the policy that decided, with its parameters.
pub const SCHEDULER: &str = "x-p2pfaas-scheduler";
/// Reply: JSON array of the seconds in all, one entry a node, the first node first.
pub const TIMING_TOTAL: &str = "x-p2pfaas-timing-total-seconds-list";
/// Reply: JSON array of the seconds until the job was started, one entry a node.
pub const TIMING_SCHEDULING: &str = "x-p2pfaas-timing-scheduling-seconds-list";
/// Reply: JSON array of the seconds spent on probes, one entry a node.
pub const TIMING_PROBING: &str = "x-p2pfaas-timing-probing-seconds-list";
/// Reply: the seconds from the request to the function until the head of its reply.
pub const TIMING_EXECUTION: &str = "x-p2pfaas-timing-execution-time-seconds";
/// Reply: `True` where another node ran the function.
pub const EXTERNALLY_EXECUTED: &str = "x-p2pfaas-externally-executed";
/// Reply: times that the job was handed from node to node; absent where it was not.
pub const HOPS: &str = "x-p2pfaas-hops";
/// Reply: JSON array of the addresses of the nodes that the job passed, the first node first.
pub const PEERS_LIST_IP: &str = "x-p2pfaas-peers-list-ip";
/// Reply: JSON array of their ids.
pub const PEERS_LIST_ID: &str = "x-p2pfaas-peers-list-id";

/// Reply of a learning policy: the state in which it decided, its numbers joined by commas.
pub const LEARNING_STATE: &str = "x-p2pfaas-scheduler-learning-state";
/// Reply of a learning policy: the action that it chose.
pub const LEARNING_ACTION: &str = "x-p2pfaas-scheduler-learning-action";
/// Reply of a learning policy: the part of decisions that were explored at that time.
pub const LEARNING_EPS: &str = "x-p2pfaas-scheduler-learning-eps";
/// Reply of a learning policy: the number of the decision.
pub const LEARNING_EID: &str = "x-p2pfaas-scheduler-learning-eid";
/// Reply of a learning policy: why its fallback decided; absent where the learner did. Ours.
pub const LEARNING_FALLBACK: &str = "x-p2pfaas-scheduler-learning-fallback";

/// Reply of `/monitoring/load`: jobs that occupy a slot.
pub const LOAD: &str = "x-p2pfaas-load";
/// Reply of `/monitoring/load`: slots.
pub const MAX_LOAD: &str = "x-p2pfaas-maxload";
/// Reply of `/monitoring/load`: jobs that wait.
pub const QUEUE_LENGTH: &str = "x-p2pfog-queue-length";
