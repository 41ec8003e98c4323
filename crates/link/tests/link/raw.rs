//! The two sides of a link by hand, to do what ours would not.

use std::net::SocketAddr;

use bytes::BytesMut;
use http::{HeaderValue, Request};
use link::frame::{Kind, Outgoing, head};
use protocol::peer::{NODE_ID, NONCE, PATH, SUBPROTOCOL};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message, handshake};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::harness::{job, soon};

pub(crate) const SUBPROTOCOL_HEADER: &str = "sec-websocket-protocol";
pub(crate) const ID: &str = "0000000000000009";

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A client of another make, with these headers.
pub(crate) async fn client(address: SocketAddr, headers: &[(&'static str, &str)]) -> Result<Socket, Error> {
    let mut request: Request<()> = format!("ws://{address}{PATH}").into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, HeaderValue::from_str(value).unwrap());
    }
    soon(tokio_tungstenite::connect_async(request)).await.map(|(socket, _)| socket)
}

/// A client of another make that a callee without a key lets in.
pub(crate) async fn welcome_client(address: SocketAddr) -> Socket {
    let nonce = "5".repeat(64);
    let headers = [(NODE_ID, ID), (NONCE, nonce.as_str()), (SUBPROTOCOL_HEADER, SUBPROTOCOL)];
    client(address, &headers).await.unwrap()
}

/// An OPEN without a body.
pub(crate) fn open(stream: u32, function: &str) -> Message {
    let frame = Outgoing::bare(Kind::Open, stream, head(&job(function)).unwrap());
    let mut wire = BytesMut::new();
    frame.encode(&mut wire);
    Message::Binary(wire.freeze())
}

/// The handshake of a callee, without the rest of it.
pub(crate) async fn by_hand(stream: TcpStream) -> WebSocketStream<TcpStream> {
    #[expect(clippy::result_large_err, reason = "the type is that of tungstenite's callback")]
    let answer = |request: &handshake::server::Request, mut answer: handshake::server::Response| {
        let headers = answer.headers_mut();
        headers.insert(NODE_ID, "0000000000000002".parse().unwrap());
        headers.insert(NONCE, "7".repeat(64).parse().unwrap());
        let subprotocol = request.headers().get("sec-websocket-protocol").cloned();
        headers.insert("sec-websocket-protocol", subprotocol.unwrap());
        Ok(answer)
    };
    soon(tokio_tungstenite::accept_hdr_async(stream, answer)).await.unwrap()
}
