use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use protocol::ErrorBody;
use protocol::learner::{Choice, EPSILON_HEADER, Question, STATE_HEADER};
use service::ApiError;

use super::{Api, body};
use crate::samples::state_of;

/// Chooses an action: one of the candidates, or without any one of the numbered actions
#[utoipa::path(post, path = "/act", tag = "learner", request_body = Question, responses(
    (status = 200, description = "The choice", body = Choice),
    (status = 400, description = "Not JSON", body = ErrorBody),
    (status = 413, description = "Larger than the settings allow", body = ErrorBody),
    (status = 422, description = "Not a question that this model can answer", body = ErrorBody),
))]
pub(super) async fn act(State(api): State<Arc<Api>>, request: Request) -> Result<Json<Choice>, ApiError> {
    let json = body::read(request, api.settings.current().message_bytes_max.size()).await?;
    let question: Question = body::parse(&json)?;
    api.mind.act(&question.state, &question.candidates).map(Json).map_err(body::refused)
}

/// Chooses a numbered action, as clients of the original P2PFaaS ask
#[utoipa::path(get, path = "/act", tag = "learner",
    params(("X-P2pfaas-Learning-State" = String, Header, description = "The state, with commas")),
    responses(
        (status = 200, description = "The action, as text", body = String, headers(
            ("X-P2pfaas-Eps" = f64, description = "The probability with which it was drawn at random"),
        )),
        (status = 400, description = "The header is missing, or holds no state", body = ErrorBody),
        (status = 422, description = "Not a state that this model can answer", body = ErrorBody),
    )
)]
pub(super) async fn act_original(
    State(api): State<Arc<Api>>,
    request_headers: HeaderMap,
) -> Result<([(HeaderName, HeaderValue); 1], String), ApiError> {
    let state = state_of(body::header(&request_headers, STATE_HEADER)?)
        .ok_or_else(|| ApiError::bad_request("the state is no list of numbers"))?;
    let choice = api.mind.act(&state, &[]).map_err(body::refused)?;
    let epsilon = HeaderValue::try_from(choice.epsilon.to_string())
        .map_err(|error| ApiError::bad_request(error.to_string()))?;
    Ok(([(HeaderName::from_static(EPSILON_HEADER), epsilon)], choice.action.to_string()))
}
