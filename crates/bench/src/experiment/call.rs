//! A call: when it is to be made, and what became of it.

use std::time::Duration;

use protocol::headers;
use reqwest::header::HeaderMap;

/// A call that is to be made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Planned {
    /// Time from the start of the run.
    pub(super) at: Duration,
    /// The node that it is sent to.
    pub(super) node: usize,
    pub(super) task: usize,
    /// What it may draw its work from, the same under every policy.
    pub(super) seed: u32,
}

/// A call that was made.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    pub(super) planned: Planned,
    pub(super) end: End,
    /// From the moment at which it was to be made to the end of the answer.
    pub(super) latency: Duration,
    pub(super) route: Route,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// With an answer of this status.
    Answered(u16),
    /// Without a whole answer.
    Broken,
    /// Without an answer in time.
    TimedOut,
    /// Not sent: too many others were on their way.
    NotSent,
}

/// What the headers of an answer tell of its way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Route {
    /// Times that it was handed from node to node.
    pub(super) hops: u32,
    /// The id of the node that ran it; none where that was the node that was called.
    pub(super) last: Option<String>,
    /// Why the fallback of a learning policy decided.
    pub(super) fallback: Option<String>,
}

impl Call {
    /// Whether it was answered with success.
    pub(super) fn succeeded(&self) -> bool {
        matches!(self.end, End::Answered(200..=299))
    }

    /// Whether it was answered with success, and within its deadline if it has one.
    pub(super) fn is_hit(&self, deadline: Option<Duration>) -> bool {
        self.succeeded() && deadline.is_none_or(|deadline| self.latency <= deadline)
    }

    /// Its latency in milliseconds.
    pub(super) fn latency_ms(&self) -> f64 {
        self.latency.as_secs_f64() * 1e3
    }
}

impl End {
    /// The status, or a word.
    pub(super) fn text(self) -> String {
        match self {
            Self::Answered(status) => status.to_string(),
            Self::Broken => "broken".to_owned(),
            Self::TimedOut => "timeout".to_owned(),
            Self::NotSent => "not sent".to_owned(),
        }
    }
}

impl Route {
    /// Reads what a scheduler tells; what is missing or not understood is as if it had not been handed on.
    pub(super) fn of(answer: &HeaderMap) -> Self {
        let text = |name: &str| answer.get(name).and_then(|value| value.to_str().ok());
        let ids: Vec<String> =
            text(headers::PEERS_LIST_ID).and_then(|list| serde_json::from_str(list).ok()).unwrap_or_default();
        Self {
            hops: text(headers::HOPS).and_then(|hops| hops.parse().ok()).unwrap_or_default(),
            last: ids.into_iter().next_back(),
            fallback: text(headers::LEARNING_FALLBACK).map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(pairs: &[(&'static str, &'static str)]) -> Route {
        let pairs = pairs.iter().map(|&(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        Route::of(&HeaderMap::from_iter(pairs))
    }

    #[test]
    fn the_last_of_the_nodes_passed_ran_it() {
        let told = route(&[(headers::HOPS, "1"), (headers::PEERS_LIST_ID, r#"["0a","0b"]"#)]);
        assert_eq!(told, Route { hops: 1, last: Some("0b".to_owned()), fallback: None });
        assert_eq!(route(&[]), Route::default());
        assert_eq!(route(&[(headers::HOPS, "x"), (headers::PEERS_LIST_ID, "[")]), Route::default());
        let fallen_back = route(&[(headers::LEARNING_FALLBACK, "shadow")]);
        assert_eq!(fallen_back.fallback.as_deref(), Some("shadow"));
    }

    #[test]
    fn a_hit_is_a_success_in_time() {
        let planned = Planned { at: Duration::ZERO, node: 0, task: 0, seed: 0 };
        let call =
            |end, ms| Call { planned, end, latency: Duration::from_millis(ms), route: Route::default() };
        let deadline = Some(Duration::from_millis(100));
        assert!(call(End::Answered(200), 100).is_hit(deadline));
        assert!(!call(End::Answered(200), 101).is_hit(deadline));
        assert!(call(End::Answered(200), 101).is_hit(None));
        for end in [End::Answered(503), End::Broken, End::TimedOut, End::NotSent] {
            assert!(!call(end, 1).is_hit(deadline), "{end:?}");
        }
    }
}
