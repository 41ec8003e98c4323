use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use crate::self_wake::poll_again_if_woken;

/// The bounds of an HTTP server.
#[derive(Debug, Clone, Copy)]
pub struct ServerOptions {
    /// Connections open at once; more wait in the system's backlog.
    pub connections_max: usize,
    /// How long a client may take to send a request's head, and how long a connection may idle.
    pub header_timeout: Duration,
}

/// A request's head may not be longer: enough for the 32 KiB of headers that a peer may send, and room.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Replies that are still being sent when the server stops get this long; the work behind them has ended.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Pause after a failed accept, which is nearly always a lack of file descriptors that lasts a while.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// To a client that began a request and did not end its head in time. A connection that merely idled is
/// closed without a word.
const HEAD_TOO_SLOW: &[u8] = b"HTTP/1.1 408 Request Timeout\r\ncontent-type: application/json\r\n\
connection: close\r\ncontent-length: 63\r\n\r\n\
{\"code\":4,\"message\":\"the request's head did not come in time\"}\n";

/// What answers a request.
pub(crate) struct App {
    pub(crate) router: Router,
    pub(crate) shortcut: Option<Shortcut>,
}

/// A way past the router for the paths that begin with `prefix`. On a path as hot as that of the calls
/// the router and the layers around its handlers cost as much as the rest of the server.
pub struct Shortcut {
    prefix: &'static str,
    answer: Box<dyn Fn(Request) -> BoxFuture<'static, Response> + Send + Sync>,
}

impl Shortcut {
    /// Lets `answer` answer every request whose path begins with `prefix`.
    pub fn new<F>(prefix: &'static str, answer: impl Fn(Request) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Response> + Send + 'static,
    {
        Self { prefix, answer: Box::new(move |request| Box::pin(answer(request))) }
    }
}

impl App {
    async fn answer(self: Arc<Self>, request: Request) -> Result<Response, Infallible> {
        match &self.shortcut {
            Some(shortcut) if request.uri().path().starts_with(shortcut.prefix) => {
                Ok((shortcut.answer)(request).await)
            }
            _ => self.router.clone().call(request).await,
        }
    }
}

/// Serves until `stop`, then lets replies on their way go out.
pub(crate) async fn serve(listener: TcpListener, app: App, options: ServerOptions, stop: CancellationToken) {
    let app = Arc::new(app);
    let permits = Arc::new(Semaphore::new(options.connections_max.min(Semaphore::MAX_PERMITS)));
    let connections = TaskTracker::new();
    let abort = CancellationToken::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener, &permits) => accepted,
        };
        match accepted {
            Ok((stream, client, permit)) => {
                let connection = converse(stream, client, Arc::clone(&app), options, stop.clone());
                let abort = abort.clone();
                connections.spawn(async move {
                    abort.run_until_cancelled(poll_again_if_woken(connection)).await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(CLOSE_TIMEOUT, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "connections were cut off at the stop");
        abort.cancel();
    }
}

async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, client) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, client, permit))
}

async fn converse(
    stream: TcpStream,
    client: SocketAddr,
    app: Arc<App>,
    options: ServerOptions,
    stop: CancellationToken,
) {
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(client));
        Arc::clone(&app).answer(request)
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(options.header_timeout)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let ended = tokio::select! {
        biased;
        ended = &mut connection => ended,
        () = stop.cancelled() => {
            std::pin::Pin::new(&mut connection).graceful_shutdown();
            (&mut connection).await
        }
    };
    let Err(error) = ended else {
        return;
    };
    tracing::debug!(%client, %error, "a connection ended early");
    if error.is_timeout()
        && let Some(parts) = connection.into_parts()
        && !parts.read_buf.is_empty()
    {
        // The client may be gone; it is told as a courtesy.
        let _ = parts.io.into_inner().write_all(HEAD_TOO_SLOW).await;
    }
}
