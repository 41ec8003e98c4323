//! The life of a job, from the request to the head of its reply.

mod call;
mod failure;
mod reply;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue};
use protocol::{FunctionName, headers};
use scheduling::{JobRequest, Outcome};

use self::call::Call;
pub(crate) use self::call::PATH_PREFIX;
use self::failure::Failure;
use self::reply::Reply;
use crate::Shared;
use crate::body::BodyLimits;
use crate::caller::{self, FunctionCall};
use crate::headers::{drop_hop_by_hop, prepare_for_function};
use crate::metrics::Decision;

const CALL_ID: HeaderName = HeaderName::from_static(headers::CALL_ID);
const SCHEDULER: HeaderName = HeaderName::from_static(headers::SCHEDULER);
const START_TIME: HeaderName = HeaderName::from_static(headers::START_TIME);
const TASK_TRACING_ID: HeaderName = HeaderName::from_static(headers::TASK_TRACING_ID);
const TIMING_EXECUTION: HeaderName = HeaderName::from_static(headers::TIMING_EXECUTION);
const TIMING_PROBING: HeaderName = HeaderName::from_static(headers::TIMING_PROBING);
const TIMING_SCHEDULING: HeaderName = HeaderName::from_static(headers::TIMING_SCHEDULING);
const TIMING_TOTAL: HeaderName = HeaderName::from_static(headers::TIMING_TOTAL);
const VERSION: HeaderName = HeaderName::from_static(headers::VERSION);

/// What is told of a job whatever became of it.
struct Record {
    arrived: Instant,
    function: Option<FunctionName>,
    policy: Option<Arc<str>>,
    decision: Decision,
    scheduling: Option<Duration>,
    execution: Option<Duration>,
}

/// Takes a call and answers it.
pub(crate) async fn run(shared: Arc<Shared>, request: Request) -> Response {
    let mut record = Record {
        arrived: Instant::now(),
        function: None,
        policy: None,
        decision: Decision::None,
        scheduling: None,
        execution: None,
    };
    let call_id = call::call_id(request.headers());
    let tracing_id = request.headers().get(TASK_TRACING_ID).cloned();
    let mut response = match execute(&shared, request, &call_id, &mut record).await {
        Ok(response) => response,
        Err(failure) => {
            failure.log(&call_id, record.function.as_ref());
            failure.into_api_error().of_call(call_id.to_str().unwrap_or_default()).into_response()
        }
    };
    explain(&mut response, &shared, &record, call_id, tracing_id);
    shared.metrics.job_answered(record.function.as_ref(), record.decision, response.status());
    response
}

async fn execute(
    shared: &Arc<Shared>,
    request: Request,
    call_id: &HeaderValue,
    record: &mut Record,
) -> Result<Response, Failure> {
    let settings = shared.settings.current();
    let (call, body) = Call::parse(request)?;
    let Some((name, function)) = shared.functions.find(&call.function) else {
        let docker = shared.health.why_degraded(crate::executor::docker::NAME);
        return Err(Failure::UnknownFunction { name: call.function, docker });
    };
    record.function = Some(name.clone());

    let limits = BodyLimits {
        bytes_max: settings.body_bytes_max.value(),
        pause_max: settings.body_timeout_ms.milliseconds(),
    };
    let stored = shared.bodies.store(body, limits).await?;

    let timeout = settings.function_timeout_ms.milliseconds();
    let patience = call.deadline.map_or(timeout, |deadline| deadline.min(timeout));
    let deadline = record.arrived + patience;
    let job = JobRequest {
        function: name.clone(),
        task_type: call.task_type,
        deadline: call.deadline.map(|_| shared.admissions.time(deadline)),
        policy: call.policy,
    };
    let admitted = shared.admissions.admit(&job, deadline).await;
    record.scheduling = Some(record.arrived.elapsed());
    let mut slot = match admitted {
        Ok(slot) => slot,
        Err(refusal) => {
            record.policy = Some(refusal.policy);
            record.decision = Decision::Reject;
            return Err(Failure::Refused { reason: refusal.reason, patience });
        }
    };
    record.policy = Some(Arc::clone(&slot.policy));
    record.decision = Decision::Run;
    shared.metrics.job_started(&name, record.scheduling.unwrap_or_default());

    let started = Instant::now();
    let mut headers = call.headers;
    prepare_for_function(&mut headers, call.client);
    headers.insert(CALL_ID, call_id.clone());
    headers.insert(START_TIME, call::unix_nanoseconds_before(record.arrived));
    let function_call =
        FunctionCall { method: call.method, path_and_query: call.path_and_query, headers, body: stored.body };
    let called = caller::call(&function, function_call);
    let answer = match tokio::time::timeout_at(deadline.into(), called).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => {
            slot.end(Outcome::Failed);
            return Err(error.into());
        }
        Err(_elapsed) => {
            slot.end(Outcome::DeadlinePassed);
            return Err(Failure::TimedOut { patience });
        }
    };
    let execution = started.elapsed();
    record.execution = Some(execution);
    shared.metrics.job_executed(&name, execution);

    let ends_at = call.deadline.map(|_| deadline);
    let (mut head, reply) = Reply::begin(answer, slot, timeout, ends_at);
    drop_hop_by_hop(&mut head.headers);
    Ok(Response::from_parts(head, Body::new(reply)))
}

/// Tells in the reply's headers who decided, what, and how long each part took.
fn explain(
    response: &mut Response,
    shared: &Shared,
    record: &Record,
    call_id: HeaderValue,
    tracing_id: Option<HeaderValue>,
) {
    let headers = response.headers_mut();
    headers.insert(CALL_ID, call_id);
    headers.insert(VERSION, HeaderValue::from_static(service::VERSION));
    let policy = match &record.policy {
        Some(policy) => HeaderValue::from_str(policy),
        None => HeaderValue::from_str(&shared.settings.current().scheduler.spec().to_string()),
    };
    if let Ok(policy) = policy {
        headers.insert(SCHEDULER, policy);
    }
    if let Some(tracing_id) = tracing_id {
        headers.insert(TASK_TRACING_ID, tracing_id);
    }
    let mut timing = |name: HeaderName, text: String| {
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(name, value);
        }
    };
    timing(TIMING_TOTAL, format!("[{:.6}]", record.arrived.elapsed().as_secs_f64()));
    timing(TIMING_SCHEDULING, format!("[{:.6}]", record.scheduling.unwrap_or_default().as_secs_f64()));
    timing(TIMING_PROBING, "[0.0]".to_owned());
    if let Some(execution) = record.execution {
        timing(TIMING_EXECUTION, format!("{:.6}", execution.as_secs_f64()));
    }
}
