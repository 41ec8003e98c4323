//! The discovery of a P2PFaaS node: it finds the other nodes by gossip, and tells who is there.
//!
//! What is decided is decided in the pure crate `membership`; `gossip.rs` is the shell around it.

mod api;
mod gossip;
mod metrics;
mod own_node;
mod picture;
mod seeds;
pub mod settings;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use membership::{Boot, Membership, OwnAddress};
use service::settings::KeySource;
use service::{Context, Daemon, StartError};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use utoipa_axum::router::OpenApiRouter;

pub use settings::Settings;

use crate::api::Api;
use crate::gossip::{Clock, Gossip, GossipSocket, Inputs, Keeper};
use crate::metrics::GossipMetrics;
use crate::own_node::OwnNode;
use crate::seeds::SeedKeeper;

/// The discovery.
pub struct Discovery {
    api: Arc<Api>,
}

impl Daemon for Discovery {
    type Settings = Settings;

    async fn start(context: &mut Context<Settings>) -> Result<Self, StartError> {
        let settings = context.settings.current();
        let own = OwnNode::begin_life(&settings.data_path, SystemTime::now())
            .map_err(|error| part("this node's identity", error))?;
        let (socket, listener, gossip_port) = open(&settings)?;
        let inputs = inputs(context, &settings, gossip_port)?;

        let (gossip, commands) = Gossip::new();
        let clock = Clock::start();
        let known = inputs.borrow().clone();
        let gossip_settings = gossip_settings(&settings, &known);
        let boot = boot(own, known.address);
        let core = Membership::new(gossip_settings.clone(), boot, clock.now());
        let channel = (gossip.clone(), commands);
        let keeper = Keeper::new(core, gossip_settings, clock, socket, channel, inputs.subscribe());

        GossipMetrics::register(&mut context.registry, Arc::clone(gossip.stats()));
        let seeds = SeedKeeper {
            settings: Arc::clone(&context.settings),
            stats: Arc::clone(gossip.stats()),
            health: Arc::clone(&context.health),
            inputs,
        };
        let stop = || context.stop.clone();
        tokio::spawn(stop().run_until_cancelled_owned(keeper.run()));
        tokio::spawn(stop().run_until_cancelled_owned(gossip::listen(listener, gossip.clone())));
        tokio::spawn(stop().run_until_cancelled_owned(seeds.run()));
        tracing::info!(node = %own.id, gossip_port, address = ?known.address, "gossiping");
        let api = Api { gossip, stop: context.stop.child_token(), watches: TaskTracker::new() };
        Ok(Self { api: Arc::new(api) })
    }

    fn routes(&self) -> OpenApiRouter {
        api::routes(Arc::clone(&self.api))
    }

    /// Says good-bye to the cluster, so that nobody has to notice the silence.
    async fn drain(&self) {
        if self.api.gossip.leave().await.is_err() {
            tracing::warn!("the gossip ended without a good-bye");
        }
        self.api.end_watches().await;
    }
}

fn part(part: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> StartError {
    StartError::Part { part, source: Box::new(source) }
}

fn open(settings: &Settings) -> Result<(GossipSocket, TcpListener, u16), StartError> {
    let (host, port) = (settings.listening_host, settings.gossip_port.port());
    let address = SocketAddr::new(host, port);
    gossip::bind(host, port).map_err(|source| StartError::Listen { address, source })
}

/// What the keeper is told, kept up with the settings and the cluster's key.
fn inputs(
    context: &Context<Settings>,
    settings: &Settings,
    gossip_port: u16,
) -> Result<watch::Sender<Inputs>, StartError> {
    let http_port = context.address.port();
    let mut first = Inputs::new(settings, gossip_port, http_port);
    // Names are looked up beside the start, which waits for no name server.
    first.seeds = settings.seeds.iter().filter_map(|seed| Some((seed.ip()?, seed.port).into())).collect();
    let inputs = watch::Sender::new(first);
    context.settings.follow({
        let inputs = inputs.clone();
        move |settings| {
            let new = Inputs::new(settings, gossip_port, http_port);
            inputs.send_modify(|inputs| inputs.follow(new));
        }
    });
    let keys = KeySource::new(&settings.cluster_key, &settings.cluster_key_file);
    let put_in_force = {
        let inputs = inputs.clone();
        move |keys: &service::settings::ClusterKeys| {
            inputs.send_modify(|inputs| inputs.keys = keys.clone());
        }
    };
    keys.and_then(|keys| keys.follow(Arc::clone(&context.health), &context.stop, put_in_force))
        .map_err(|error| part("the gossip without the cluster's key", error))?;
    Ok(inputs)
}

fn gossip_settings(settings: &Settings, inputs: &Inputs) -> membership::Settings {
    membership::Settings {
        keys: inputs.key_ring(),
        profile: settings.network_profile.into(),
        seeds: inputs.seeds.clone(),
        ..membership::Settings::new(settings.cluster.name().clone())
    }
}

fn boot(own: OwnNode, address: OwnAddress) -> Boot {
    Boot { node: own.id, generation: own.generation, address, seed: rand::random() }
}
