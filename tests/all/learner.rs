//! The learner over HTTP and its session, and what survives its end.

mod http;
mod original;
mod page;
mod session;
mod snapshots;

use learner::{Learner, Settings};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use service::Running;
use service::settings::{Sources, Store};
use tempfile::TempDir;

/// A learner in this process, with a data folder of its own.
struct Node {
    running: Running<Learner>,
    client: Client,
    data: TempDir,
}

impl Node {
    async fn start(variables: &[(&str, &str)]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), variables).await
    }

    async fn start_in(data: TempDir, variables: &[(&str, &str)]) -> Self {
        let path = data.path().to_str().unwrap();
        let own = [
            ("P2PFAAS_LISTENING_HOST", "127.0.0.1"),
            ("P2PFAAS_LISTENING_PORT", "0"),
            ("P2PFAAS_DATA_PATH", path),
        ];
        let variables = variables.iter().chain(&own);
        let variables = variables.map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let store = Store::<Settings>::load(&Sources { file: None, variables }).unwrap();
        let running = Running::start(store).await.unwrap();
        Self { running, client: Client::new(), data }
    }

    /// Drains and stops it as a signal does, and gives its data.
    async fn stop(self) -> TempDir {
        self.running.drain().await;
        self.running.stop().await;
        self.data
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.running.address()))
    }

    async fn get(&self, path: &str) -> Value {
        self.request(Method::GET, path).send().await.unwrap().json().await.unwrap()
    }

    /// The status and body of an answer.
    async fn send(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let answer = self.request(method, path).body(body.to_string()).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// The body of a POST that succeeds.
    async fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.send(Method::POST, path, body).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    async fn stats(&self) -> Value {
        self.get("/learner/stats").await
    }
}

fn sample(eid: u64, state: &[f64], action: u32, reward: f64) -> Value {
    json!({"eid": eid, "state": state, "action": action, "reward": reward})
}

/// Samples that teach an agent with numbered actions that action 2 is better than action 1.
fn lesson(from: u64, count: u64) -> Value {
    let samples = from..from + count;
    samples.map(|eid| sample(eid, &[0.0, 1.0], 1 + (eid % 2) as u32, (eid % 2) as f64)).collect()
}
