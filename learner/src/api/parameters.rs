use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use learning::Spec;
use protocol::ErrorBody;
use serde::Serialize;
use serde_json::{Map, Value, json};
use service::ApiError;
use utoipa::ToSchema;

use super::{Api, body};

/// The agent with all its parameters: the same bytes on two nodes with the same settings.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Agent {
    name: &'static str,
    #[schema(value_type = Object)]
    parameters: Map<String, Value>,
}

/// What a change led to.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Changed {
    #[serde(flatten)]
    agent: Agent,
    /// Whether a new model began, because the agent or its actions changed: nothing is learned yet.
    new_model: bool,
    /// The version of the model in force.
    version: u64,
}

impl From<&Spec> for Agent {
    fn from(spec: &Spec) -> Self {
        Self { name: spec.name(), parameters: spec.parameters.to_map() }
    }
}

/// The agent and its parameters
#[utoipa::path(get, path = "/learner/parameters", tag = "learner", responses(
    (status = 200, description = "Its name, and all its parameters with their values", body = Agent),
))]
pub(super) async fn show(State(api): State<Arc<Api>>) -> Json<Agent> {
    Json(api.settings.current().agent.spec().into())
}

/// Changes the agent or its parameters, kept over a restart
///
/// `{"name", "parameters": {..}}`, or the parameters alone, as the original P2PFaaS has them. Those that are
/// not named stay as they are; null sets one back to the agent's default. Another agent begins with its own
/// defaults; of the old parameters it keeps the number of actions.
#[utoipa::path(post, path = "/learner/parameters", tag = "learner", request_body = Value, responses(
    (status = 200, description = "What is now in force", body = Changed),
    (status = 400, description = "Not JSON", body = ErrorBody),
    (status = 413, description = "Larger than the settings allow", body = ErrorBody),
    (status = 422, description = "No such agent, or each parameter that is wrong", body = ErrorBody),
    (status = 500, description = "The setting could not be saved; nothing changed", body = ErrorBody),
))]
pub(super) async fn set(State(api): State<Arc<Api>>, request: Request) -> Result<Json<Changed>, ApiError> {
    let text = body::read(request, api.settings.current().message_bytes_max.size()).await?;
    let wanted = Wanted::read(body::parse(&text)?)?;
    let patch = wanted.patch(&api)?;
    let before = api.mind.stats().version;
    service::apply_patch(Arc::clone(&api.settings) as _, json!({ "agent": patch })).await?;
    let version = api.mind.stats().version;
    let agent = api.settings.current().agent.spec().into();
    Ok(Json(Changed { agent, new_model: version != before, version }))
}

struct Wanted {
    name: Option<String>,
    parameters: Map<String, Value>,
}

impl Wanted {
    fn read(mut body: Map<String, Value>) -> Result<Self, ApiError> {
        if !(body.contains_key("name") || body.contains_key("parameters")) {
            return Ok(Self { name: None, parameters: body });
        }
        let name = match body.remove("name") {
            None | Some(Value::Null) => None,
            Some(Value::String(name)) => Some(name),
            Some(other) => return Err(body::unprocessable(format!("{other} is no name"))),
        };
        let parameters = match body.remove("parameters") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(parameters)) => parameters,
            Some(other) => return Err(body::unprocessable(format!("{other} are no parameters"))),
        };
        match body.keys().next() {
            Some(key) => Err(body::unprocessable(format!("{key:?} is neither name nor parameters"))),
            None => Ok(Self { name, parameters }),
        }
    }

    /// The patch of the setting that leads to what is wanted.
    fn patch(self, api: &Api) -> Result<Value, ApiError> {
        let settings = api.settings.current();
        let (current, kept) = (settings.agent.spec(), settings.agent.values());
        let name = self.name.unwrap_or_else(|| current.name().to_owned());
        let proper = Spec::new(&name, &Map::new()).map(|spec| spec.name());
        let stays = proper.is_ok_and(|proper| proper == current.name());
        let mut parameters = Map::new();
        for (key, value) in kept {
            let keeps = stays || key == "actions_n";
            parameters.insert(key.clone(), if keeps { value.clone() } else { Value::Null });
        }
        for (key, value) in self.parameters {
            // Under one name only, or an older value of the other name would stay beside it.
            let proper = learning::parameters::Key::named(&key).map_or(key, |known| known.name.to_owned());
            parameters.insert(proper, value);
        }
        let set = parameters.iter().filter(|(_, value)| !value.is_null());
        let set: Map<_, _> = set.map(|(key, value)| (key.clone(), value.clone())).collect();
        Spec::new(&name, &set).map_err(|problems| {
            body::unprocessable("nothing was changed, because of the parameters below")
                .with_problems(problems)
        })?;
        Ok(json!({ "name": name, "parameters": parameters }))
    }
}
