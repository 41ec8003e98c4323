//! `p2pfaas-bench load`: load on one URL.
//!
//! Each connection has at most one call in flight. In a closed loop it makes the next call as soon as the
//! last is answered; under a rate (an open loop) it makes each call at its intended time, and latency counts
//! from there, so that a server that stalls cannot hide the calls it held up. All connections are open before
//! the clock starts.
//!
//! The generator often shares its cores with what it measures: it has one runtime a thread, nothing shared
//! between threads, one task a connection, and copies no body.

mod caller;
mod failure;
mod link;
mod pace;
mod report;
mod request;
mod tally;
mod target;
mod worker;

use std::{
    num::NonZeroUsize,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use bytes::Bytes;
use hyper::{
    Method, StatusCode,
    header::{HeaderName, HeaderValue},
};
use tokio::{sync::Barrier, task::JoinSet};
use tokio_util::sync::CancellationToken;

use self::{
    link::{Link, exchange},
    tally::Tally,
    worker::Worker,
};
pub use self::{
    report::{Latency, Report},
    request::Template,
    target::Target,
};
use crate::{
    arguments::{self, PositiveDuration},
    open_files,
};

/// Two threads drive what one machine's services can answer, and leave them the other cores.
const THREADS_DEFAULT: NonZeroUsize = NonZeroUsize::new(2).expect("two is not zero");
const DURATION_DEFAULT: PositiveDuration = PositiveDuration::from_millis(10_000);
/// Far above the latency of a service that works; a call that takes longer counts as failed.
const TIMEOUT_DEFAULT: PositiveDuration = PositiveDuration::from_millis(30_000);

/// Arguments of `load`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// What to call, such as http://127.0.0.1:18080/function/echo
    url: Target,
    /// Connections, each with at most one call in flight
    #[arg(short, long, default_value = "16")]
    connections: NonZeroUsize,
    /// How long to measure, such as 10s or 500ms
    #[arg(short, long, default_value_t = DURATION_DEFAULT)]
    duration: PositiveDuration,
    /// Threads of the generator
    #[arg(short, long, default_value_t = THREADS_DEFAULT)]
    threads: NonZeroUsize,
    /// Send a generated body of this many bytes
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "body")]
    body_bytes: usize,
    /// Send the content of a file
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// Method [default: POST with a body, GET without]
    #[arg(short, long)]
    method: Option<Method>,
    /// Header to send, as `Name: value`; may be repeated
    #[arg(short = 'H', long = "header", value_name = "HEADER", value_parser = arguments::header)]
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Open a connection for each call instead of keeping them
    #[arg(long)]
    new_connections: bool,
    /// Calls a second of all connections together, at fixed times; latency counts from the intended time
    #[arg(short, long, value_name = "R", value_parser = arguments::positive_rate)]
    rate: Option<f64>,
    /// How long to wait for an answer
    #[arg(long, default_value_t = TIMEOUT_DEFAULT)]
    timeout: PositiveDuration,
    /// Print one line of JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// One measurement: what to call, and how.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What to call.
    pub target: Target,
    /// The call itself.
    pub template: Template,
    /// Connections, each with at most one call in flight.
    pub connections: NonZeroUsize,
    /// How long to measure.
    pub duration: Duration,
    /// Threads of the generator.
    pub threads: NonZeroUsize,
    /// Open a connection for each call.
    pub new_connections: bool,
    /// Calls a second of all connections together; none is a closed loop.
    pub rate: Option<f64>,
    /// How long to wait for an answer.
    pub timeout: Duration,
}

impl Plan {
    /// GET over one connection, with the defaults of the command line elsewhere.
    ///
    /// # Errors
    /// When the host of `target` cannot stand in a header.
    pub fn get(target: Target) -> anyhow::Result<Self> {
        Self::with_body(target, Bytes::new())
    }

