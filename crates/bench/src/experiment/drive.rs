//! Open-loop load: calls are made when they are due, whatever became of those before.

use std::sync::Arc;
use std::time::Duration;

use protocol::headers;
use reqwest::{Client, RequestBuilder};
use tokio::select;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::call::{Call, End, Planned, Route};
use super::file::Task;

/// Between two reports of how far a run is; more often is more than one can read.
const REPORT_EVERY: Duration = Duration::from_millis(500);

/// What is called, and how.
pub(super) struct Driver {
    client: Client,
    /// The URL of the function on each node.
    urls: Vec<String>,
    tasks: Arc<[Task]>,
    outstanding_max: usize,
    timeout: Duration,
}

impl Driver {
    pub(super) fn new(
        client: Client,
        urls: Vec<String>,
        tasks: Arc<[Task]>,
        outstanding_max: usize,
        timeout: Duration,
    ) -> Self {
        Self { client, urls, tasks, outstanding_max, timeout }
    }

    /// Makes these calls, which are in the order of their times, and waits for all answers. `report` is told
    /// every now and then which calls have ended since.
    ///
    /// Where `stop` is cancelled the calls on their way are dropped, and none is returned that did not end.
    pub(super) async fn drive(
        &self,
        plan: &[Planned],
        stop: &CancellationToken,
        mut report: impl FnMut(Duration, &[Call]),
    ) -> Vec<Call> {
        let start = Instant::now();
        let mut calls = Vec::with_capacity(plan.len());
        let mut flying = JoinSet::new();
        let mut plan = plan.iter().copied().peekable();
        let mut ticks = interval(REPORT_EVERY);
        while plan.peek().is_some() || !flying.is_empty() {
            let due = plan.peek().map(|planned| start + planned.at);
            select! {
                () = stop.cancelled() => break,
                Some(ended) = flying.join_next(), if !flying.is_empty() => calls.extend(ended.ok()),
                () = sleep_until(due.unwrap_or(start)), if due.is_some() => {
                    let Some(planned) = plan.next() else { continue };
                    if flying.len() < self.outstanding_max {
                        flying.spawn(self.call(planned, start + planned.at));
                    } else {
                        calls.push(ended(planned, End::NotSent, Duration::ZERO, Route::default()));
                    }
                }
                _ = ticks.tick() => report(start.elapsed(), &calls),
            }
        }
        calls
    }

    /// Makes one call.
    fn call(&self, planned: Planned, due: Instant) -> impl Future<Output = Call> + Send + use<> {
        let request = self.request(planned);
        let patience = self.timeout;
        async move {
            let answer = timeout(patience, answer(request)).await;
            let (end, route) = match answer {
                Ok(Ok((status, route))) => (End::Answered(status), route),
                Ok(Err(_)) => (End::Broken, Route::default()),
                Err(_) => (End::TimedOut, Route::default()),
            };
            ended(planned, end, due.elapsed(), route)
        }
    }

    fn request(&self, planned: Planned) -> RequestBuilder {
        let task = &self.tasks[planned.task];
        let seed = planned.seed.to_string();
        let url = &self.urls[planned.node];
        let url = match task.query.as_str() {
            "" => url.clone(),
            query => format!("{url}?{}", query.replace("{seed}", &seed)),
        };
        let request = match task.body.as_str() {
            "" => self.client.get(url),
            body => self.client.post(url).body(body.replace("{seed}", &seed)),
        };
        let request = request.header(headers::TASK_TYPE, planned.task);
        match task.deadline.filter(|_| task.tells_deadline) {
            Some(deadline) => request.header(headers::DEADLINE_MS, deadline.as_millis().to_string()),
            None => request,
        }
    }
}

async fn answer(request: RequestBuilder) -> reqwest::Result<(u16, Route)> {
    let answer = request.send().await?;
    let (status, route) = (answer.status().as_u16(), Route::of(answer.headers()));
    answer.bytes().await?;
    Ok((status, route))
}

fn ended(planned: Planned, end: End, latency: Duration, route: Route) -> Call {
    Call { planned, end, latency, route }
}
