//! The scheduler of a P2PFaaS node: it takes every call, asks the policy, and runs it, queues it, hands it to a
//! peer or rejects it.
//!
//! `job.rs` is the life of a job from top to bottom; what decides is the pure crate `scheduling`.

mod admission;
mod api;
mod backoff;
mod body;
mod caller;
mod executor;
mod headers;
mod job;
mod learner;
mod metrics;
mod peers;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use service::settings::{ClusterKeys, KeySource};
use service::{Context, Daemon, Shortcut, StartError};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

pub use settings::Settings;

use crate::admission::{Admissions, Errand};
use crate::body::BodyStore;
use crate::executor::{Functions, docker, endpoint};
use crate::learner::{Learner, Session};
use crate::metrics::Metrics;
use crate::peers::{Directory, Peers, Watch};

/// How often connections to functions are looked through for those that idled too long.
const SWEEP_PERIOD: Duration = Duration::from_secs(2);

/// Errands of policies that run at once: enough for three probes a call at tens of thousands of calls a
/// second, each taking a millisecond.
const ERRANDS_MAX: usize = 256;

/// The scheduler.
pub struct Scheduler {
    shared: Arc<Shared>,
}

/// What every job uses.
struct Shared {
    settings: Arc<service::settings::Store<Settings>>,
    admissions: Arc<Admissions>,
    functions: Arc<Functions>,
    directory: Arc<Directory>,
    peers: Arc<Peers>,
    learner: Option<Arc<Learner>>,
    bodies: BodyStore,
    metrics: Arc<Metrics>,
    health: Arc<service::Health>,
}

impl Daemon for Scheduler {
    type Settings = Settings;

    async fn start(context: &mut Context<Settings>) -> Result<Self, StartError> {
        let settings = context.settings.current();
        let (admissions, errands) = Admissions::new(&settings);
        let functions = Arc::new(Functions::default());
        let directory = Arc::new(Directory::default());
        let peers =
            Peers::new(Arc::clone(&directory), Arc::clone(&admissions), Arc::clone(&context.settings));
        let url = settings.learner_url();
        let session = url.map(|url| Learner::new(url, Arc::clone(&context.health)));
        let (learner, session) = session.map(|(learner, session)| (Arc::new(learner), session)).unzip();
        let metrics = Metrics::register(
            &mut context.registry,
            Arc::clone(&admissions),
            Arc::clone(&peers),
            learner.clone(),
        );
        let shared = Arc::new(Shared {
            bodies: BodyStore::new(settings.body_buffer_bytes_max.size()),
            settings: Arc::clone(&context.settings),
            health: Arc::clone(&context.health),
            admissions,
            functions,
            directory,
            peers,
            learner,
            metrics,
        });
        shared.follow_settings(context)?;
        shared.peers.open(&shared);
        shared.start_work(&settings, session, errands, &context.stop);
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
        let ended = self.shared.admissions.drain();
        self.shared.peers.tell_load();
        ended.await;
        self.shared.peers.close().await;
    }
}

impl Shared {
    fn follow_settings(&self, context: &Context<Settings>) -> Result<(), StartError> {
        let settings = context.settings.current();
        let (admissions, functions) = (Arc::clone(&self.admissions), Arc::clone(&self.functions));
        context.settings.follow(move |settings| {
            admissions.configure(settings);
            functions.publish(endpoint::NAME, endpoint::offers(&settings.endpoints));
        });
        let part = |source| StartError::Part { part: "the cluster key", source: Box::new(source) };
        let source = KeySource::new(&settings.cluster_key, &settings.cluster_key_file).map_err(part)?;
        let peers = Arc::clone(&self.peers);
        let put_in_force = move |keys: &ClusterKeys| match link::ClusterKeys::new(keys.as_slice().to_vec()) {
            Ok(keys) => peers.set_keys(keys),
            Err(error) => tracing::error!(%error, "the last keys stay in force"),
        };
        source.follow(Arc::clone(&context.health), &context.stop, put_in_force).map_err(part)
    }

    /// Starts what goes on in the background until `stop`.
    fn start_work(
        self: &Arc<Self>,
        settings: &Settings,
        session: Option<Session>,
        errands: mpsc::Receiver<Errand>,
        stop: &CancellationToken,
    ) {
        let spawn = |work: BoxFuture<'static, ()>| {
            tokio::spawn(stop.clone().run_until_cancelled_owned(work));
        };
        if settings.docker_enabled.0 {
            let (functions, health) = (Arc::clone(&self.functions), Arc::clone(&self.health));
            spawn(docker::Follower::new(settings, functions, health).run().boxed());
        }
        if let Some(url) = settings.discovery_url() {
            let watch = Watch {
                url,
                directory: Arc::clone(&self.directory),
                admissions: Arc::clone(&self.admissions),
                functions: Arc::clone(&self.functions),
                health: Arc::clone(&self.health),
            };
            spawn(watch.run().boxed());
        }
        if let Some(session) = session {
            spawn(session.run().boxed());
        }
        spawn(Arc::clone(&self.peers).care().boxed());
        spawn(run_errands(Arc::clone(self), errands).boxed());
        spawn(sweep(Arc::clone(&self.functions)).boxed());
    }
}

/// Does what policies want done without a job that waits for it.
async fn run_errands(shared: Arc<Shared>, mut errands: mpsc::Receiver<Errand>) {
    let mut running = JoinSet::new();
    while let Some(errand) = errands.recv().await {
        while running.try_join_next().is_some() || running.len() >= ERRANDS_MAX {
            if running.len() >= ERRANDS_MAX {
                running.join_next().await;
            }
        }
        match errand {
            Errand::Probe(peer) => {
                let peers = Arc::clone(&shared.peers);
                running.spawn(async move { peers.look_after(peer).await });
            }
            Errand::Teach(sample) => {
                if let Some(learner) = &shared.learner {
                    learner.train(sample_on_the_wire(sample));
                }
            }
        }
    }
}

fn sample_on_the_wire(sample: scheduling::Sample) -> protocol::learner::Sample {
    let scheduling::Sample { eid, state, action, reward, features } = sample;
    protocol::learner::Sample { eid, state, action, reward, features, next_state: None }
}

async fn sweep(functions: Arc<Functions>) {
    loop {
        tokio::time::sleep(SWEEP_PERIOD).await;
        functions.sweep();
    }
}
