//! A scheduler that asks its learner, and what becomes of the calls when that is slow, killed or started anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::Response;
use serde_json::{Value, json};
use tests::cluster::{Cluster, Part, Setup};
use tests::function;
use tests::wait;
use tokio::task::JoinHandle;

const FALLBACK: &str = "x-p2pfaas-scheduler-learning-fallback";
const ALWAYS: [&str; 4] = ["state", "action", "eps", "eid"];

/// Two nodes with the echo function, whose first asks its learner and gives it `timeout_us` to answer.
async fn nodes(policy: &[&str], timeout_us: u32) -> Cluster {
    let mut setup = Setup::of(2);
    for number in 1..=2 {
        setup.function(number, "f", &function::echo().await);
    }
    setup.policy("LearningScheduler", policy);
    setup.set(Part::Scheduler, "P2PFAAS_LEARNER_TIMEOUT_US", timeout_us);
    let cluster = setup.start().await;
    until_connected(&cluster, 1.0).await;
    cluster
}

async fn until_connected(cluster: &Cluster, connected: f64) {
    wait::until("the session with the learner is as it shall be", async || {
        cluster.node(1).metric("p2pfaas_learner_connected ").await == connected
    })
    .await;
}

/// Waits for fifty more answers of the learner in time.
async fn until_it_decides_again(cluster: &Cluster) {
    let answered = async || cluster.node(1).metric("p2pfaas_learner_answered_total ").await;
    let before = answered().await;
    wait::until("it decides again", async || answered().await > before + 50.0).await;
}

async fn stats(cluster: &Cluster) -> Value {
    let url = cluster.node(1).url(Part::Learner, "/learner/stats");
    reqwest::get(url).await.unwrap().json().await.unwrap()
}

fn learning(answer: &Response, name: &str) -> String {
    let header = format!("x-p2pfaas-scheduler-learning-{name}");
    answer.headers()[header.as_str()].to_str().unwrap().to_owned()
}

/// Calls one after the other until it is told to stop; answers how many there were, and how many of them
/// went by the fallback. Each must be answered by the function.
fn load(cluster: &Cluster, stop: &Arc<AtomicBool>) -> Vec<JoinHandle<(u32, u32)>> {
    let caller = |_| {
        let (request, stop) = (cluster.node(1).call(""), Arc::clone(stop));
        tokio::spawn(async move {
            let (mut calls, mut fallbacks) = (0, 0);
            while !stop.load(Ordering::Relaxed) {
                let answer = request.try_clone().unwrap().send().await.unwrap();
                assert_eq!(answer.status(), 200);
                for name in ALWAYS {
                    learning(&answer, name);
                }
                calls += 1;
                fallbacks += u32::from(answer.headers().contains_key(FALLBACK));
            }
            (calls, fallbacks)
        })
    };
    (0..4).map(caller).collect()
}

async fn end(stop: &AtomicBool, callers: Vec<JoinHandle<(u32, u32)>>) -> (u32, u32) {
    stop.store(true, Ordering::Relaxed);
    let mut sums = (0, 0);
    for caller in callers {
        let (calls, fallbacks) = caller.await.unwrap();
        sums = (sums.0 + calls, sums.1 + fallbacks);
    }
    sums
}

#[tokio::test]
async fn the_learner_decides_and_learns_from_every_job() {
    let cluster = nodes(&["2", "10000"], 2_000_000).await;
    for eid in 0..20 {
        let answer = cluster.node(1).call("").send().await.unwrap();
        assert_eq!(learning(&answer, "eid"), eid.to_string());
        assert_eq!(learning(&answer, "state"), "0,0,0,0,0");
        assert!(!answer.headers().contains_key(FALLBACK));
        let elsewhere = answer.headers().contains_key("x-p2pfaas-hops");
        assert_eq!(learning(&answer, "action"), if elsewhere { "3" } else { "1" });
    }
    wait::until("the learner has heard of all", async || stats(&cluster).await["accepted"] == 20).await;
    assert_eq!(stats(&cluster).await["mean_reward"], 1.0);
}

