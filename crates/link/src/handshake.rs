//! Who is on the other side: ids, nonces and proofs in the headers of the WebSocket's own handshake.
//!
//! The dialler sends its id and a nonce. The callee answers with its own, and with the proof that it holds
//! the cluster's key; the dialler's proof is the first message after that, in front of the first job, so that
//! the handshake takes one round trip. Each proof covers both nonces and both ids.

pub(crate) mod dial;
pub(crate) mod upgrade;

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use protocol::NodeId;
use protocol::peer::{NODE_ID, NONCE};
use rand::RngExt;

use crate::keys::{ClusterKeys, Hex32, KeySource};

/// Who this node is to its peers.
#[derive(Clone)]
pub struct Identity {
    /// Its id.
    pub node: NodeId,
    /// The cluster's keys.
    pub keys: KeySource,
}

impl Identity {
    /// A node with these keys for ever.
    pub fn new(node: NodeId, keys: ClusterKeys) -> Self {
        Self { node, keys: Arc::new(move || keys.clone()) }
    }
}

pub(crate) fn new_nonce() -> Hex32 {
    Hex32(rand::rng().random())
}

/// Writes who this is.
pub(crate) fn introduce(headers: &mut HeaderMap, node: NodeId, nonce: Hex32) {
    for (name, value) in [(NODE_ID, node.to_string()), (NONCE, nonce.to_string())] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
}

/// Reads who the other is.
pub(crate) fn introduced(headers: &HeaderMap) -> Option<(NodeId, Hex32)> {
    let node = text(headers, NODE_ID)?.parse().ok()?;
    Some((node, Hex32::parse(text(headers, NONCE)?)?))
}

pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Why a side without a key and one with a key do not come together.
pub(crate) const KEY_UNKNOWN: &str = "the cluster keys of the two nodes differ";
pub(crate) const KEY_MISSING_HERE: &str = "the peer has a cluster key and this node has none";
pub(crate) const KEY_MISSING_THERE: &str = "this node has a cluster key and the peer has none";
