//! The scheduler of a P2PFaaS node: it takes every call, asks the policy, and runs, queues or rejects it.
//!
//! `job.rs` is the life of a job from top to bottom; what decides is the pure crate `scheduling`.

mod admission;
mod api;
mod body;
mod caller;
mod executor;
mod headers;
mod job;
mod metrics;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use service::{Context, Daemon, Shortcut, StartError};
use utoipa_axum::router::OpenApiRouter;

pub use settings::Settings;

use crate::admission::Admissions;
use crate::body::BodyStore;
use crate::executor::{Functions, docker, endpoint};
use crate::metrics::Metrics;

/// How often connections to functions are looked through for those that idled too long.
const SWEEP_PERIOD: Duration = Duration::from_secs(2);

/// The scheduler.
pub struct Scheduler {
    shared: Arc<Shared>,
}

/// What every job uses.
struct Shared {
    settings: Arc<service::settings::Store<Settings>>,
    admissions: Arc<Admissions>,
    functions: Arc<Functions>,
    bodies: BodyStore,
    metrics: Arc<Metrics>,
    health: Arc<service::Health>,
}

impl Daemon for Scheduler {
    type Settings = Settings;

    async fn start(context: &mut Context<Settings>) -> Result<Self, StartError> {
        let settings = context.settings.current();
        let admissions = Admissions::new(&settings);
        let functions = Arc::new(Functions::default());
        let metrics = Metrics::register(&mut context.registry, Arc::clone(&admissions));

        context.settings.follow({
            let (admissions, functions) = (Arc::clone(&admissions), Arc::clone(&functions));
            move |settings| {
                admissions.configure(settings);
                functions.publish(endpoint::NAME, endpoint::offers(&settings.endpoints));
            }
        });
        if settings.docker_enabled.0 {
            let follower =
                docker::Follower::new(&settings, Arc::clone(&functions), Arc::clone(&context.health));
            tokio::spawn(context.stop.clone().run_until_cancelled_owned(follower.run()));
        }
        tokio::spawn(context.stop.clone().run_until_cancelled_owned(sweep(Arc::clone(&functions))));
        let shared = Arc::new(Shared {
            bodies: BodyStore::new(settings.body_buffer_bytes_max.size()),
            settings: Arc::clone(&context.settings),
            health: Arc::clone(&context.health),
            admissions,
            functions,
            metrics,
        });
        Ok(Self { shared })
    }

    fn routes(&self) -> OpenApiRouter {
        api::routes(Arc::clone(&self.shared))
    }

    fn shortcut(&self) -> Option<Shortcut> {
        let shared = Arc::clone(&self.shared);
        Some(Shortcut::new(job::PATH_PREFIX, move |request| job::run(Arc::clone(&shared), request)))
    }

    async fn drain(&self) {
        self.shared.admissions.drain().await;
    }
}

async fn sweep(functions: Arc<Functions>) {
    loop {
        tokio::time::sleep(SWEEP_PERIOD).await;
        functions.sweep();
    }
}
