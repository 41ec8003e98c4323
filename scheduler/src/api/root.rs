use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

/// Who answers: the same bytes on every node of one version.
#[derive(Serialize, ToSchema)]
pub(super) struct Hello {
    name: &'static str,
    version: &'static str,
    version_commit: &'static str,
}

/// The commit that was built, where the build was told.
const VERSION_COMMIT: Option<&str> = option_env!("P2PFAAS_VERSION_COMMIT");

/// The service's name and version
#[utoipa::path(get, path = "/", tag = "scheduler", responses((status = 200, body = Hello)))]
pub(super) async fn hello() -> Json<Hello> {
    Json(Hello {
        name: "p2pfaas-scheduler",
        version: service::VERSION,
        version_commit: VERSION_COMMIT.unwrap_or_default(),
    })
}

/// The same as GET
#[utoipa::path(post, path = "/", tag = "scheduler", responses((status = 200, body = Hello)))]
pub(super) async fn hello_post() -> Json<Hello> {
    hello().await
}
