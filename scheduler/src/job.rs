//! The life of a job, from the request to the head of its reply.

mod call;
mod decide;
mod explain;
mod failure;
mod forward;
mod handed_on;
mod reply;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue};
use protocol::peer::Passed;
use protocol::{FunctionName, headers};
use scheduling::{Explanation, JobRequest, Outcome};

use self::call::Call;
pub(crate) use self::call::PATH_PREFIX;
use self::decide::{Place, decide};
use self::failure::Failure;
pub(crate) use self::handed_on::run_for_peer;
use self::reply::Reply;
use crate::Shared;
use crate::admission::Ticket;
use crate::body::{BodyLimits, StoredBody};
use crate::caller::{self, FunctionCall};
use crate::executor::Function;
use crate::headers::{drop_hop_by_hop, prepare_for_function};
use crate::metrics::Decision;

const CALL_ID: HeaderName = HeaderName::from_static(headers::CALL_ID);
const START_TIME: HeaderName = HeaderName::from_static(headers::START_TIME);

/// What is told of a job whatever became of it.
struct Record {
    arrived: Instant,
    function: Option<FunctionName>,
    policy: Option<Arc<str>>,
    explanation: Option<Explanation>,
    decision: Decision,
    scheduling: Option<Duration>,
    probing: Duration,
    execution_seconds: Option<f64>,
    /// The nodes that it passed after this one.
    passed: Vec<Passed>,
}

/// A job whose body is here, on its way to a place.
struct Job<'a> {
    shared: &'a Arc<Shared>,
    function: FunctionName,
    call: Call,
    body: StoredBody,
    /// When its caller gets an answer, whatever happens.
    ends_at: Instant,
    /// So long after its arrival.
    patience: Duration,
    /// How long a function may pause.
    timeout: Duration,
}

/// Who has to be told that a job will run here before it does: the peer that handed it on, so that it
/// does not try elsewhere. A client needs not be told.
trait Door: Send {
    /// Whether somebody waits to be told.
    fn waits(&self) -> bool;

    /// Returns when the peer has been told.
    fn accept(&mut self) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// A client waits at it.
struct Front;

impl Door for Front {
    fn waits(&self) -> bool {
        false
    }

