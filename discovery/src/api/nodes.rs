use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use membership::CannotForget;
use protocol::nodes::NodeList;
use protocol::{ErrorBody, ErrorCode, NodeId};
use serde::{Deserialize, Serialize};
use service::ApiError;
use utoipa::{IntoParams, ToSchema};

use super::Api;
use crate::picture;
use crate::seeds;
use crate::settings::Seed;

/// The media type of Graphviz.
const GRAPHVIZ: &str = "text/vnd.graphviz; charset=utf-8";

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    /// The list.
    #[default]
    Json,
    /// A picture, in the language of Graphviz.
    Dot,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Shape {
    /// `json`, or `dot` for Graphviz.
    #[serde(default)]
    format: Format,
}

/// All nodes, as this one sees them
#[utoipa::path(get, path = "/nodes", tag = "discovery", params(Shape), responses(
    (status = 200, description = "This node, and the others by id", body = NodeList),
    (status = 400, description = "There is no such format", body = ErrorBody),
    (status = 503, description = "The service is stopping", body = ErrorBody),
))]
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    shape: Result<Query<Shape>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(shape) = shape.map_err(|error| ApiError::bad_request(error.body_text()))?;
    let list = api.gossip.nodes().await?;
    Ok(match shape.format {
        Format::Json => Json(list).into_response(),
        Format::Dot => ([(CONTENT_TYPE, GRAPHVIZ)], picture::dot(&list)).into_response(),
    })
}

/// Where to join.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Join {
    /// The gossip of a node: `host`, `host:port` or `[IPv6]:port`.
    address: String,
}

/// What is being done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Joining {
    /// The addresses that are greeted now, until they answer or a minute has passed.
    greeted: Vec<String>,
}

/// Joins the cluster that the node at an address is in
#[utoipa::path(post, path = "/nodes", tag = "discovery", request_body = Join, responses(
    (status = 202, description = "That node is greeted; GET /nodes shows it when it has answered", body = Joining),
    (status = 400, description = "Not JSON, or not an object with an address", body = ErrorBody),
    (status = 422, description = "The address is none, or its name is not known", body = ErrorBody),
    (status = 503, description = "Too many addresses are being greeted, or the service is stopping", body = ErrorBody),
))]
pub(super) async fn join(
    State(api): State<Arc<Api>>,
    body: Bytes,
) -> Result<(StatusCode, Json<Joining>), ApiError> {
    let Join { address } = serde_json::from_slice(&body).map_err(|error| {
        ApiError::bad_request(format!("the body is not {{\"address\": \"...\"}}: {error}"))
    })?;
    let unusable = |why: String| ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::BadInput, why);
    let seed: Seed =
        address.parse().map_err(|error: crate::settings::InvalidSeed| unusable(error.to_string()))?;
    let addresses = seeds::look_up(&seed).await.map_err(|error| unusable(error.to_string()))?;
    let greeted = api.gossip.join(addresses).await?;
    if greeted.is_empty() {
        let why = "too many addresses are being greeted already";
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Generic, why).to_be_retried());
    }
    let greeted = greeted.iter().map(ToString::to_string).collect();
    Ok((StatusCode::ACCEPTED, Json(Joining { greeted })))
}

/// Forgets a node that is dead or has left
#[utoipa::path(delete, path = "/nodes/{id}", tag = "discovery",
    params(("id" = String, Path, description = "16 hexadecimal digits")),
    responses(
        (status = 204, description = "It is forgotten here; the others go on remembering it"),
        (status = 400, description = "That is no id", body = ErrorBody),
        (status = 404, description = "There is no such node", body = ErrorBody),
        (status = 409, description = "The node is still there", body = ErrorBody),
        (status = 503, description = "The service is stopping", body = ErrorBody),
    ))]
pub(super) async fn forget(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let id: NodeId =
        id.parse().map_err(|error: protocol::InvalidNodeId| ApiError::bad_request(error.to_string()))?;
    match api.gossip.forget(id).await? {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error @ CannotForget::Unknown(_)) => {
            Err(ApiError::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, error.to_string()))
        }
        Err(error @ CannotForget::Present(_)) => {
            Err(ApiError::new(StatusCode::CONFLICT, ErrorCode::BadInput, error.to_string()))
        }
    }
}
