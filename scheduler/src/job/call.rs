use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use protocol::peer::Open;
use protocol::{NodeId, headers};
use scheduling::{PolicyChoice, TASK_TYPES_MAX, TaskType};

use super::failure::Failure;

/// The path under which functions are called.
pub(crate) const PATH_PREFIX: &str = "/function/";

/// faas-cli appends the namespace to the name; there is only this one.
const NAMESPACE: &str = ".openfaas-fn";

const BYPASS: HeaderName = HeaderName::from_static(headers::BYPASS);
const DEADLINE_MS: HeaderName = HeaderName::from_static(headers::DEADLINE_MS);
const FORWARD: HeaderName = HeaderName::from_static(headers::FORWARD);
const IDEMPOTENT: HeaderName = HeaderName::from_static(headers::IDEMPOTENT);
const REJECT: HeaderName = HeaderName::from_static(headers::REJECT);
const TRACING_ID: HeaderName = HeaderName::from_static(headers::TASK_TRACING_ID);
const TASK_TYPE: HeaderName = HeaderName::from_static(headers::TASK_TYPE);

/// A call as its caller sent it: a client, or a peer that took it from one.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) id: HeaderValue,
    pub(super) tracing_id: Option<HeaderValue>,
    pub(super) function: String,
    pub(super) method: Method,
    /// What the function sees as its path, and the query.
    pub(super) path_and_query: PathAndQuery,
    pub(super) headers: HeaderMap,
    pub(super) client: Option<IpAddr>,
    pub(super) task_type: TaskType,
    /// Within which the answer is wanted, counted from the arrival.
    pub(super) deadline: Option<Duration>,
    pub(super) policy: PolicyChoice,
    /// It may run more than once.
    pub(super) idempotent: bool,
    /// Times that it was handed from node to node.
    pub(super) hops: u8,
    /// The nodes that it came through.
    pub(super) visited: Vec<NodeId>,
}

impl Call {
    /// What a client asks for.
    pub(super) fn parse(request: Request, id: HeaderValue) -> Result<(Self, Body), Failure> {
        let (parts, body) = request.into_parts();
        let (function, path_and_query) = split_path(&parts.uri)?;
        let client = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|client| client.0.ip());
        let call = Self {
            id,
            tracing_id: parts.headers.get(TRACING_ID).cloned(),
            function,
            method: parts.method,
            path_and_query,
            client,
            task_type: read_task_type(&parts.headers)?,
            deadline: read_deadline(&parts.headers)?,
            policy: read_policy(&parts.headers),
            idempotent: read_idempotent(&parts.headers)?,
            hops: 0,
            visited: Vec::new(),
            headers: parts.headers,
        };
        Ok((call, body))
    }

    /// What a peer hands on.
    pub(super) fn handed_on(open: Open) -> Result<Self, Failure> {
        let task_type = TaskType::new(usize::from(open.task_type));
        let header = |text: &str| HeaderValue::from_str(text).ok();
        Ok(Self {
            id: header(&open.call_id).unwrap_or(HeaderValue::from_static("unknown")),
            tracing_id: open.tracing_id.as_deref().and_then(header),
            function: open.function.as_str().to_owned(),
            method: open.method,
            path_and_query: open.path,
            client: None,
            task_type: task_type.ok_or_else(|| no_task_type(&open.task_type.to_string()))?,
            deadline: open.deadline_ms.map(Duration::from_millis),
            policy: read_policy(&open.headers),
            idempotent: open.idempotent,
            hops: open.hops,
            visited: open.visited,
            headers: open.headers,
        })
    }
}

/// The id that the caller gave, or a new one.
pub(super) fn call_id(headers: &HeaderMap) -> HeaderValue {
    let given = headers.get(super::CALL_ID).filter(|id| !id.is_empty() && id.to_str().is_ok());
    given.cloned().unwrap_or_else(|| {
        let mut text = uuid::Uuid::encode_buffer();
        let id = uuid::Uuid::new_v4().as_hyphenated().encode_lower(&mut text);
        HeaderValue::from_str(id).unwrap_or(HeaderValue::from_static("unknown"))
    })
}

