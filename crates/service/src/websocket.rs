//! The server's side of a WebSocket (RFC 6455), on the port that serves HTTP.

use std::future::Future;

use axum::extract::Request;
use axum::http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
    UPGRADE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use protocol::ErrorCode;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::ApiError;

/// The connection to a client.
pub type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// The one version of the protocol.
const VERSION: HeaderValue = HeaderValue::from_static("13");

/// A client that asked for a WebSocket.
pub struct Handshake {
    accept_key: String,
    offered: Vec<String>,
    upgrade: OnUpgrade,
}

/// A request that asks for no WebSocket; answered with 426.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this route is a WebSocket of version 13 (RFC 6455)")]
pub struct NotAWebSocket;

impl Handshake {
    /// Reads what the client asks for.
    ///
    /// # Errors
    /// [`NotAWebSocket`] for a request that asks for none.
    pub fn read(request: &mut Request) -> Result<Self, NotAWebSocket> {
        let headers = request.headers();
        let key = headers.get(SEC_WEBSOCKET_KEY).filter(|_| {
            request.method() == Method::GET
                && words(headers, &CONNECTION).any(|word| word.eq_ignore_ascii_case("upgrade"))
                && words(headers, &UPGRADE).any(|word| word.eq_ignore_ascii_case("websocket"))
                && headers.get(SEC_WEBSOCKET_VERSION) == Some(&VERSION)
        });
        let accept_key = key.map(|key| derive_accept_key(key.as_bytes())).ok_or(NotAWebSocket)?;
        let offered = words(headers, &SEC_WEBSOCKET_PROTOCOL).map(str::to_owned).collect();
        Ok(Self { accept_key, offered, upgrade: hyper::upgrade::on(request) })
    }

    /// Whether the client offers this subprotocol.
    pub fn offers(&self, subprotocol: &str) -> bool {
        self.offered.iter().any(|offered| offered == subprotocol)
    }

    /// Accepts, with the subprotocol that was chosen of those offered, and lets `converse` have the
    /// connection in a task of its own.
    pub fn accept<F>(
        self,
        subprotocol: Option<&'static str>,
        bounds: WebSocketConfig,
        converse: impl FnOnce(Socket) -> F + Send + 'static,
    ) -> Response
    where
        F: Future<Output = ()> + Send + 'static,
    {
        tokio::spawn(async move {
            match self.upgrade.await {
                Ok(upgraded) => {
                    let io = TokioIo::new(upgraded);
                    converse(WebSocketStream::from_raw_socket(io, Role::Server, Some(bounds)).await).await;
                }
                Err(error) => tracing::debug!(%error, "a client went away before its WebSocket was open"),
            }
        });
        let head =
            [(CONNECTION, "upgrade"), (UPGRADE, "websocket"), (SEC_WEBSOCKET_ACCEPT, &self.accept_key)];
        let mut response = (StatusCode::SWITCHING_PROTOCOLS, head).into_response();
        if let Some(subprotocol) = subprotocol {
            response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(subprotocol));
        }
        response
    }
}

/// The words of a header that lists them.
fn words<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

impl IntoResponse for NotAWebSocket {
    fn into_response(self) -> Response {
        let error = ApiError::new(StatusCode::UPGRADE_REQUIRED, ErrorCode::BadInput, self.to_string());
        let mut response = error.into_response();
        response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
        response
    }
}