#[tokio::test]
async fn errors_carry_the_headers_too_and_are_worth_nothing() {
    let cluster = nodes(&["1", "10000", "deadline", "NoScheduler(false)", "act", "0"], 2_000_000).await;
    let answer = cluster.node(1).call("?status=500").send().await.unwrap();
    assert_eq!(answer.status(), 500);
    let late = cluster.node(1).call("?delay_ms=20000").header("x-p2pfaas-deadline-ms", "100");
    let late = late.send().await.unwrap();
    assert_eq!(late.status(), 504);
    for name in ALWAYS {
        learning(&answer, name);
        learning(&late, name);
    }
    wait::until("the learner has heard of both", async || stats(&cluster).await["accepted"] == 2).await;
    assert_eq!(stats(&cluster).await["mean_reward"], 0.0);
}

#[tokio::test]
async fn a_learner_killed_and_started_under_load_costs_no_call() {
    let mut cluster = nodes(&["1", "10000"], 2_000_000).await;
    let stop = Arc::new(AtomicBool::new(false));
    let callers = load(&cluster, &stop);
    wait::until("it decides", async || stats(&cluster).await["accepted"].as_u64() > Some(50)).await;

    cluster.node_mut(1).kill(Part::Learner).await.unwrap();
    until_connected(&cluster, 0.0).await;
    wait::until("fallbacks decide", async || {
        let name = "p2pfaas_learning_decisions_total{fallback=\"the learner";
        cluster.node(1).metric(name).await > 50.0
    })
    .await;

    cluster.node_mut(1).restart(Part::Learner).await.unwrap();
    until_connected(&cluster, 1.0).await;
    until_it_decides_again(&cluster).await;
    let (calls, fallbacks) = end(&stop, callers).await;
    assert!(fallbacks > 0 && calls > fallbacks, "{fallbacks} of {calls}");
}

/// A learner that is stopped still holds its connection: only its silence tells, and the breaker spares the
/// calls from waiting for it.
#[tokio::test]
async fn a_learner_that_is_paused_is_soon_not_asked_any_more() {
    let mut cluster = nodes(&["1", "10000"], 200_000).await;
    let stop = Arc::new(AtomicBool::new(false));
    let callers = load(&cluster, &stop);
    wait::until("it decides", async || stats(&cluster).await["accepted"].as_u64() > Some(50)).await;

    cluster.node_mut(1).pause(Part::Learner).unwrap();
    wait::until("it is not asked", async || {
        cluster.node(1).metric("p2pfaas_learner_unasked_total ").await > 50.0
    })
    .await;
    cluster.node_mut(1).resume(Part::Learner).unwrap();
    until_it_decides_again(&cluster).await;
    let (calls, fallbacks) = end(&stop, callers).await;
    assert!(fallbacks > 0 && calls > fallbacks, "{fallbacks} of {calls}");
}

#[tokio::test]
async fn in_the_shadow_the_fallback_decides_and_the_learner_learns() {
    let cluster = nodes(&["1", "10000", "deadline", "NoScheduler(false)", "shadow"], 2_000_000).await;
    for _ in 0..20 {
        let answer = cluster.node(1).call("").send().await.unwrap();
        assert_eq!(answer.headers()[FALLBACK], "shadow");
        assert_eq!(learning(&answer, "action"), "1");
        assert!(!answer.headers().contains_key("x-p2pfaas-hops"));
    }
    wait::until("the learner has heard of all", async || stats(&cluster).await["accepted"] == 20).await;
    let counted = cluster.node(1).metric("p2pfaas_learning_decisions_total{fallback=\"shadow\"").await;
    assert_eq!(counted, 20.0);
}

#[tokio::test]
async fn a_change_of_policy_under_load_loses_no_call() {
    let cluster = nodes(&["1", "10000"], 2_000_000).await;
    let stop = Arc::new(AtomicBool::new(false));
    let request = cluster.node(1).call("");
    let caller = {
        let stop = Arc::clone(&stop);
        tokio::spawn(async move {
            let mut calls = 0;
            while !stop.load(Ordering::Relaxed) {
                assert_eq!(request.try_clone().unwrap().send().await.unwrap().status(), 200);
                calls += 1;
            }
            calls
        })
    };
    for round in 0..20 {
        let policy = match round % 2 {
            0 => json!({"name": "PowerOfNScheduler", "parameters": ["1", "0", "false", "1"]}),
            _ => json!({"name": "LearningScheduler", "parameters": ["1"]}),
        };
        cluster.node(1).patch(Part::Scheduler, json!({ "scheduler": policy })).await;
    }
    stop.store(true, Ordering::Relaxed);
    assert!(caller.await.unwrap() > 0);
    cluster.until_idle().await;
}
