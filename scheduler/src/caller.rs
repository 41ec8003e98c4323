use std::sync::Arc;
use std::time::{Duration, Instant};

use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, Response};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::body::StoredBody;
use crate::executor::{Function, InFlight, Replica};

/// Calls functions over HTTP, on connections that are kept.
pub(crate) struct Caller {
    client: Client<HttpConnector, StoredBody>,
}

/// What a function is asked.
#[derive(Clone)]
pub(crate) struct FunctionCall {
    pub(crate) method: Method,
    pub(crate) path_and_query: PathAndQuery,
    pub(crate) headers: HeaderMap,
    pub(crate) body: StoredBody,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// Nothing was sent: the job did not run.
    #[error("the function could not be reached: {0}")]
    Unreachable(String),
    /// Perhaps the job ran.
    #[error("the function at {replica} broke off: {source}")]
    BrokeOff { replica: String, source: hyper_util::client::legacy::Error },
}

/// A container on this node or its network answers a connection in microseconds; one that takes so long is
/// not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Below the 5 s after which Node.js, the most impatient of the usual servers, closes a connection that
/// idles: a call must not be sent on a connection that is being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// A container runs before the server in it listens. A call to a replica that is as young as this waits
/// a little for it.
const STARTUP: Duration = Duration::from_secs(10);

/// So long at the most, trying so often.
const STARTUP_PATIENCE: Duration = Duration::from_secs(2);
const STARTUP_PAUSE: Duration = Duration::from_millis(20);

impl Caller {
    pub(crate) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .build(connector);
        Self { client }
    }

    /// Calls the replica with the fewest calls in flight; where it cannot be reached, the next one.
    pub(crate) async fn call(
        &self,
        function: &Function,
        call: FunctionCall,
    ) -> Result<(Response<Incoming>, InFlight), CallError> {
        let mut tried = Vec::new();
        let mut whys = Vec::new();
        while let Some(in_flight) = function.pick(&tried) {
            match self.call_replica(in_flight.replica(), &call).await {
                Err(CallError::Unreachable(why)) => {
                    whys.push(why);
                    tried.push(Arc::clone(in_flight.replica()));
                }
                Err(error) => return Err(error),
                Ok(response) => return Ok((response, in_flight)),
            }
        }
        whys.push(function.why_unreachable());
        whys.retain(|why| !why.is_empty());
        Err(CallError::Unreachable(whys.join("; ")))
    }

    async fn call_replica(
        &self,
        replica: &Replica,
        call: &FunctionCall,
    ) -> Result<Response<Incoming>, CallError> {
        let started = Instant::now();
        loop {
            let error = match self.client.request(build_request(replica, call)?).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            if !error.is_connect() {
                return Err(CallError::BrokeOff { replica: replica.target.to_string(), source: error });
            }
            let starting = replica.known_since.elapsed() < STARTUP;
            if !starting || started.elapsed() > STARTUP_PATIENCE {
                return Err(CallError::Unreachable(format!("{}: {}", replica.target, root_cause(&error))));
            }
            tokio::time::sleep(STARTUP_PAUSE).await;
        }
    }
}

fn build_request(replica: &Replica, call: &FunctionCall) -> Result<Request<StoredBody>, CallError> {
    let uri = replica.target.uri(&call.path_and_query);
    let uri = uri.map_err(|error| CallError::Unreachable(format!("{}: {error}", replica.target)))?;
    let mut request = Request::new(call.body.clone());
    *request.method_mut() = call.method.clone();
    *request.uri_mut() = uri;
    *request.headers_mut() = call.headers.clone();
    Ok(request)
}

/// The innermost cause, which says what the operating system said.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
