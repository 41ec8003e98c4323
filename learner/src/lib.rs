//! The learner of a P2PFaaS node: it learns from what became of choices which ones to make.
//!
//! What decides and learns is the pure crate `learning`; `mind.rs` is the lock around it.

mod api;
mod metrics;
mod mind;
mod samples;
mod session;
mod settings;
mod snapshot;

use std::sync::Arc;
use std::time::Duration;

use service::{Context, Daemon, Health, StartError};
use utoipa_axum::router::OpenApiRouter;

pub use settings::Settings;

use crate::api::Api;
use crate::metrics::{Metrics, Observed};
use crate::mind::Mind;
use crate::session::Sessions;
use crate::snapshot::Snapshots;

/// How often samples are looked for that waited long enough for one that is missing.
const ADVANCE_PERIOD: Duration = Duration::from_millis(100);

/// The learner.
pub struct Learner {
    api: Arc<Api>,
    snapshots: Arc<Snapshots>,
    health: Arc<Health>,
}

impl Daemon for Learner {
    type Settings = Settings;

    async fn start(context: &mut Context<Settings>) -> Result<Self, StartError> {
        let settings = context.settings.current();
        let seed = settings.seed.value();
        let snapshots = Arc::new(Snapshots::new(&settings.data_path));
        let model = snapshots
            .load(settings.agent.spec(), seed)
            .map_err(|stuck| StartError::Part { part: "the model", source: Box::new(stuck) })?;
        let mind = Arc::new(Mind::new(model, seed, Metrics::register(&mut context.registry)));
        let observed = Observed { mind: Arc::clone(&mind), snapshots: Arc::clone(&snapshots) };
        context.registry.register_collector(Box::new(observed));
        context.settings.follow({
            let mind = Arc::clone(&mind);
            move |settings| {
                mind.wait_for_samples(settings.sample_wait_ms.milliseconds());
                mind.configure(settings.agent.spec());
            }
        });
        let health = Arc::clone(&context.health);
        let kept = snapshot::keep(
            Arc::clone(&snapshots),
            Arc::clone(&mind),
            Arc::clone(&context.settings),
            Arc::clone(&health),
        );
        tokio::spawn(context.stop.clone().run_until_cancelled_owned(kept));
        tokio::spawn(context.stop.clone().run_until_cancelled_owned(advance(Arc::clone(&mind))));
        let sessions = Sessions::new(Arc::clone(&mind), Arc::clone(&context.settings));
        let api = Arc::new(Api { mind, sessions, settings: Arc::clone(&context.settings) });
        Ok(Self { api, snapshots, health })
    }

    fn routes(&self) -> OpenApiRouter {
        api::routes(Arc::clone(&self.api))
    }

    /// Gives every session its last answers, and saves the model.
    async fn drain(&self) {
        self.api.sessions.close().await;
        snapshot::save(&self.snapshots, &self.api.mind, &self.health).await;
    }
}

async fn advance(mind: Arc<Mind>) {
    loop {
        tokio::time::sleep(ADVANCE_PERIOD).await;
        mind.advance();
    }
}
