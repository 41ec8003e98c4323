//! Names of the HTTP headers that P2PFaaS reads and writes, in lower case as HTTP/2 and `http` want them.
//! Unless said otherwise they are those of the original P2PFaaS.

/// Request and reply: the id of the call; made here if the caller sent none. OpenFaaS's name.
pub const CALL_ID: &str = "x-call-id";
/// Request to the function: when the call arrived, in Unix nanoseconds. OpenFaaS's name.
pub const START_TIME: &str = "x-start-time";

/// Request: any value runs this call by `NoScheduler`.
pub const BYPASS: &str = "x-p2pfaas-scheduler-bypass";
/// Request: any value rejects this call by `RejectScheduler`.
pub const REJECT: &str = "x-p2pfaas-scheduler-reject";
/// Request and reply: an id of the caller's own that is carried along.
pub const TASK_TRACING_ID: &str = "x-p2pfaas-scheduler-task-tracing-id";
/// Request: the type of the task, a small whole number.
pub const TASK_TYPE: &str = "x-p2pfaas-scheduler-learning-task-type";
/// Request: milliseconds from arrival within which the answer is wanted. Ours.
pub const DEADLINE_MS: &str = "x-p2pfaas-deadline-ms";

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

/// Reply of `/monitoring/load`: jobs that occupy a slot.
pub const LOAD: &str = "x-p2pfaas-load";
/// Reply of `/monitoring/load`: slots.
pub const MAX_LOAD: &str = "x-p2pfaas-maxload";
/// Reply of `/monitoring/load`: jobs that wait.
pub const QUEUE_LENGTH: &str = "x-p2pfog-queue-length";
