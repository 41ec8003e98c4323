use protocol::ErrorBody;

/// Calls a function; its own status, headers and body are the answer
///
/// Any method is taken. What follows the name in the path, and the query, reach the function as they were
/// sent, on whatever node it runs. Headers of a call: `X-P2pfaas-Deadline-Ms` (milliseconds from arrival),
/// `X-P2pfaas-Idempotent` (true: it may run more than once), `X-P2pfaas-Scheduler-Bypass` (run here),
/// `X-P2pfaas-Scheduler-Forward` (run on a peer), `X-P2pfaas-Scheduler-Reject`,
/// `X-P2pfaas-Scheduler-Learning-Task-Type`, `X-P2pfaas-Scheduler-Task-Tracing-Id`, `X-Call-Id`.
#[utoipa::path(
    method(get, post, put, patch, delete, head, options),
    path = "/function/{name}",
    tag = "scheduler",
    params(("name" = String, Path, description = "The function, and perhaps a path below it")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "Whatever the function answers, streamed, with its own status"),
        (status = 400, description = "Code 4: a header makes no sense, or the body broke off", body = ErrorBody),
        (status = 404, description = "Code 3: no node that is known has such a function", body = ErrorBody),
        (status = 408, description = "Code 4: the body paused for too long", body = ErrorBody),
        (status = 413, description = "Code 4: the body is too large", body = ErrorBody),
        (status = 502, description = "Code 5: the function could not be reached, or broke off; 403: the peer that ran it was lost, or gave it up", body = ErrorBody),
        (status = 503, description = "Code 400: slots and queue are full and nobody else takes it, or no node that has the function takes it now; 401: rejected on purpose; 503: draining", body = ErrorBody),
        (status = 504, description = "Code 408: the deadline passed", body = ErrorBody),
    ),
)]
#[expect(dead_code, reason = "the documentation of `job::run`, which the router does not see")]
pub(super) fn call() {}
