use futures_util::StreamExt;
use http::header::{
    CONNECTION, CONTENT_TYPE, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use protocol::peer::{CallerProof, EXPECTED_ID, PROOF, SUBPROTOCOL};
use protocol::{ErrorBody, ErrorCode, NodeId};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::{KEY_UNKNOWN, introduce, introduced, new_nonce, text};
use crate::keys::{ClusterKeys, Hex32, Statement};
use crate::mux::Role;

/// What a caller has to prove, and by which keys.
pub(crate) type Due = (Statement, ClusterKeys);

/// A request that may become a link.
pub(crate) struct Greeting {
    /// Who dialled.
    pub(crate) caller: NodeId,
    /// What the caller still has to prove; none where no key is used.
    pub(crate) due: Option<Due>,
    /// The answer that switches protocols.
    pub(crate) answer: Response<String>,
}

/// Why a request does not become a link.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
}

/// Reads a dialler's request.
pub(crate) fn greet(headers: &HeaderMap, own: NodeId, keys: ClusterKeys) -> Result<Greeting, Refusal> {
    let bad = |message: String| Refusal { status: StatusCode::BAD_REQUEST, message };
    let key = websocket_key(headers)?;
    if !names(headers, &SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL) {
        return Err(bad(format!("a peer link speaks the subprotocol {SUBPROTOCOL} and no other")));
    }
    let (caller, caller_nonce) = introduced(headers)
        .ok_or_else(|| bad("the node id or the nonce of the caller is missing".to_owned()))?;
    if let Some(expected) = text(headers, EXPECTED_ID)
        && expected.parse() != Ok(own)
    {
        let message = format!("this is node {own}, and {expected} was expected");
        return Err(Refusal { status: StatusCode::MISDIRECTED_REQUEST, message });
    }
    let callee_nonce = new_nonce();
    let statement = Statement { prover: Role::Callee, caller, callee: own, caller_nonce, callee_nonce };
    let mut answer = switch(key);
    introduce(answer.headers_mut(), own, callee_nonce);
    let mut due = None;
    if let Some(proof) = statement.prove(&keys)
        && let Ok(proof) = HeaderValue::try_from(proof.to_string())
    {
        answer.headers_mut().insert(PROOF, proof);
        due = Some((Statement { prover: Role::Caller, ..statement }, keys));
    }
    Ok(Greeting { caller, due, answer })
}

fn switch(key: &[u8]) -> Response<String> {
    let mut answer = Response::new(String::new());
    *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = answer.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    if let Ok(accept) = HeaderValue::try_from(derive_accept_key(key)) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    answer
}

fn websocket_key(headers: &HeaderMap) -> Result<&[u8], Refusal> {
    let version = headers.get(SEC_WEBSOCKET_VERSION).is_some_and(|version| version == "13");
    let upgrades = names(headers, &CONNECTION, "upgrade") && names(headers, &UPGRADE, "websocket");
    match headers.get(SEC_WEBSOCKET_KEY) {
        Some(key) if version && upgrades => Ok(key.as_bytes()),
        _ => Err(Refusal {
            status: StatusCode::UPGRADE_REQUIRED,
            message: format!("this path is for WebSockets (version 13) that speak {SUBPROTOCOL}"),
        }),
    }
}

/// Whether one of the comma-separated values is this, in whatever case.
fn names(headers: &HeaderMap, name: &http::HeaderName, wanted: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|values| values.split(',')).any(|value| value.trim().eq_ignore_ascii_case(wanted))
}

impl Refusal {
    /// The error answer, as all services give it.
    pub(crate) fn into_response(self) -> Response<String> {
        let Self { status, message } = self;
        let error =
            ErrorBody { code: ErrorCode::BadInput.into(), message, call_id: None, problems: Vec::new() };
        let mut answer = Response::new(serde_json::to_string(&error).unwrap_or_default());
        *answer.status_mut() = status;
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if status == StatusCode::UPGRADE_REQUIRED {
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        }
        answer
    }
}

/// Waits for the caller's proof, where one is due.
pub(crate) async fn check_caller<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut WebSocketStream<S>,
    due: Option<Due>,
) -> Result<(), &'static str> {
    let Some((statement, keys)) = due else {
        return Ok(());
    };
    let Some(Ok(Message::Text(text))) = socket.next().await else {
        return Err("the caller did not prove that it has the cluster's key");
    };
    let proof = serde_json::from_str::<CallerProof>(&text).ok().and_then(|sent| Hex32::parse(&sent.proof));
    match proof {
        Some(proof) if statement.is_proven(&keys, proof) => Ok(()),
        _ => Err(KEY_UNKNOWN),
    }
}
