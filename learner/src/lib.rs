//! The learner of a P2PFaaS node: it will decide by reinforcement learning.
//!
//! It stands with health, metrics and settings; see CHANGELOG.md for what it does so far.

use service::{Context, Daemon, StartError};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

service::settings! {
    /// The settings of a learner.
    pub struct Settings for "learner" on port 19020 {}
}

/// The learner.
pub struct Learner;

impl Daemon for Learner {
    type Settings = Settings;

    async fn start(_context: &mut Context<Settings>) -> Result<Self, StartError> {
        Ok(Self)
    }

    fn routes(&self) -> OpenApiRouter {
        OpenApiRouter::new().routes(routes!(hello))
    }

    /// Every answer is given at once, so that nothing accepted is ever open.
    async fn drain(&self) {}
}

/// The service's name and version
#[utoipa::path(get, path = "/", tag = "learner", responses((status = 200, body = String)))]
async fn hello() -> String {
    format!("p2pfaas-learner {}\n", service::VERSION)
}
