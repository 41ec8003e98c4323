use axum::Router;
use axum::routing::get;
use axum::serve::{Listener, ListenerExt};
use std::future::{Future, IntoFuture};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::health::{self, HEALTH_PATH};
use crate::{Error, ServeError};

/// The port of a function's image in the OpenFaaS contract; the variable `PORT` overrides it.
const PORT_DEFAULT: u16 = 8080;

/// How long calls in progress may still take after the first signal. It is below the ten seconds after which
/// `docker stop` kills, so that a function ends by itself and says why.
const GRACE: Duration = Duration::from_secs(8);

/// Serves `router` until SIGTERM or SIGINT, and is all that a function's `main` does.
///
/// It listens on `0.0.0.0:8080` (`LISTENING_HOST` and `PORT` override
/// address and port) and adds `GET /_/health`. The first signal stops
/// it gracefully: calls in progress end, while health and new calls are answered with 503. A second signal
/// or the end of the grace time makes it return at once, with an error.
///
/// Started with the argument `healthcheck` it serves nothing: it asks the function that runs on the same
/// port for its health, and returns an error unless that is 200.
pub fn serve(router: Router) -> Result<(), ServeError> {
    let host = host(std::env::var("LISTENING_HOST").ok())?;
    let port = port(std::env::var("PORT").ok())?;
    let runtime = tokio::runtime::Runtime::new().map_err(ServeError::Runtime)?;
    let ended = match std::env::args().nth(1).as_deref() {
        None => runtime.block_on(listen(router, host, port)),
        Some("healthcheck") => runtime.block_on(health::check(port)),
        Some(argument) => Err(ServeError::Argument { argument: argument.to_owned() }),
    };
    // Work on blocking threads cannot be cancelled; the process does not wait for it once it may end.
    runtime.shutdown_background();
    ended
}

/// Serves `router` and the health route on `listener` until `stop` is over, then ends the calls in progress.
///
/// While these last, health and new calls are answered with 503.
///
/// # Errors
/// [`ServeError::GraceOver`], when calls are still in progress after the grace time.
pub async fn serve_until(
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let (sender, receiver) = watch::channel(false);
    let listener = Shared(Arc::new(listener));
    let serving = axum::serve(without_delay(listener.clone()), router.route(HEALTH_PATH, get(|| async {})))
        .with_graceful_shutdown(stopped(receiver.clone()));
    let refusing = async {
        stopped(receiver.clone()).await;
        axum::serve(without_delay(listener), refusing_router()).await
    };
    let grace_over = async {
        stop.await;
        sender.send_replace(true);
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        _ = serving.into_future() => Ok(()),
        _ = refusing => Ok(()),
        () = grace_over => Err(ServeError::GraceOver { grace: GRACE }),
    }
}

async fn listen(router: Router, host: IpAddr, port: u16) -> Result<(), ServeError> {
    tracing_subscriber::fmt().with_ansi(false).init();
    let mut signals = Signals::new().map_err(ServeError::Signals)?;
    let (first, stop) = watch::channel(false);
    let listener =
        TcpListener::bind((host, port)).await.map_err(|source| ServeError::Listen { port, source })?;
    tracing::info!(port, "listening");
    let second_signal = async {
        signals.recv().await;
        tracing::info!("stopping");
        first.send_replace(true);
        signals.recv().await;
    };
    tokio::select! {
        ended = serve_until(listener, router, stopped(stop)) => ended,
        () = second_signal => Err(ServeError::SecondSignal),
    }
}

fn host(variable: Option<String>) -> Result<IpAddr, ServeError> {
    let Some(value) = variable else { return Ok(Ipv4Addr::UNSPECIFIED.into()) };
    value.parse().map_err(|_| ServeError::Host { value })
}

fn port(variable: Option<String>) -> Result<u16, ServeError> {
    let Some(value) = variable else { return Ok(PORT_DEFAULT) };
    match value.parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(ServeError::Port { value }),
    }
}

/// What takes the place of the function's router once the function stops.
fn refusing_router() -> Router {
    Router::new().fallback(|| async { Error::stopping() })
}

/// Waits until the channel says true. A channel whose sender is gone says nothing any more.
async fn stopped(mut receiver: watch::Receiver<bool>) {
    if receiver.wait_for(|stopping| *stopping).await.is_err() {
        std::future::pending().await
    }
}

/// Small answers leave at once instead of waiting for more to send with them.
fn without_delay(listener: Shared) -> impl Listener<Io = TcpStream, Addr = SocketAddr> {
    listener.tap_io(|stream| {
        // An answer that waits a little is worth more than none.
        let _ = stream.set_nodelay(true);
    })
}

/// A listener that two servers share, one after the other: a function that stops goes on answering, with 503.
#[derive(Clone)]
struct Shared(Arc<TcpListener>);

impl Listener for Shared {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match self.0.accept().await {
                Ok(accepted) => return accepted,
                // The caller has gone, or the process is out of descriptors; a short pause lets it recover.
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// The pause after a connection could not be accepted, so that being out of descriptors does not burn a core.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// SIGTERM, as Docker sends it, and SIGINT, as a terminal does.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn recv(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => (),
            _ = self.interrupt.recv() => (),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_addresses_are_listened_on_unless_the_variable_names_one() {
        assert_eq!(host(None).unwrap(), Ipv4Addr::UNSPECIFIED);
        assert_eq!(host(Some("127.0.0.1".into())).unwrap(), Ipv4Addr::LOCALHOST);
        assert!(host(Some("localhost".into())).unwrap_err().to_string().contains("localhost"));
    }

    #[test]
    fn the_port_is_8080_unless_the_variable_says_otherwise() {
        assert_eq!(port(None).unwrap(), 8080);
        assert_eq!(port(Some("9000".into())).unwrap(), 9000);
        for bad in ["", "0", "65536", "http"] {
            let error = port(Some(bad.into())).unwrap_err();
            assert!(error.to_string().contains(&format!("{bad:?}")), "{error}");
        }
    }
}
