//! Very many jobs, after which nothing of them is left.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::{Client, RequestBuilder};
use tests::cluster::{Cluster, Part};
use tests::function;
use tests::ledger::Ledger;
use tokio::task::JoinSet;

use super::nodes;

/// Jobs; more by hand.
const JOBS_DEFAULT: usize = 20_000;
const JOBS_VARIABLE: &str = "P2PFAAS_TEST_JOBS";
/// Callers at once.
const CALLERS: usize = 32;
/// Before memory is looked at for the first time: buffers, pools and histograms have their size then.
const WARM_UP: usize = 5_000;
/// What a process may hold more after all jobs than after those of the warm-up. A leak of 512 bytes a job would be
/// seen over 20,000.
const GROWTH_BYTES_MAX: u64 = 10_000_000;
/// Connections that idle at one look and not at the other.
const GROWTH_FILES_MAX: usize = 2 * CALLERS;

/// Makes so many calls, some at once; each must be answered 200.
async fn make(calls: usize, call: &RequestBuilder) {
    let left = Arc::new(AtomicUsize::new(calls));
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (left, call) = (Arc::clone(&left), call.try_clone().unwrap());
        callers.spawn(async move {
            let one_less = |left: usize| left.checked_sub(1);
            while left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok() {
                let answer = call.try_clone().unwrap().send().await.unwrap();
                assert_eq!(answer.status(), 200);
                assert_eq!(answer.bytes().await.unwrap(), "hello");
            }
        });
    }
    callers.join_all().await;
}

/// Resident bytes, and open files.
fn held_by(pid: u32) -> (u64, usize) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kilobytes: u64 = line.trim().strip_suffix(" kB").unwrap().parse().unwrap();
    (kilobytes * 1_024, std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count())
}

fn all_held(cluster: &mut Cluster) -> Vec<(u64, usize)> {
    cluster.nodes_mut().iter_mut().map(|node| held_by(node.pid(Part::Scheduler).unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn very_many_jobs_leave_nothing_behind() {
    let jobs = std::env::var(JOBS_VARIABLE).map_or(JOBS_DEFAULT, |text| text.parse().unwrap());
    let echo = function::echo().await;
    let mut setup = tests::cluster::Setup::of(3);
    for number in [2, 3] {
        setup.function(number, "f", &echo);
    }
    let mut cluster = setup.start().await;
    let call = cluster.node(1).call("");
    make(WARM_UP, &call).await;
    cluster.until_idle().await;
    let before = all_held(&mut cluster);
    make(jobs, &call).await;
    cluster.until_idle().await;
    let after = all_held(&mut cluster);
    println!("after {jobs} jobs: {after:?}; before: {before:?}");
    for (number, ((bytes, files), (bytes_before, files_before))) in (1..).zip(after.into_iter().zip(before)) {
        assert!(bytes <= bytes_before + GROWTH_BYTES_MAX, "node {number}: {bytes_before} to {bytes} bytes");
        assert!(files <= files_before + GROWTH_FILES_MAX, "node {number}: {files_before} to {files} files");
    }
    let total = (jobs + WARM_UP) as f64;
    let answered = cluster.node(1).metric("p2pfaas_forwards_total{became=\"answered\"}").await;
    assert_eq!(answered, total);
    let far = cluster.node(2).metric("p2pfaas_jobs_total").await
        + cluster.node(3).metric("p2pfaas_jobs_total").await;
    assert_eq!(far, total);
}

/// What ends badly frees as much as what ends well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_that_end_in_all_kinds_of_ways_leave_nothing_behind() {
    let ledger = Ledger::new();
    let mut setup = nodes(3, &ledger).await;
    setup.places(4, 4);
    setup.policy("ForwardScheduler", &["2"]);
    let cluster = setup.start().await;
    let mut calls = JoinSet::new();
    for number in 0..600 {
        let node = cluster.node(1 + number % 3);
        let call = match number % 8 {
            0 => node.call("?status=404"),
            1 => node.call("?abort_after=10"),
            2 => node.call("").body(vec![1; 100_000]),
            3 => node.call("?size=200000"),
            4 => node.call("?delay_ms=50").header("x-p2pfaas-deadline-ms", "20"),
            5 => node.call("?delay_ms=50").timeout(Duration::from_millis(20)),
            6 => node.call("").header("x-p2pfaas-idempotent", "true"),
            _ => node.call("").header("x-p2pfaas-deadline-ms", "2000"),
        };
        calls.spawn(outcome(call));
        if calls.len() >= CALLERS {
            calls.join_next().await.unwrap().unwrap();
        }
    }
    calls.join_all().await;
    cluster.until_idle().await;
    for node in cluster.nodes() {
        assert_eq!(node.metric("p2pfaas_link_malformed_total").await, 0.0);
        let answer = Client::new().get(node.url(Part::Scheduler, "/function/f")).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }
}

/// Takes the answer whole, if one comes, and asserts that it is one of those that may come.
async fn outcome(call: RequestBuilder) {
    let Ok(answer) = call.send().await else {
        return;
    };
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap_or_default();
    // A function that breaks off so early that nothing of it is with the caller yet has simply failed.
    let is_failure = status == 502 && text.contains("\"code\":5,");
    assert!(is_failure || [200, 404, 503, 504].contains(&status), "{status}: {text}");
}
