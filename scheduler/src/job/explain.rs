//! What the headers of every reply tell of its job: who decided, what, and how long each part took.

use std::fmt;
use std::time::Duration;

use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue};
use protocol::peer::Passed;
use protocol::{NodeId, headers};
use scheduling::Explanation;

use super::{CALL_ID, Record};
use crate::Shared;

const EXTERNALLY_EXECUTED: HeaderName = HeaderName::from_static(headers::EXTERNALLY_EXECUTED);
const HOPS: HeaderName = HeaderName::from_static(headers::HOPS);
const LEARNING_ACTION: HeaderName = HeaderName::from_static(headers::LEARNING_ACTION);
const LEARNING_EID: HeaderName = HeaderName::from_static(headers::LEARNING_EID);
const LEARNING_EPS: HeaderName = HeaderName::from_static(headers::LEARNING_EPS);
const LEARNING_FALLBACK: HeaderName = HeaderName::from_static(headers::LEARNING_FALLBACK);
const LEARNING_STATE: HeaderName = HeaderName::from_static(headers::LEARNING_STATE);
const PEERS_LIST_ID: HeaderName = HeaderName::from_static(headers::PEERS_LIST_ID);
const PEERS_LIST_IP: HeaderName = HeaderName::from_static(headers::PEERS_LIST_IP);
const SCHEDULER: HeaderName = HeaderName::from_static(headers::SCHEDULER);
const TASK_TRACING_ID: HeaderName = HeaderName::from_static(headers::TASK_TRACING_ID);
const TIMING_EXECUTION: HeaderName = HeaderName::from_static(headers::TIMING_EXECUTION);
const TIMING_PROBING: HeaderName = HeaderName::from_static(headers::TIMING_PROBING);
const TIMING_SCHEDULING: HeaderName = HeaderName::from_static(headers::TIMING_SCHEDULING);
const TIMING_TOTAL: HeaderName = HeaderName::from_static(headers::TIMING_TOTAL);
const VERSION: HeaderName = HeaderName::from_static(headers::VERSION);

/// The headers of a function's reply and those put here; most replies have fewer.
const USUAL_HEADERS: usize = 24;

/// The text of a list with an entry for each of two or three nodes.
const LIST_BYTES: usize = 64;

/// Puts the headers on a reply.
pub(super) fn explain(
    response: &mut Response,
    shared: &Shared,
    record: &Record,
    call_id: HeaderValue,
    tracing_id: Option<HeaderValue>,
) {
    let headers = response.headers_mut();
    headers.reserve(USUAL_HEADERS.saturating_sub(headers.len()));
    headers.insert(CALL_ID, call_id);
    headers.insert(VERSION, HeaderValue::from_static(service::VERSION));
    let in_force = || shared.admissions.policy().to_string();
    put(headers, SCHEDULER, record.policy.as_deref().map_or_else(in_force, str::to_owned));
    if let Some(tracing_id) = tracing_id {
        headers.insert(TASK_TRACING_ID, tracing_id);
    }
    let own = record.own_part(shared);
    let nodes = || std::iter::once(&own).chain(&record.passed);
    put(headers, TIMING_TOTAL, list(nodes(), |text, node| write_seconds(text, node.total_seconds)));
    put(headers, TIMING_SCHEDULING, list(nodes(), |text, node| write_seconds(text, node.scheduling_seconds)));
    put(headers, TIMING_PROBING, list(nodes(), |text, node| write_seconds(text, node.probing_seconds)));
    if let Some(seconds) = record.execution_seconds {
        let mut text = String::with_capacity(LIST_BYTES);
        write_seconds(&mut text, seconds);
        put(headers, TIMING_EXECUTION, text);
    }
    if !record.passed.is_empty() {
        headers.insert(EXTERNALLY_EXECUTED, HeaderValue::from_static("True"));
        headers.insert(HOPS, HeaderValue::from(record.passed.len()));
        put(headers, PEERS_LIST_IP, list(nodes(), write_address));
        put(
            headers,
            PEERS_LIST_ID,
            list(nodes(), |text, node| write(text, format_args!("\"{}\"", node.node))),
        );
    }
    if let Some(explanation) = &record.explanation {
        tell_learning(headers, explanation);
    }
}

fn tell_learning(headers: &mut HeaderMap, explanation: &Explanation) {
    let state: Vec<String> = explanation.state.iter().map(f64::to_string).collect();
    put(headers, LEARNING_STATE, state.join(","));
    put(headers, LEARNING_ACTION, explanation.action.to_string());
    put(headers, LEARNING_EPS, explanation.epsilon.to_string());
    put(headers, LEARNING_EID, explanation.eid.to_string());
    if let Some(why) = explanation.fallback {
        put(headers, LEARNING_FALLBACK, why.to_owned());
    }
}

fn put(headers: &mut HeaderMap, name: HeaderName, text: String) {
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.insert(name, value);
    }
}

impl Record {
    /// What the job has cost on this node until now.
    pub(super) fn own_part(&self, shared: &Shared) -> Passed {
        Passed {
            node: shared.directory.own_id().unwrap_or(NodeId::new(0)),
            address: shared.directory.own_address(),
            total_seconds: self.arrived.elapsed().as_secs_f64(),
            scheduling_seconds: self.scheduling.unwrap_or_default().as_secs_f64(),
            probing_seconds: self.probing.as_secs_f64(),
        }
    }
}

/// A JSON array with one entry a node, this one first.
fn list<'a>(nodes: impl Iterator<Item = &'a Passed>, entry: impl Fn(&mut String, &Passed)) -> String {
    let mut text = String::with_capacity(LIST_BYTES);
    for node in nodes {
        text.push(if text.is_empty() { '[' } else { ',' });
        entry(&mut text, node);
    }
    text.push(']');
    text
}

/// Microseconds are what the clocks are good for, and whole numbers are written several times as fast.
fn write_seconds(text: &mut String, seconds: f64) {
    let span = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    write(text, format_args!("{}.{:06}", span.as_secs(), span.subsec_micros()));
}

fn write_address(text: &mut String, node: &Passed) {
    match node.address {
        Some(address) => write(text, format_args!("\"{address}\"")),
        None => text.push_str("\"\""),
    }
}

fn write(text: &mut String, what: fmt::Arguments<'_>) {
    // A text takes whatever is written to it.
    let _ = fmt::Write::write_fmt(text, what);
}
