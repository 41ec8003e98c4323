use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::SEC_WEBSOCKET_PROTOCOL;
use axum::response::{IntoResponse, Response};
use protocol::learner::SUBPROTOCOL;
use protocol::{ErrorBody, ErrorCode};
use service::ApiError;
use service::websocket::Handshake;

use super::Api;

/// The learner session: a WebSocket of the subprotocol p2pfaas.learner.1
///
/// Text messages in JSON, many in flight, answered in the order in which they came.
/// `{"act": {"id", "state", "candidates"?}}` is answered by
/// `{"acted": {"id", "action", "epsilon", "agent", "version"}}`; `{"train": sample or [samples]}` by
/// `{"trained": {"accepted", "refused"}}`; anything else by `{"error": {"id", "why"}}`. A client that offers no
/// subprotocol may send a state as a list of numbers, and gets the text `action,eps`.
#[utoipa::path(get, path = "/ws", tag = "learner", responses(
    (status = 101, description = "The WebSocket is open"),
    (status = 400, description = "Other subprotocols are offered", body = ErrorBody),
    (status = 426, description = "The request asks for no WebSocket", body = ErrorBody),
    (status = 503, description = "Too many sessions are open, or the service is stopping", body = ErrorBody),
))]
pub(super) async fn open(State(api): State<Arc<Api>>, mut request: Request) -> Response {
    let is_original = !request.headers().contains_key(SEC_WEBSOCKET_PROTOCOL);
    match Handshake::read(&mut request) {
        Ok(handshake) => accept(&api, handshake, is_original).unwrap_or_else(ApiError::into_response),
        Err(refused) => refused.into_response(),
    }
}

fn accept(api: &Api, handshake: Handshake, is_original: bool) -> Result<Response, ApiError> {
    if !is_original && !handshake.offers(SUBPROTOCOL) {
        let why = format!("the learner session speaks {SUBPROTOCOL}: offer it in Sec-WebSocket-Protocol");
        return Err(ApiError::bad_request(why));
    }
    let Some(place) = api.sessions.enter() else {
        let why = "there are as many sessions as sessions_max allows, or the service is stopping";
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Generic, why).to_be_retried());
    };
    let subprotocol = (!is_original).then_some(SUBPROTOCOL);
    let bounds = api.sessions.bounds();
    Ok(handshake.accept(subprotocol, bounds, move |socket| place.converse(socket, is_original)))
}
