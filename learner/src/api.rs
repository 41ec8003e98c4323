//! The learner's own routes.

mod act;
mod body;
mod model;
mod parameters;
mod root;
mod session;
mod train;

use std::sync::Arc;

use service::settings::Store;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Settings;
use crate::mind::Mind;
use crate::session::Sessions;

/// What the routes use.
pub(crate) struct Api {
    pub(crate) mind: Arc<Mind>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) settings: Arc<Store<Settings>>,
}

pub(crate) fn routes(api: Arc<Api>) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(root::hello))
        .routes(routes!(session::open))
        .routes(routes!(train::train, train::train_original))
        .routes(routes!(train::train_batch))
        .routes(routes!(act::act, act::act_original))
        .routes(routes!(parameters::show, parameters::set))
        .routes(routes!(model::stats))
        .routes(routes!(model::weights, model::load))
        .routes(routes!(model::reset, model::reset_post))
        .with_state(api)
}