/// The wall clock at a moment that has passed, as OpenFaaS writes it.
pub(super) fn unix_nanoseconds_before(moment: Instant) -> HeaderValue {
    let at = SystemTime::now().checked_sub(moment.elapsed()).unwrap_or(UNIX_EPOCH);
    let nanoseconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    HeaderValue::from(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

/// Takes `/function/NAME` off the path. The rest and the query stay as they came.
fn split_path(uri: &http::Uri) -> Result<(String, PathAndQuery), Failure> {
    let path = uri.path().strip_prefix(PATH_PREFIX).unwrap_or_default();
    let (name, rest) = match path.find('/') {
        Some(slash) => path.split_at(slash),
        None => (path, "/"),
    };
    let function = name.strip_suffix(NAMESPACE).unwrap_or(name).to_owned();
    let path_and_query = match uri.query() {
        None if rest == "/" => PathAndQuery::from_static("/"),
        None => PathAndQuery::try_from(rest).map_err(|error| malformed("path", rest, &error))?,
        Some(query) => {
            let text = format!("{rest}?{query}");
            PathAndQuery::try_from(text.as_str()).map_err(|error| malformed("path", &text, &error))?
        }
    };
    Ok((function, path_and_query))
}

fn read_policy(headers: &HeaderMap) -> PolicyChoice {
    let set = |name| headers.get(name).is_some_and(|value: &HeaderValue| !value.is_empty());
    if set(REJECT) {
        PolicyChoice::Reject
    } else if set(BYPASS) {
        PolicyChoice::Bypass
    } else if set(FORWARD) {
        PolicyChoice::Forward
    } else {
        PolicyChoice::Configured
    }
}

fn read_task_type(headers: &HeaderMap) -> Result<TaskType, Failure> {
    let number = read_number(headers, TASK_TYPE)?.unwrap_or(0);
    let task_type = usize::try_from(number).ok().and_then(TaskType::new);
    task_type.ok_or_else(|| no_task_type(&number.to_string()))
}

fn no_task_type(text: &str) -> Failure {
    malformed(headers::TASK_TYPE, text, &format!("task types are below {TASK_TYPES_MAX}"))
}

fn read_idempotent(headers: &HeaderMap) -> Result<bool, Failure> {
    match headers.get(IDEMPOTENT).map(HeaderValue::as_bytes) {
        None | Some(b"" | b"false") => Ok(false),
        Some(b"true") => Ok(true),
        Some(other) => {
            let text = String::from_utf8_lossy(other);
            Err(malformed(headers::IDEMPOTENT, &text, &"true or false is allowed"))
        }
    }
}

fn read_deadline(headers: &HeaderMap) -> Result<Option<Duration>, Failure> {
    Ok(read_number(headers, DEADLINE_MS)?.map(Duration::from_millis))
}

fn read_number(headers: &HeaderMap, name: HeaderName) -> Result<Option<u64>, Failure> {
    let Some(value) = headers.get(&name).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(value.as_bytes());
    match text.trim().parse() {
        Ok(number) => Ok(Some(number)),
        Err(_) => Err(malformed(name.as_str(), &text, &"a whole number is allowed")),
    }
}

fn malformed(what: &str, value: &str, why: &dyn std::fmt::Display) -> Failure {
    Failure::Malformed(format!("{what} is {value:?}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(uri: &str, headers: &[(&str, &str)]) -> Result<Call, Failure> {
        let mut request = http::Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let id = HeaderValue::from_static("id");
        Call::parse(request.body(Body::empty()).unwrap(), id).map(|(call, _)| call)
    }

    #[test]
    fn the_prefix_goes_and_the_rest_arrives_as_it_was_sent() {
        for (uri, function, rest) in [
            ("/function/echo", "echo", "/"),
            ("/function/echo/", "echo", "/"),
            ("/function/echo.openfaas-fn", "echo", "/"),
            ("/function/echo?a=1", "echo", "/?a=1"),
            ("/function/echo/a//b%20c?x=%2F&y", "echo", "/a//b%20c?x=%2F&y"),
            ("/function/%3F", "%3F", "/"),
        ] {
            let call = parse(uri, &[]).unwrap();
            assert_eq!((call.function.as_str(), call.path_and_query.as_str()), (function, rest), "{uri}");
        }
    }

    #[test]
    fn headers_choose_policy_type_and_deadline() {
        let call = parse("/function/f", &[]).unwrap();
        assert_eq!((call.policy, call.deadline), (PolicyChoice::Configured, None));
        let call = parse(
            "/function/f",
            &[(headers::BYPASS, "yes"), (headers::TASK_TYPE, "3"), (headers::DEADLINE_MS, "250")],
        )
        .unwrap();
        assert_eq!(call.policy, PolicyChoice::Bypass);
        assert_eq!(call.task_type.index(), 3);
        assert_eq!(call.deadline, Some(Duration::from_millis(250)));
        for (name, policy) in
            [(headers::REJECT, PolicyChoice::Reject), (headers::FORWARD, PolicyChoice::Forward)]
        {
            assert_eq!(parse("/function/f", &[(name, "1")]).unwrap().policy, policy);
        }
        for (value, idempotent) in [("true", true), ("false", false), ("", false)] {
            assert_eq!(parse("/function/f", &[(headers::IDEMPOTENT, value)]).unwrap().idempotent, idempotent);
        }
    }

    #[test]
    fn headers_that_make_no_sense_are_refused_by_name() {
        for (name, value) in [
            (headers::TASK_TYPE, "64"),
            (headers::TASK_TYPE, "x"),
            (headers::DEADLINE_MS, "-1"),
            (headers::IDEMPOTENT, "yes"),
        ] {
            let error = parse("/function/f", &[(name, value)]).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains(value), "{error}");
        }
    }

    #[test]
    fn a_call_keeps_its_id_or_gets_one() {
        let mut headers = HeaderMap::new();
        let made = call_id(&headers);
        assert_eq!(made.len(), 36);
        headers.insert(super::super::CALL_ID, HeaderValue::from_static("mine"));
        assert_eq!(call_id(&headers), "mine");
    }
}
