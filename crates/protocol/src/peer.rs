//! The peer link: one scheduler hands jobs to another. Names of the handshake and the heads of its frames;
//! the frames themselves are in the crate `link`.
//!
//! Heads are JSON objects. Unknown keys are passed over, so that a minor version can add some; what changes
//! the meaning of a known one gets a new [`SUBPROTOCOL`].

mod text;

use std::net::IpAddr;

use http::uri::PathAndQuery;
use http::{HeaderMap, Method, StatusCode};
use serde::{Deserialize, Serialize};

use crate::{FunctionName, NodeId};

/// The WebSocket subprotocol of the peer link.
pub const SUBPROTOCOL: &str = "p2pfaas.peer.1";

/// The path that a peer link is opened at.
pub const PATH: &str = "/peer/link";

/// Handshake, both ways: the id of the node that sends it.
pub const NODE_ID: &str = "x-p2pfaas-peer-id";
/// Handshake, request: the id of the node that the dialler means to reach; absent where it knows none.
pub const EXPECTED_ID: &str = "x-p2pfaas-peer-expected-id";
/// Handshake, both ways: 32 random bytes in hexadecimal digits, new for each connection.
pub const NONCE: &str = "x-p2pfaas-peer-nonce";
/// Handshake, answer: the proof that the callee holds the cluster's key, in hexadecimal digits; absent
/// where it has none.
pub const PROOF: &str = "x-p2pfaas-peer-proof";

/// What the dialler of a callee with a key says first, in a text message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallerProof {
    /// The proof that the caller holds the cluster's key, in hexadecimal digits.
    pub proof: String,
}

/// OPEN: a job that is handed over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Open {
    /// The function to run.
    pub function: FunctionName,
    /// The method of the client's call.
    #[serde(with = "text::method")]
    pub method: Method,
    /// Path and query as the function is to see them.
    #[serde(with = "text::path")]
    pub path: PathAndQuery,
    /// The headers of the client's call.
    #[serde(default, with = "text::headers", skip_serializing_if = "HeaderMap::is_empty")]
    pub headers: HeaderMap,
    /// The id of the call, the same on each node that it passes.
    pub call_id: String,
    /// The client's own id for it, to be carried along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracing_id: Option<String>,
    /// The type of the task.
    #[serde(default)]
    pub task_type: u8,
    /// Times that the job was handed from node to node, this one included.
    pub hops: u8,
    /// The nodes that it came through, the first one first, the caller included.
    pub visited: Vec<NodeId>,
    /// What remains of its deadline; absent where the client set none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// Whether it may run more than once.
    #[serde(default, skip_serializing_if = "is_false")]
    pub idempotent: bool,
    /// The length of its body in bytes. The body is through when so many have come.
    pub body_length: u64,
}

/// RESPONSE: the head of a function's reply, or of the error that a job came to after it was accepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Response {
    /// The HTTP status.
    #[serde(with = "text::status")]
    pub status: StatusCode,
    /// The headers of the reply.
    #[serde(default, with = "text::headers", skip_serializing_if = "HeaderMap::is_empty")]
    pub headers: HeaderMap,
    /// Each node that the job passed from here on, the one that answers first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<Passed>,
    /// Seconds from the request to the function until the head of its reply; absent where none ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_seconds: Option<f64>,
    /// The length of the body in bytes, which is through when so many have come; absent where it is not
    /// known yet, and END tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_length: Option<u64>,
    /// The load of the callee; written by the link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<PeerLoad>,
}

/// What a job cost on one of the nodes that it passed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Passed {
    /// The node.
    pub node: NodeId,
    /// Its address, as the node before it dialled it; absent where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// Seconds from its arrival there until the head of the reply.
    pub total_seconds: f64,
    /// Seconds until it was started or handed on.
    pub scheduling_seconds: f64,
    /// Seconds spent on probes.
    pub probing_seconds: f64,
}

/// REFUSED: the job was not run, and may be tried elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// See [`crate::ErrorCode`].
    pub code: u16,
    /// Why, for people.
    pub message: String,
    /// The load of the callee; written by the link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<PeerLoad>,
}

