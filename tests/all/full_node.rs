//! Slots, queue, deadlines, policies and drain under real calls.

use std::time::Duration;

use reqwest::Response;
use serde_json::{Value, json};
use tests::function::{self, Gate};
use tests::scheduler::Node;
use tokio::task::JoinHandle;

type Call = JoinHandle<reqwest::Result<Response>>;

fn call(node: &Node) -> Call {
    tokio::spawn(node.get("/function/gate").send())
}

async fn refused(answer: Response, status: u16, code: u64) {
    assert_eq!(answer.status().as_u16(), status);
    let retry = answer.headers().contains_key("retry-after");
    assert!(answer.headers().contains_key("x-p2pfaas-scheduler"));
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["code"], code, "{body}");
    assert_eq!(retry, code == 400 || code == 503, "{body}");
    assert!(body["call_id"].is_string(), "{body}");
}

async fn start(slots: &str, queue: &str) -> (Gate, Node) {
    let (gate, url) = Gate::start().await;
    let settings = [("P2PFAAS_PARALLEL_RUNNING_FUNCTIONS_MAX", slots), ("P2PFAAS_QUEUE_LENGTH_MAX", queue)];
    let node = Node::start_with(&[("gate", &[&url])], &settings).await;
    (gate, node)
}

#[tokio::test]
async fn slots_then_queue_then_503() {
    let (gate, node) = start("1", "1").await;
    let first = call(&node);
    gate.started(1).await;
    let second = call(&node);
    node.until_load(1, 1).await;
    refused(node.get("/function/gate").send().await.unwrap(), 503, 400).await;
    gate.let_through(2);
    assert_eq!(first.await.unwrap().unwrap().status(), 200);
    assert_eq!(second.await.unwrap().unwrap().status(), 200);
    node.until_load(0, 0).await;
}

#[tokio::test]
async fn queue_off_means_503_when_the_slots_are_full() {
    let (gate, node) = start("1", "5").await;
    node.patch(json!({"queue_enabled": false})).await;
    let first = call(&node);
    gate.started(1).await;
    refused(node.get("/function/gate").send().await.unwrap(), 503, 400).await;
    gate.let_through(1);
    first.await.unwrap().unwrap();
}

#[tokio::test]
async fn more_slots_are_in_force_at_once() {
    let (gate, node) = start("1", "5").await;
    let calls = [call(&node), call(&node), call(&node)];
    node.until_load(1, 2).await;
    node.patch(json!({"parallel_running_functions_max": 3})).await;
    gate.started(3).await;
    assert_eq!(node.load().await, (3, 0));
    gate.let_through(3);
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().status(), 200);
    }
}

#[tokio::test]
async fn who_hangs_up_in_the_queue_leaves_it_and_never_runs() {
    let (gate, node) = start("1", "5").await;
    let first = call(&node);
    gate.started(1).await;
    let second = call(&node);
    node.until_load(1, 1).await;
    second.abort();
    node.until_load(1, 0).await;
    gate.let_through(5);
    first.await.unwrap().unwrap();
    node.until_load(0, 0).await;
    assert_eq!(gate.count_started(), 1);
}

#[tokio::test]
async fn a_deadline_passes_in_the_queue_and_in_the_function() {
    let (gate, node) = start("1", "5").await;
    let hasty = |node: &Node| node.get("/function/gate").header("x-p2pfaas-deadline-ms", "50");
    refused(hasty(&node).send().await.unwrap(), 504, 408).await;
    let first = call(&node);
    gate.started(2).await;
    refused(hasty(&node).send().await.unwrap(), 504, 408).await;
    assert_eq!(gate.count_started(), 2, "the one in the queue never ran");
    gate.let_through(2);
    first.await.unwrap().unwrap();
    let too_late = node.get("/function/gate").header("x-p2pfaas-deadline-ms", "0");
    refused(too_late.send().await.unwrap(), 504, 408).await;
}

#[tokio::test]
async fn the_time_out_is_a_setting_in_force_at_once() {
    let (gate, node) = start("1", "5").await;
    node.patch(json!({"function_timeout_ms": 30})).await;
    refused(node.get("/function/gate").send().await.unwrap(), 504, 408).await;
    node.until_load(0, 0).await;
    tests::wait::until("the function sees its caller go", async || gate.count_cancelled() == 1).await;
}

