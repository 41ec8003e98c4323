//! What a measurement says, for people and for machines.

use std::{collections::BTreeMap, fmt};

use anyhow::{Context, bail};
use serde::Serialize;

use super::{Plan, tally::Tally};

const NS_PER_MS: f64 = 1e6;

/// The result of one measurement.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// What was called, such as `POST http://127.0.0.1:8080/function/echo`.
    pub call: String,
    /// Bytes of each request's body.
    pub body_bytes: usize,
    /// Connections, each with at most one call in flight.
    pub connections: usize,
    /// Whether every call opened a connection of its own.
    pub new_connections: bool,
    /// Calls a second that were intended; none for a closed loop.
    pub offered_per_s: Option<f64>,
    /// How long was measured.
    pub elapsed_s: f64,
    /// Calls that were answered, with whatever status.
    pub answers: u64,
    /// Answers a second.
    pub requests_per_s: f64,
    /// Bytes of the bodies of all answers.
    pub received_bytes: u64,
    /// Bytes of the bodies of all calls that were answered.
    pub sent_bytes: u64,
    /// Latency of all answers.
    pub latency_ms: Latency,
    /// Answers by status, those of 2xx left out.
    pub statuses_not_2xx: BTreeMap<u16, u64>,
    /// Calls and connections that failed, by kind.
    pub errors: BTreeMap<String, u64>,
    /// Calls still in flight when the time was over.
    pub unfinished: u64,
}

/// Percentiles of latency, in milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Latency {
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Longest.
    pub max: f64,
}

impl Report {
    pub(super) fn new(plan: &Plan, tally: &Tally) -> Self {
        let answers = tally.latencies_ns.len();
        let elapsed_s = tally.elapsed.as_secs_f64();
        Self {
            call: format!("{} {}", plan.template.method(), plan.target),
            body_bytes: plan.template.body_bytes(),
            connections: plan.connections.get(),
            new_connections: plan.new_connections,
            offered_per_s: plan.rate,
            elapsed_s,
            answers,
            requests_per_s: if elapsed_s > 0.0 { answers as f64 / elapsed_s } else { 0.0 },
            received_bytes: tally.received_bytes,
            sent_bytes: tally.sent_bytes,
            latency_ms: Latency::of(tally),
            statuses_not_2xx: tally
                .statuses
                .iter()
                .filter(|(status, _)| !status.is_success())
                .map(|(status, &count)| (status.as_u16(), count))
                .collect(),
            errors: tally.failures.iter().map(|(kind, &count)| (kind.to_string(), count)).collect(),
            unfinished: tally.in_flight,
        }
    }

    /// Everything that did not go as asked: failures, and answers other than 2xx.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.errors.values().chain(self.statuses_not_2xx.values()).sum()
    }

    /// The report as one line of JSON.
    ///
    /// # Errors
    /// When serde refuses a value.
    pub fn json(&self) -> anyhow::Result<String> {
        serde_json::to_string(self).context("cannot write the report as JSON")
    }

    /// # Errors
    /// When no call was answered although some were tried.
    pub fn check_answered(&self) -> anyhow::Result<()> {
        if self.answers == 0 && !self.errors.is_empty() {
            bail!("no call was answered ({})", counts(&self.errors));
        }
        Ok(())
    }
}

impl Latency {
    fn of(tally: &Tally) -> Self {
        let ms = |ns: u64| ns as f64 / NS_PER_MS;
        let at = |quantile| ms(tally.latencies_ns.value_at_quantile(quantile));
        Self { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: ms(tally.latencies_ns.max()) }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connections = if self.new_connections { "a new one each call" } else { "kept alive" };
        writeln!(f, "{}, {} B body", self.call, self.body_bytes)?;
        writeln!(f, "{:.1} s, {} connections, {connections}", self.elapsed_s, self.connections)?;
        if let Some(rate) = self.offered_per_s {
            writeln!(f, "offered/s    {rate:.1}")?;
        }
        writeln!(f, "requests/s   {:.1} ({} answers)", self.requests_per_s, self.answers)?;
        let (received, sent) = (megabytes(self.received_bytes), megabytes(self.sent_bytes));
        writeln!(f, "transferred  {received:.1} MB received, {sent:.1} MB sent (bodies)")?;
        let Latency { p50, p90, p99, max } = self.latency_ms;
        write!(f, "latency ms   p50 {p50:.3}  p90 {p90:.3}  p99 {p99:.3}  max {max:.3}")?;
        if !self.statuses_not_2xx.is_empty() {
            write!(f, "\nstatuses     {}", counts(&self.statuses_not_2xx))?;
        }
        if !self.errors.is_empty() {
            write!(f, "\nerrors       {}", counts(&self.errors))?;
        }
        if self.unfinished > 0 {
            write!(f, "\nunfinished   {}", self.unfinished)?;
        }
        Ok(())
    }
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn counts<K: fmt::Display>(counts: &BTreeMap<K, u64>) -> String {
    counts.iter().map(|(kind, count)| format!("{kind}: {count}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hyper::StatusCode;

    use super::{super::failure::Failure, *};

    fn report() -> Report {
        let mut tally = Tally { elapsed: Duration::from_secs(2), ..Tally::default() };
        for status in [StatusCode::OK, StatusCode::OK, StatusCode::SERVICE_UNAVAILABLE] {
            tally.begin();
            tally.answer(status, Duration::from_millis(4), 128, 128);
        }
        tally.fail(Failure::Refused);
        Report::new(&Plan::get("http://127.0.0.1:1/x".parse().unwrap()).unwrap(), &tally)
    }

    #[test]
    fn every_answer_counts_and_every_other_end_is_told() {
        let report = report();
        assert_eq!((report.answers, report.requests_per_s, report.failed()), (3, 1.5, 2));
        assert!((report.latency_ms.p50 - 4.0).abs() < 0.01);
        let text = report.to_string();
        for part in ["GET http://127.0.0.1:1/x", "1.5 (3 answers)", "503: 1", "refused: 1"] {
            assert!(text.contains(part), "{part} in:\n{text}");
        }
        assert!(report.json().unwrap().contains(r#""statuses_not_2xx":{"503":1}"#));
    }

    #[test]
    fn only_a_run_without_any_answer_is_an_error() {
        let mut report = report();
        assert!(report.check_answered().is_ok());
        report.answers = 0;
        assert!(report.check_answered().unwrap_err().to_string().contains("refused: 1"));
    }
}