    /// POST of `body` over one connection, with the defaults of the command line elsewhere.
    ///
    /// # Errors
    /// When the host of `target` cannot stand in a header.
    pub fn with_body(target: Target, body: Bytes) -> anyhow::Result<Self> {
        Ok(Self {
            template: Template::new(&target, None, &[], body)?,
            target,
            connections: NonZeroUsize::MIN,
            duration: DURATION_DEFAULT.get(),
            threads: THREADS_DEFAULT,
            new_connections: false,
            rate: None,
            timeout: TIMEOUT_DEFAULT.get(),
        })
    }

    fn from_options(options: &Options) -> anyhow::Result<Self> {
        let body = match &options.body {
            Some(file) => {
                std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?.into()
            }
            None => Template::filler(options.body_bytes),
        };
        Ok(Self {
            template: Template::new(&options.url, options.method.clone(), &options.headers, body)?,
            target: options.url.clone(),
            connections: options.connections,
            duration: options.duration.get(),
            threads: options.threads,
            new_connections: options.new_connections,
            rate: options.rate,
            timeout: options.timeout.get(),
        })
    }
}

/// Measures what `options` ask for.
///
/// # Errors
/// When the body cannot be read, the files do not suffice, or nobody answers at the URL.
pub async fn command(options: &Options, stop: &CancellationToken) -> anyhow::Result<Report> {
    let plan = Plan::from_options(options)?;
    open_files::allow(plan.connections.get())?;
    run(plan, stop).await
}

/// Measures until the plan's time is over or `stop` is cancelled, and reports what was measured so far.
///
/// # Errors
/// When no address of the target takes a connection, or a thread cannot start.
pub async fn run(plan: Plan, stop: &CancellationToken) -> anyhow::Result<Report> {
    let address = tokio::select! {
        address = plan.target.reach() => address?,
        () = stop.cancelled() => return Ok(Report::new(&plan, &Tally::default())),
    };
    let plan = Arc::new(plan);
    let connections = plan.connections.get();
    let threads = plan.threads.get().min(connections);
    let all_open = Arc::new(Barrier::new(threads));
    // A worker that fails ends the others, which would wait for it at the barrier.
    let stop_workers = stop.child_token();
    let mut workers = JoinSet::new();
    for thread in 0..threads {
        let worker = Worker {
            plan: plan.clone(),
            address,
            connections: share(connections, threads, thread),
            all_open: all_open.clone(),
            stop: stop_workers.clone(),
        };
        workers.spawn_blocking(move || worker.run());
    }
    let mut sum = Tally::default();
    let _stop_the_rest = stop_workers.drop_guard();
    while let Some(ended) = workers.join_next().await {
        let tally = ended.context("a thread of the generator broke down")?;
        sum.merge(&tally.context("cannot start a thread of the generator")?);
    }
    Ok(Report::new(&plan, &sum))
}

/// Makes a single GET over a connection of its own.
///
/// # Errors
/// When there is no complete answer within `timeout`.
pub async fn call_once(target: &Target, timeout: Duration) -> anyhow::Result<StatusCode> {
    let template = Template::new(target, None, &[], Bytes::new())?;
    let call = async {
        let link = Link::open(target.reach().await?, Instant::now() + timeout).await?;
        anyhow::Ok(link.converse(async |sender| exchange(sender, &template).await).await?.status)
    };
    tokio::time::timeout(timeout, call).await.context("no answer in time")?
}

/// The connections of one thread, when they are dealt out as evenly as they can be.
fn share(connections: usize, threads: usize, thread: usize) -> std::ops::Range<usize> {
    connections * thread / threads..connections * (thread + 1) / threads
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_dealt_out_evenly_and_completely() {
        let shares: Vec<_> = (0..3).map(|thread| share(16, 3, thread)).collect();
        assert_eq!(shares, [0..5, 5..10, 10..16]);
        assert_eq!(share(1, 1, 0), 0..1);
    }
}
