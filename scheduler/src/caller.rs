//! Calls functions over HTTP/1.1, on connections that each replica keeps.
//!
//! The pool is ours because the one in `hyper-util` spawns a task for each call, see
//! docs/adr/0003-a-pool-for-each-replica.md. Why no connection has a task: docs/adr/0011-one-task-for-a-call.md.

mod pool;

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, Response, Uri};

use self::pool::Sending;
pub(crate) use self::pool::{Pool, ReplyBody};
use crate::body::StoredBody;
use crate::executor::{Function, InFlight, Replica};

/// What a function is asked.
pub(crate) struct FunctionCall {
    pub(crate) method: Method,
    pub(crate) path_and_query: PathAndQuery,
    pub(crate) headers: HeaderMap,
    pub(crate) body: StoredBody,
}

/// The head of a function's reply, and what must live until its body is through.
pub(crate) struct Answer {
    pub(crate) response: Response<ReplyBody>,
    pub(crate) in_flight: InFlight,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// Nothing was sent: the job did not run.
    #[error("the function could not be reached: {0}")]
    Unreachable(String),
    /// Perhaps the job ran.
    #[error("the function at {replica} broke off: {source}")]
    BrokeOff { replica: String, source: hyper::Error },
}

/// A container runs before the server in it listens. A call to a replica that is as young as this waits
/// a little for it.
const STARTUP: Duration = Duration::from_secs(10);

/// So long at the most, trying so often.
const STARTUP_PATIENCE: Duration = Duration::from_secs(2);
const STARTUP_PAUSE: Duration = Duration::from_millis(20);

/// Calls the replica with the fewest calls in flight; where it cannot be reached, the next one.
pub(crate) async fn call(function: &Function, call: FunctionCall) -> Result<Answer, CallError> {
    let mut request = Request::new(call.body);
    *request.method_mut() = call.method;
    *request.headers_mut() = call.headers;
    let mut tried = Vec::new();
    let mut whys = Vec::new();
    while let Some(in_flight) = function.pick(&tried) {
        let replica = Arc::clone(in_flight.replica());
        address(&mut request, &replica, &call.path_and_query)?;
        match send(&replica, request).await {
            Ok(response) => return Ok(Answer { response, in_flight }),
            Err(Sending::Failed(source)) => {
                return Err(CallError::BrokeOff { replica: replica.target.to_string(), source });
            }
            Err(Sending::Unsent(unsent, why)) => {
                request = *unsent;
                whys.push(format!("{}: {why}", replica.target));
                tried.push(replica);
            }
        }
    }
    whys.extend(function.why_unreachable());
    Err(CallError::Unreachable(whys.join("; ")))
}

/// Makes the request one to this replica.
fn address(
    request: &mut Request<StoredBody>,
    replica: &Replica,
    path_and_query: &PathAndQuery,
) -> Result<(), CallError> {
    let path_and_query = replica.target.path(path_and_query);
    let path_and_query =
        path_and_query.map_err(|error| CallError::Unreachable(format!("{}: {error}", replica.target)))?;
    *request.uri_mut() = Uri::from(path_and_query);
    request.headers_mut().insert(HOST, replica.target.host().clone());
    Ok(())
}

async fn send(replica: &Replica, mut request: Request<StoredBody>) -> Result<Response<ReplyBody>, Sending> {
    let started = Instant::now();
    loop {
        let (unsent, why) = match replica.pool.send(&replica.target, request).await {
            Err(Sending::Unsent(unsent, why)) => (unsent, why),
            sent => return sent,
        };
        let starting = replica.known_since.elapsed() < STARTUP;
        if !starting || started.elapsed() > STARTUP_PATIENCE {
            return Err(Sending::Unsent(unsent, why));
        }
        request = *unsent;
        tokio::time::sleep(STARTUP_PAUSE).await;
    }
}