#[tokio::test]
async fn the_policy_changes_under_load_and_headers_overrule_it() {
    let (gate, node) = start("2", "5").await;
    let first = call(&node);
    gate.started(1).await;
    let reject = json!({"name": "RejectScheduler", "parameters": []}).to_string();
    let changed = node.post("/configuration/scheduler").body(reject).send().await.unwrap();
    assert_eq!(changed.status(), 200);
    refused(node.get("/function/gate").send().await.unwrap(), 503, 401).await;
    let bypass = node.get("/function/gate").header("x-p2pfaas-scheduler-bypass", "1");
    let bypass = tokio::spawn(bypass.send());
    gate.started(2).await;
    gate.let_through(2);
    assert_eq!(first.await.unwrap().unwrap().status(), 200);
    let bypass = bypass.await.unwrap().unwrap();
    assert_eq!(bypass.headers()["x-p2pfaas-scheduler"], "NoScheduler(false)");

    let back = json!({"name": "NoScheduler", "parameters": ["false"]}).to_string();
    node.post("/configuration/scheduler").body(back).send().await.unwrap();
    let reject = node.get("/function/gate").header("x-p2pfaas-scheduler-reject", "1");
    refused(reject.send().await.unwrap(), 503, 401).await;
}

#[tokio::test]
async fn a_policy_that_makes_no_sense_changes_nothing() {
    let (_gate, node) = start("1", "1").await;
    for (body, status, said) in [
        ("{", 400, "JSON"),
        (r#"{"name": "Nonesuch", "parameters": []}"#, 422, "PowerOfTwoScheduler"),
        (r#"{"name": "NoScheduler", "parameters": ["perhaps"]}"#, 422, "perhaps"),
        (r#"{"name": "NoScheduler", "parameters": []}"#, 422, "loss"),
        (r#"{"name": "NoScheduler", "parameters": [true]}"#, 422, "each parameter a text"),
        (r#"{"parameters": []}"#, 422, "each parameter a text"),
        (r#""NoScheduler(true)""#, 422, "an object with a name and parameters"),
    ] {
        let answer = node.post("/configuration/scheduler").body(body).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{body}");
        let answer = answer.text().await.unwrap();
        assert!(answer.contains(said), "{body}: {answer}");
    }
    let policy: Value = node.get("/configuration/scheduler").send().await.unwrap().json().await.unwrap();
    assert_eq!(policy, json!({"name": "NoScheduler", "parameters": ["false"]}));
}

/// Also on calls that no policy was asked about, and with the parameters that were left out.
#[tokio::test]
async fn the_policy_is_written_one_way_in_every_reply() {
    let (gate, node) = start("1", "1").await;
    let policy = json!({"name": "PowerOfTwoScheduler"}).to_string();
    assert_eq!(node.post("/configuration/scheduler").body(policy).send().await.unwrap().status(), 200);
    gate.let_through(1);
    for (path, status) in [("/function/gate", 200), ("/function/nonesuch", 404)] {
        let answer = node.get(path).send().await.unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers()["x-p2pfaas-scheduler"], "PowerOfTwoScheduler(2, false, 1)");
    }
}

#[tokio::test]
async fn a_draining_node_ends_what_it_accepted_and_takes_nothing_new() {
    let (gate, node) = start("1", "5").await;
    let accepted = [call(&node), call(&node)];
    node.until_load(1, 1).await;
    let drained = tokio::time::timeout(Duration::from_secs(20), async {
        tokio::join!(node.drain(), async {
            tests::wait::until("the node says that it drains", async || {
                node.get("/health").send().await.unwrap().status() == 503
            })
            .await;
            refused(node.get("/function/gate").send().await.unwrap(), 503, 503).await;
            gate.let_through(2);
        })
    });
    drained.await.expect("the node drains");
    for call in accepted {
        assert_eq!(call.await.unwrap().unwrap().status(), 200);
    }
}

/// The original's queue deadlocked in about one of twenty bursts.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn bursts_over_slots_and_queue_leave_nothing_behind() {
    let echo = function::echo().await;
    let settings = [("P2PFAAS_PARALLEL_RUNNING_FUNCTIONS_MAX", "4"), ("P2PFAAS_QUEUE_LENGTH_MAX", "4")];
    let node = Node::start_with(&[("gate", &[&echo])], &settings).await;
    for _ in 0..20 {
        let calls: Vec<_> = (0..100).map(|_| call(&node)).collect();
        let (mut served, mut refused) = (0, 0);
        for call in calls {
            match call.await.unwrap().unwrap().status().as_u16() {
                200 => served += 1,
                503 => refused += 1,
                status => panic!("{status}"),
            }
        }
        assert!(served >= 8, "{served} served");
        assert_eq!(served + refused, 100);
        node.until_load(0, 0).await;
    }
}
