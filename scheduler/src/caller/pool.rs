use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::body::StoredBody;
use crate::executor::Target;

/// The connections to one replica that no call uses.
#[derive(Clone, Default)]
pub(crate) struct Pool {
    idle: Arc<Mutex<VecDeque<Idle>>>,
}

struct Idle {
    sender: SendRequest<StoredBody>,
    since: Instant,
}

/// A connection in use. It goes back to its pool where the reply was read to its end; else it is closed.
pub(crate) struct Lease {
    sender: Option<SendRequest<StoredBody>>,
    pool: Pool,
}

/// A request that got no reply.
pub(super) enum Sending {
    /// It was not sent: it may be sent elsewhere.
    Unsent(Box<Request<StoredBody>>, String),
    /// It was sent, perhaps in part.
    Failed(hyper::Error),
}

/// A container on this node or its network answers a connection in microseconds; one that takes so long
/// is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Below the 5 s after which Node.js, the most impatient of the usual servers, closes a connection that
/// idles: a call must not be sent on a connection that is being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// More connections than these are not kept; enough for a node with very many slots.
const IDLE_MAX: usize = 1_024;

impl Pool {
    /// Sends a request on a connection that idles, else on a new one. A connection that the replica has
    /// closed meanwhile is noticed before anything is sent, and another one taken.
    pub(super) async fn send(
        &self,
        target: &Target,
        mut request: Request<StoredBody>,
    ) -> Result<(Response<Incoming>, Lease), Sending> {
        loop {
            let (mut sender, kept) = match self.take() {
                Some(sender) => (sender, true),
                None => match connect(target).await {
                    Ok(sender) => (sender, false),
                    Err(error) => return Err(Sending::Unsent(request.into(), error.to_string())),
                },
            };
            if kept && sender.ready().await.is_err() {
                continue;
            }
            let mut failed = match sender.try_send_request(request).await {
                Ok(response) => {
                    return Ok((response, Lease { sender: Some(sender), pool: self.clone() }));
                }
                Err(failed) => failed,
            };
            match failed.take_message() {
                Some(unsent) if kept => request = unsent,
                Some(unsent) => return Err(Sending::Unsent(unsent.into(), failed.into_error().to_string())),
                None => return Err(Sending::Failed(failed.into_error())),
            }
        }
    }

    /// Closes the connections that idled for too long.
    pub(crate) fn sweep(&self) {
        let mut idle = self.idle();
        while idle.front().is_some_and(|oldest| oldest.since.elapsed() > IDLE_TIMEOUT) {
            idle.pop_front();
        }
    }

    /// The connection that was used last: the others idle on until they are swept.
    fn take(&self) -> Option<SendRequest<StoredBody>> {
        let newest = self.idle().pop_back()?;
        (newest.since.elapsed() < IDLE_TIMEOUT && !newest.sender.is_closed()).then_some(newest.sender)
    }

    fn idle(&self) -> MutexGuard<'_, VecDeque<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease {
    /// The reply was read to its end: the connection may serve the next call.
    pub(crate) fn give_back(&mut self) {
        let Some(sender) = self.sender.take().filter(|sender| !sender.is_closed()) else {
            return;
        };
        let mut idle = self.pool.idle();
        if idle.len() < IDLE_MAX {
            idle.push_back(Idle { sender, since: Instant::now() });
        }
    }
}

async fn connect(target: &Target) -> io::Result<SendRequest<StoredBody>> {
    let connected = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(target.address()));
    let stream = connected.await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to a function ended badly");
        }
    });
    Ok(sender)
}