/// RESET: one side gives a stream up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reset {
    /// Why.
    pub code: ResetCode,
}

/// Why a stream was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResetCode {
    /// Nobody waits for the answer any more.
    Cancelled,
    /// The function broke off in the middle of its reply.
    BrokeOff,
    /// The callee dropped the job without an answer.
    Failed,
    /// A reason that a later version knows.
    #[serde(other)]
    Unknown,
}

/// WINDOW: the reader of a stream has room for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// So many bytes more than granted before.
    pub bytes: u32,
}

/// LOAD: how busy a node is, and what the policies of its peers compare.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerLoad {
    /// Jobs that occupy a slot.
    pub running: u32,
    /// Jobs that wait for a slot.
    pub waiting: u32,
    /// Jobs that may run at once.
    pub slots: u32,
    /// Jobs that may wait.
    pub queue_length_max: u32,
    /// Time that a job occupies a slot, smoothed; 0 until one has run.
    #[serde(default)]
    pub service_time_us: u64,
    /// The node takes no new jobs.
    #[serde(default)]
    pub draining: bool,
    /// Grows by one with each report of the node, from the microsecond of its start on, so that a report
    /// that was overtaken is recognised, and its restart as well.
    #[serde(default)]
    pub epoch: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn open() -> Open {
        let mut headers = HeaderMap::new();
        headers.append("accept", HeaderValue::from_static("a"));
        headers.append("accept", HeaderValue::from_static("b"));
        headers.insert("x-odd", HeaderValue::from_bytes(&[b'"', 0xe9, 0xff, b'\t', 0x80]).unwrap());
        Open {
            function: "echo".parse().unwrap(),
            method: Method::from_bytes(b"PURGE").unwrap(),
            path: PathAndQuery::from_static("/a//b%20c?x=%2F&y"),
            headers,
            call_id: "c-1".to_owned(),
            tracing_id: None,
            task_type: 3,
            hops: 1,
            visited: vec![NodeId::new(1), NodeId::new(2)],
            deadline_ms: Some(250),
            idempotent: false,
            body_length: 5,
        }
    }

    #[test]
    fn a_job_survives_the_wire_with_repeated_and_odd_headers() {
        let wire = serde_json::to_vec(&open()).unwrap();
        assert_eq!(serde_json::from_slice::<Open>(&wire).unwrap(), open());
    }

    #[test]
    fn a_job_has_the_keys_that_other_implementations_read() {
        let mut open = open();
        open.headers.remove("x-odd");
        let expected = "{\"function\":\"echo\",\"method\":\"PURGE\",\"path\":\"/a//b%20c?x=%2F&y\",\
            \"headers\":[[\"accept\",\"a\"],[\"accept\",\"b\"]],\"call_id\":\"c-1\",\"task_type\":3,\"hops\":1,\
            \"visited\":[\"0000000000000001\",\"0000000000000002\"],\"deadline_ms\":250,\"body_length\":5}";
        assert_eq!(serde_json::to_string(&open).unwrap(), expected);
    }

    #[test]
    fn keys_of_a_later_version_are_passed_over() {
        let refused = r#"{"code":400,"message":"full","new":[1],"load":{"running":1,"waiting":0,"slots":4,
            "queue_length_max":4,"later":true}}"#;
        let refused: Refused = serde_json::from_str(refused).unwrap();
        assert_eq!(refused.load.unwrap().slots, 4);
        let reset: Reset = serde_json::from_str(r#"{"code":"of_a_later_version"}"#).unwrap();
        assert_eq!(reset.code, ResetCode::Unknown);
    }

    #[test]
    fn values_that_http_could_not_carry_are_refused() {
        for wrong in [
            r#"{"status":99}"#,
            r#"{"status":200,"headers":[["a b","c"]]}"#,
            r#"{"status":200,"headers":[["a","b\n"]]}"#,
            r#"{"status":200,"headers":[["a","\u0100"]]}"#,
        ] {
            assert!(serde_json::from_str::<Response>(wrong).is_err(), "{wrong}");
        }
    }
}
