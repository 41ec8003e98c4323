use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{self, SendRequest, handshake};
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
    connection: Box<Connection>,
    since: Instant,
}

/// A connection, moved on by the task of the call that uses it: one that idles does nothing, and a call needs no
/// second task to be woken for each step.
struct Connection {
    sender: SendRequest<StoredBody>,
    /// None once it has ended.
    driver: Option<http1::Connection<TokioIo<TcpStream>, StoredBody>>,
}

/// The body of a function's reply. Its connection goes back to the pool where it was read to its end, and all of the
/// request was sent; else it is closed.
pub(crate) struct ReplyBody {
    body: Incoming,
    connection: Option<Box<Connection>>,
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
    ) -> Result<Response<ReplyBody>, Sending> {
        loop {
            let (mut connection, kept) = match self.take() {
                Some(connection) => (connection, true),
                None => match Connection::open(target).await {
                    Ok(connection) => (connection, false),
                    Err(error) => return Err(Sending::Unsent(request.into(), error.to_string())),
                },
            };
            if kept && connection.ready().await.is_err() {
                continue;
            }
            let mut failed = match connection.exchange(request).await {
                Ok(response) => {
                    let pool = self.clone();
                    return Ok(response.map(|body| ReplyBody { body, connection: Some(connection), pool }));
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
    fn take(&self) -> Option<Box<Connection>> {
        let newest = self.idle().pop_back()?;
        (newest.since.elapsed() < IDLE_TIMEOUT).then_some(newest.connection)
    }

    fn keep(&self, connection: Box<Connection>) {
        let mut idle = self.idle();
        if idle.len() < IDLE_MAX {
            idle.push_back(Idle { connection, since: Instant::now() });
        }
    }

    fn idle(&self) -> MutexGuard<'_, VecDeque<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    async fn open(target: &Target) -> io::Result<Box<Self>> {
        let connected = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(target.address()));
        let stream = connected.await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        stream.set_nodelay(true)?;
        let (sender, driver) = handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        Ok(Box::new(Self { sender, driver: Some(driver) }))
    }

    /// Waits until it takes a request.
    async fn ready(&mut self) -> hyper::Result<()> {
        poll_fn(|cx| {
            self.drive(cx);
            self.sender.poll_ready(cx)
        })
        .await
    }

    /// Sends a request and waits for the head of the reply.
    async fn exchange(
        &mut self,
        request: Request<StoredBody>,
    ) -> Result<Response<Incoming>, TrySendError<Request<StoredBody>>> {
        let mut answered = pin!(self.sender.try_send_request(request));
        poll_fn(|cx| {
            self.drive(cx);
            answered.as_mut().poll(cx)
        })
        .await
    }

    /// Reads and writes what there is.
    fn drive(&mut self, cx: &mut Context<'_>) {
        let Some(driver) = &mut self.driver else { return };
        if let Poll::Ready(ended) = Pin::new(driver).poll(cx) {
            self.driver = None;
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection to a function ended badly");
            }
        }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let reply = &mut *self;
        // Asked first, because the connection reads what somebody asks for, and then for what it has read.
        let frame = Pin::new(&mut reply.body).poll_frame(cx);
        match &mut reply.connection {
            Some(connection) if frame.is_pending() => {
                connection.drive(cx);
                Pin::new(&mut reply.body).poll_frame(cx)
            }
            _ => frame,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for ReplyBody {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take().filter(|_| self.body.is_end_stream()) else {
            return;
        };
        // To see that it is closed, or that the function answered before it had all of the request.
        connection.drive(&mut Context::from_waker(Waker::noop()));
        if connection.sender.is_ready() {
            self.pool.keep(connection);
        }
    }
}
