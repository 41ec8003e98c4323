use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

use crate::health::Phase;
use crate::server::App;
use crate::settings::{Configurable, Settings, Store};
use crate::{Health, Shortcut, api, metrics, server};

/// A service: what it adds to what all services do.
pub trait Daemon: Send + Sync + Sized + 'static {
    /// Its settings.
    type Settings: Settings;

    /// Starts its work. What it can live without need not be there yet.
    fn start(context: &mut Context<Self::Settings>) -> impl Future<Output = Result<Self, StartError>> + Send;

    /// Its own routes.
    fn routes(&self) -> OpenApiRouter;

    /// A way past the router for the path that matters most.
    fn shortcut(&self) -> Option<Shortcut> {
        None
    }

    /// Takes nothing new from now on, and returns when all that was accepted has ended. It is dropped
    /// where that takes longer than `drain_timeout_ms`.
    fn drain(&self) -> impl Future<Output = ()> + Send;
}

/// What a daemon is given at its start.
pub struct Context<S> {
    /// Its settings.
    pub settings: Arc<Store<S>>,
    /// Where it listens.
    pub address: SocketAddr,
    /// Where it says which of its parts are down.
    pub health: Arc<Health>,
    /// Where it registers its metrics.
    pub registry: Registry,
    /// Cancelled when the daemon stops; work in the background ends with it.
    pub stop: CancellationToken,
}

/// Why a daemon cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its port is taken, or the address is not one of this machine.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where it wanted to listen.
        address: SocketAddr,
        /// Why it cannot.
        source: io::Error,
    },
    /// A part that it cannot do without.
    #[error("cannot start {part}")]
    Part {
        /// The part.
        part: &'static str,
        /// Why it cannot start.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A daemon that runs.
pub struct Running<D: Daemon> {
    daemon: D,
    address: SocketAddr,
    settings: Arc<Store<D::Settings>>,
    health: Arc<Health>,
    stop: CancellationToken,
    server: JoinHandle<()>,
}

impl<D: Daemon> Running<D> {
    /// Opens the port and starts the daemon.
    ///
    /// # Errors
    /// Names what it cannot do without.
    pub async fn start(settings: Store<D::Settings>) -> Result<Self, StartError> {
        let common = settings.current().common();
        let listen = |source| StartError::Listen { address: common.listening, source };
        let listener = TcpListener::bind(common.listening).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;

        let settings = Arc::new(settings);
        let service = D::Settings::SERVICE;
        let mut context = Context {
            settings: Arc::clone(&settings),
            address,
            health: Arc::new(Health::new(service)),
            registry: metrics::registry(service),
            stop: CancellationToken::new(),
        };
        let daemon = D::start(&mut context).await?;
        let Context { health, registry, stop, .. } = context;
        let configurable = Arc::clone(&settings) as Arc<dyn Configurable>;
        let router = api::router(service, daemon.routes(), Arc::clone(&health), registry, configurable);
        let app = App { router, shortcut: daemon.shortcut() };
        let server = tokio::spawn(server::serve(listener, app, common.server, stop.clone()));
        health.enter(Phase::Ok);
        tracing::info!(service, version = crate::VERSION, %address, "listening");
        Ok(Self { daemon, address, settings, health, stop, server })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The daemon itself.
    pub fn daemon(&self) -> &D {
        &self.daemon
    }

    /// Its settings.
    pub fn settings(&self) -> &Arc<Store<D::Settings>> {
        &self.settings
    }

    /// Takes nothing new, and waits as long as the settings allow until all that was accepted has ended.
    pub async fn drain(&self) {
        self.health.enter(Phase::Draining);
        let timeout = self.settings.current().common().drain_timeout;
        if tokio::time::timeout(timeout, self.daemon.drain()).await.is_err() {
            tracing::warn!(?timeout, "work was cut off that had not ended in time");
        }
    }

    /// Closes the port and ends the work in the background.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.server.await {
            tracing::error!(%error, "the server ended badly");
        }
    }
}
