//! `experiment` against servers that answer as nodes do, in this process.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

use std::convert::Infallible;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bench::experiment::{Options, command};
use bytes::Bytes;
use clap::{Args, Command, FromArgMatches};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// A server that answers as the scheduler and the learner of a node do, and keeps what it was told.
#[derive(Clone)]
struct Fake {
    url: String,
    told: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    async fn start(id: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let fake = Self { url, told: Arc::default() };
        let answering = fake.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let fake = answering.clone();
                let service = service_fn(move |request| {
                    let fake = fake.clone();
                    async move { Ok::<_, Infallible>(fake.answer(id, request).await) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        fake
    }

    async fn answer(&self, id: &str, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        let path = parts.uri.path();
        let told = format!("{} {} {body}", parts.method, parts.uri);
        let answer = Response::builder();
        let (answer, text) = match path {
            "/health" => (answer, json!({"status": "ok"})),
            "/nodes" => (answer, json!({"self": {"id": id}})),
            "/monitoring/load" => {
                (answer, json!({"running": 0, "slots": 1, "waiting": 0, "queue_length_max": 0}))
            }
            "/function/echo" => {
                // The second node gives its calls to the first, and every call whose number is odd is rejected.
                let there =
                    answer.header("x-p2pfaas-hops", 1).header("x-p2pfaas-peers-list-id", r#"["b","a"]"#);
                let answer = if id == "b" { there } else { Response::builder() };
                let is_odd = parts.uri.query().unwrap().ends_with(['1', '3', '5', '7', '9']);
                (answer.status(if is_odd { 503 } else { 200 }), json!("answer"))
            }
            "/configuration/scheduler" if body.contains("Refused") => {
                (answer.status(422), json!({"message": "no such policy"}))
            }
            _ => (answer, json!({})),
        };
        self.told.lock().unwrap().push(told);
        answer.body(Full::new(Bytes::from(text.to_string()))).unwrap()
    }

    fn was_told(&self, what: &str) -> usize {
        self.told.lock().unwrap().iter().filter(|told| told.contains(what)).count()
    }
}

fn options(file: &Path, output: &Path) -> Options {
    let words = ["experiment".as_ref(), file.as_os_str(), "--output".as_ref(), output.as_os_str()];
    let matches = Options::augment_args(Command::new("experiment")).get_matches_from(words);
    Options::from_arg_matches(&matches).unwrap()
}

fn file(nodes: &[&Fake], duration_s: f64) -> String {
    let nodes: Vec<_> =
        nodes.iter().map(|fake| json!({"scheduler": fake.url, "learner": fake.url, "rate": 100})).collect();
    json!({
        "title": "Fakes",
        "nodes": nodes,
        "function": "echo",
        "tasks": [{"query": "seed={seed}", "deadline_ms": 5000}],
        "deadlines": "sent",
        "policies": [
            {"name": "one", "policy": {"name": "NoScheduler", "parameters": ["false"]}},
            {
                "name": "two",
                "policy": {"name": "LearningScheduler", "parameters": ["1"]},
                "agent": {"name": "LinUcb", "parameters": {"ridge": 2.0}}
            }
        ],
        "seeds": [1, 2],
        "duration_s": duration_s,
        "warm_up_s": 0
    })
    .to_string()
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn policies_are_installed_driven_and_compared() {
    let (a, b) = (Fake::start("a").await, Fake::start("b").await);
    let folder = tempfile::tempdir().unwrap();
    let (path, output) = (folder.path().join("fakes.json"), folder.path().join("out"));
    fs::write(&path, file(&[&a, &b], 0.5)).unwrap();
    let page = command(&options(&path, &output), &CancellationToken::new()).await.unwrap();

    for fake in [&a, &b] {
        assert_eq!(
            fake.was_told(r#"POST /configuration/scheduler {"name":"NoScheduler","parameters":["false"]}"#),
            2
        );
        assert_eq!(
            fake.was_told(r#"/configuration/scheduler {"name":"LearningScheduler","parameters":["1"]}"#),
            2
        );
        assert_eq!(
            fake.was_told(r#"POST /learner/parameters {"name":"LinUcb","parameters":{"ridge":2.0}}"#),
            2
        );
        assert_eq!(fake.was_told("POST /learner/reset"), 2);
    }
    let calls = lines(&output.join("calls.csv"));
    let made = a.was_told("/function/echo") + b.was_told("/function/echo");
    assert_eq!(calls.len(), 1 + made, "each call has its line");
    let of = |policy: &str| -> Vec<String> {
        let own = calls.iter().filter(|line| line.starts_with(policy));
        // What was planned: seed, time, node, task. The rest is what became of it.
        own.map(|line| line.split(',').skip(1).take(4).collect::<Vec<_>>().join(",")).collect()
    };
    let [mut one, mut two] = [of("one"), of("two")];
    one.sort();
    two.sort();
    assert_eq!(one, two, "both policies had the same calls");
    let ran_on_first = |line: &&String| line.contains(",node 2,0,200,") && line.ends_with(",1,1,node 1,");
    let given_on = calls.iter().filter(ran_on_first).count();
    assert_eq!(given_on, calls.iter().filter(|line| line.contains(",node 2,0,200,")).count());
    assert!(given_on > 0);
    assert_eq!(lines(&output.join("runs.csv")).len(), 5);
    let summary = lines(&output.join("summary.csv"));
    assert!(
        summary[2].ends_with(",1.0000,0.0000,1.0000,0.0000"),
        "the fakes serve both alike: {}",
        summary[2]
    );
    assert!(page.contains("## Against one") && page.contains("| two"), "{page}");
    assert_eq!(fs::read_to_string(output.join("experiment.json")).unwrap(), file(&[&a, &b], 0.5));
    for plot in ["comparison.svg", "latency.svg", "learning.svg"] {
        let svg = fs::read_to_string(output.join(plot)).unwrap();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{plot}");
        assert!(
            svg.contains("Fakes") && svg.contains(">one</text>") && svg.contains(">two</text>"),
            "{plot}"
        );
        assert!(!svg.contains("NaN"), "{plot}");
    }
}

#[tokio::test]
async fn what_was_measured_before_a_stop_is_kept() {
    let fake = Fake::start("a").await;
    let folder = tempfile::tempdir().unwrap();
    let (path, output) = (folder.path().join("fakes.json"), folder.path().join("out"));
    fs::write(&path, file(&[&fake], 3600.0)).unwrap();
    let stop = CancellationToken::new();
    let options = options(&path, &output);
    let stopping = async {
        while fake.was_told("/function/echo") < 20 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        stop.cancel();
    };
    let (ended, ()) = tokio::join!(command(&options, &stop), stopping);
    assert!(ended.unwrap_err().to_string().contains("stopped before a run was complete"));
    assert!(lines(&output.join("calls.csv")).len() > 1, "the calls that ended are there");
}

#[tokio::test]
async fn a_node_that_refuses_a_policy_is_named_with_what_it_said() {
    let fake = Fake::start("a").await;
    let folder = tempfile::tempdir().unwrap();
    let (path, output) = (folder.path().join("fakes.json"), folder.path().join("out"));
    fs::write(&path, file(&[&fake], 1.0).replace("NoScheduler", "Refused")).unwrap();
    let error = command(&options(&path, &output), &CancellationToken::new()).await.unwrap_err();
    let error = format!("{error:#}");
    assert!(
        error.contains(&fake.url) && error.contains("422") && error.contains("no such policy"),
        "{error}"
    );
}
