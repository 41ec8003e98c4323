use std::io;
use std::net::SocketAddr;

use futures_util::SinkExt;
use http::header::{
    CONNECTION, HOST, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderValue, Request};
use protocol::peer::{CallerProof, EXPECTED_ID, PATH, PROOF, SUBPROTOCOL};
use protocol::{ErrorBody, NodeId};
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::{
    Identity, KEY_MISSING_HERE, KEY_MISSING_THERE, KEY_UNKNOWN, introduce, introduced, new_nonce, text,
};
use crate::keys::{ClusterKeys, Hex32, Statement};
use crate::mux::Role;
use crate::socket::{prepare, read_ahead, websocket_config};

/// Why a peer could not be dialled.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// It cannot be reached.
    #[error("no connection: {0}")]
    Connect(#[source] io::Error),
    /// What answers is not a peer, or broke off.
    #[error("the WebSocket handshake failed: {0}")]
    WebSocket(#[source] Box<Error>),
    /// It answered that it will not have this link.
    #[error("the handshake was refused with {status}: {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Why.
        message: String,
    },
    /// Its answer lacks its id or its nonce.
    #[error("what answers does not say which node it is")]
    Nameless,
    /// Another node has this address now.
    #[error("node {found} answered where {expected} was expected")]
    WrongNode {
        /// Who was meant.
        expected: NodeId,
        /// Who answered.
        found: NodeId,
    },
    /// The two do not have a cluster key in common.
    #[error("{0}")]
    Key(&'static str),
    /// It took too long.
    #[error("the handshake took longer than {} ms", .0.as_millis())]
    TooSlow(std::time::Duration),
    /// Dialled in vain a moment ago; nothing was tried again yet.
    #[error("not dialled again yet after: {0}")]
    BackingOff(#[source] std::sync::Arc<DialError>),
    /// Connections are made, and end at once.
    #[error("connections to it end as soon as they are made")]
    Unsteady,
    /// The link was closed on this side.
    #[error("the link was closed")]
    Closed,
}

impl DialError {
    /// Whether somebody was there and said no, or was refused by us.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Nameless | Self::WrongNode { .. } | Self::Key(_))
    }
}

/// Opens a connection and says who we are. Gives the connection, and who answered.
pub(crate) async fn dial(
    address: SocketAddr,
    own: &Identity,
    expected: Option<NodeId>,
) -> Result<(WebSocketStream<BufReader<TcpStream>>, NodeId), DialError> {
    let stream = TcpStream::connect(address).await.map_err(DialError::Connect)?;
    prepare(&stream);
    let stream = read_ahead(stream);
    let nonce = new_nonce();
    let request = request(address, own.node, nonce, expected);
    let handshake = tokio_tungstenite::client_async_with_config(request, stream, Some(websocket_config()));
    let (mut socket, response) = handshake.await.map_err(refusal)?;
    let (callee, callee_nonce) = introduced(response.headers()).ok_or(DialError::Nameless)?;
    let checked = match expected {
        Some(expected) if expected != callee => Err(DialError::WrongNode { expected, found: callee }),
        _ => {
            let statement = Statement {
                prover: Role::Callee,
                caller: own.node,
                callee,
                caller_nonce: nonce,
                callee_nonce,
            };
            check(&(own.keys)(), statement, response.headers()).map_err(DialError::Key)
        }
    };
    match checked {
        Ok(None) => Ok((socket, callee)),
        Ok(Some(proof)) => {
            let proof = serde_json::to_string(&CallerProof { proof: proof.to_string() }).unwrap_or_default();
            let sent = socket.send(Message::text(proof)).await;
            sent.map_err(|error| DialError::WebSocket(Box::new(error)))?;
            Ok((socket, callee))
        }
        Err(error) => {
            let close = CloseFrame { code: CloseCode::Policy, reason: error.to_string().into() };
            // The peer is told as a courtesy.
            let _ = socket.close(Some(close)).await;
            Err(error)
        }
    }
}

/// Checks the callee's proof, and gives ours where keys are used.
fn check(
    keys: &ClusterKeys,
    statement: Statement,
    headers: &HeaderMap,
) -> Result<Option<Hex32>, &'static str> {
    match (keys.is_empty(), text(headers, PROOF)) {
        (true, None) => Ok(None),
        (true, Some(_)) => Err(KEY_MISSING_HERE),
        (false, None) => Err(KEY_MISSING_THERE),
        (false, Some(proof)) => {
            let proven = Hex32::parse(proof).is_some_and(|proof| statement.is_proven(keys, proof));
            if !proven {
                return Err(KEY_UNKNOWN);
            }
            Ok(Statement { prover: Role::Caller, ..statement }.prove(keys))
        }
    }
}

fn request(address: SocketAddr, node: NodeId, nonce: Hex32, expected: Option<NodeId>) -> Request<()> {
    let mut request = Request::new(());
    if let Ok(uri) = format!("ws://{address}{PATH}").parse() {
        *request.uri_mut() = uri;
    }
    let headers = request.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    for (name, value) in [(HOST, address.to_string()), (SEC_WEBSOCKET_KEY, generate_key())] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
    introduce(headers, node, nonce);
    if let Some(expected) = expected
        && let Ok(expected) = HeaderValue::try_from(expected.to_string())
    {
        headers.insert(EXPECTED_ID, expected);
    }
    request
}

fn refusal(error: Error) -> DialError {
    match error {
        Error::Io(error) => DialError::Connect(error),
        Error::Http(response) => {
            let status = response.status().as_u16();
            let body = response.into_body().unwrap_or_default();
            let message = match serde_json::from_slice::<ErrorBody>(&body) {
                Ok(error) => error.message,
                Err(_) => "it gave no reason".to_owned(),
            };
            DialError::Refused { status, message }
        }
        error => DialError::WebSocket(Box::new(error)),
    }
}