    async fn accept(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}

/// Takes a call of a client and answers it.
pub(crate) async fn run(shared: Arc<Shared>, request: Request) -> Response {
    let mut record = Record::new();
    let id = call::call_id(request.headers());
    let tracing_id = request.headers().get(headers::TASK_TRACING_ID).cloned();
    let answered = match Call::parse(request, id.clone()) {
        Ok((call, body)) => execute(&shared, call, body, &mut Front, &mut record).await,
        Err(failure) => Err(failure),
    };
    let mut response = answered.unwrap_or_else(|failure| failure.answer(&id, record.function.as_ref()));
    explain::explain(&mut response, &shared, &record, id, tracing_id);
    shared.metrics.job_answered(record.function.as_ref(), record.decision, response.status());
    response
}

async fn execute(
    shared: &Arc<Shared>,
    mut call: Call,
    body: Body,
    door: &mut impl Door,
    record: &mut Record,
) -> Result<Response, Failure> {
    let settings = shared.settings.current();
    let (name, function) = look_up(shared, &call.function)?;
    record.function = Some(name.clone());
    call.idempotent |= function.as_ref().is_some_and(Function::is_idempotent);

    let limits = BodyLimits {
        bytes_max: settings.body_bytes_max.value(),
        pause_max: settings.body_timeout_ms.milliseconds(),
    };
    let stored = shared.bodies.store(body, limits).await?;

    let timeout = settings.function_timeout_ms.milliseconds();
    let patience = call.deadline.map_or(timeout, |deadline| deadline.min(timeout));
    let ends_at = record.arrived + patience;
    let request = JobRequest {
        function: name.clone(),
        runs_here: function.is_some(),
        task_type: call.task_type,
        deadline: call.deadline.map(|_| shared.admissions.time(ends_at)),
        policy: call.policy,
        hops: call.hops,
        visited: call.visited.clone(),
    };
    let mut job = Job { shared, function: name, call, body: stored.body, ends_at, patience, timeout };
    job.prepare(record.arrived);

    let (mut ticket, decision) = shared.admissions.arrive(request);
    record.policy = Some(Arc::clone(&ticket.policy));
    let place = decide(&job, &mut ticket, decision, door, record).await;
    record.explanation = ticket.explanation.take();
    if let Some(explanation) = &record.explanation {
        shared.metrics.learned(explanation);
        tracing::debug!(call_id = ?job.call.id, ?explanation, "a learning policy decided");
    }
    match (place?, function) {
        (Place::Here, Some(function)) => run_here(job, &function, ticket, record).await,
        (Place::Here, None) => unreachable!("a job whose function is not here gets no slot here"),
        (Place::There(answer), _) => Ok(job.pass_on(*answer, ticket, record)),
    }
}

/// The function's name, and the function if it is here.
fn look_up(shared: &Shared, name: &str) -> Result<(FunctionName, Option<Function>), Failure> {
    if let Some((name, function)) = shared.functions.find(name) {
        return Ok((name, Some(function)));
    }
    match name.parse() {
        Ok(name) if shared.admissions.peers_know(&name) => Ok((name, None)),
        _ => Err(Failure::unknown(shared, name)),
    }
}

async fn run_here(
    job: Job<'_>,
    function: &Function,
    mut ticket: Ticket,
    record: &mut Record,
) -> Result<Response, Failure> {
    job.shared.metrics.job_started(&job.function, record.scheduling.unwrap_or_default());
    let started = Instant::now();
    let call = FunctionCall {
        method: job.call.method,
        path_and_query: job.call.path_and_query,
        headers: job.call.headers,
        body: job.body,
    };
    let answered = tokio::time::timeout_at(job.ends_at.into(), caller::call(function, call)).await;
    let answer = match answered {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => {
            ticket.end(Outcome::Failed);
            return Err(error.into());
        }
        Err(_elapsed) => {
            ticket.end(Outcome::DeadlinePassed);
            return Err(Failure::TimedOut { patience: job.patience });
        }
    };
    let execution = started.elapsed();
    record.execution_seconds = Some(execution.as_secs_f64());
    job.shared.metrics.job_executed(&job.function, execution);

    let ends_at = job.call.deadline.map(|_| job.ends_at);
    let (mut head, reply) = Reply::of_function(answer, ticket, job.timeout, ends_at);
    drop_hop_by_hop(&mut head.headers);
    Ok(Response::from_parts(head, Body::new(reply)))
}

impl Job<'_> {
    /// Makes the headers those that the function shall see, on whatever node it runs.
    fn prepare(&mut self, arrived: Instant) {
        let call = &mut self.call;
        prepare_for_function(&mut call.headers, call.client);
        call.headers.insert(CALL_ID, call.id.clone());
        let is_first = call.hops == 0;
        if is_first || !call.headers.contains_key(START_TIME) {
            call.headers.insert(START_TIME, call::unix_nanoseconds_before(arrived));
        }
    }
}

impl Record {
    fn new() -> Self {
        Self {
            arrived: Instant::now(),
            function: None,
            policy: None,
            explanation: None,
            decision: Decision::None,
            scheduling: None,
            probing: Duration::ZERO,
            execution_seconds: None,
            passed: Vec::new(),
        }
    }
}

impl Failure {
    /// The answer to a call that was not answered by its function.
    fn answer(self, id: &HeaderValue, function: Option<&FunctionName>) -> Response {
        self.log(id, function);
        self.into_api_error().of_call(id.to_str().unwrap_or_default()).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn future_bytes<A, B, F>(_: impl Fn(A, B) -> F) -> usize {
        size_of::<F>()
    }

    /// There is one for each call in flight, and each is moved to where it lives: what is bound to a name before it
    /// is awaited takes its place twice.
    #[test]
    fn a_job_takes_little_memory() {
        let bytes = [future_bytes(run), future_bytes(run_for_peer)];
        assert!(bytes.iter().all(|bytes| *bytes <= 8 * 1_024), "{bytes:?}");
    }
}
