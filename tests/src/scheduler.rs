//! A scheduler in this process.

use reqwest::{Client, Method, RequestBuilder};
use scheduler::{Scheduler, Settings};
use serde_json::{Value, json};
use service::Running;
use service::settings::{Sources, Store};
use tempfile::TempDir;

/// A scheduler on a port of its own, with a data folder of its own.
pub struct Node {
    running: Running<Scheduler>,
    client: Client,
    _data: TempDir,
}

impl Node {
    /// Starts a scheduler that knows these functions at fixed addresses, and no Docker.
    pub async fn start(functions: &[(&str, &[&str])]) -> Self {
        Self::start_with(functions, &[]).await
    }

    /// The same, with some settings as the environment has them.
    pub async fn start_with(functions: &[(&str, &[&str])], variables: &[(&str, &str)]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let endpoints: serde_json::Map<String, Value> =
            functions.iter().map(|(name, urls)| ((*name).to_owned(), json!(urls))).collect();
        let path = data.path().to_str().unwrap();
        let endpoints = Value::from(endpoints).to_string();
        let own = [
            ("P2PFAAS_LISTENING_HOST", "127.0.0.1"),
            ("P2PFAAS_LISTENING_PORT", "0"),
            ("P2PFAAS_DATA_PATH", path),
            ("P2PFAAS_DOCKER_ENABLED", "false"),
            ("P2PFAAS_ENDPOINTS", &endpoints),
        ];
        // What a test sets comes first, because the first of two variables of a name counts.
        let variables = variables.iter().chain(&own);
        let variables = variables.map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let store = Store::<Settings>::load(&Sources { file: None, variables }).unwrap();
        let running = Running::start(store).await.unwrap();
        Self { running, client: Client::new(), _data: data }
    }

    /// A request to this node.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address()))
    }

    /// A GET of this path.
    pub fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    /// A POST to this path.
    pub fn post(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path)
    }

    /// Changes settings, which must succeed.
    pub async fn patch(&self, settings: Value) {
        let answer =
            self.request(Method::PATCH, "/configuration").body(settings.to_string()).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    }

    /// The jobs that run and those that wait, as `/monitoring/load` tells them.
    pub async fn load(&self) -> (u64, u64) {
        let load: Value = self.get("/monitoring/load").send().await.unwrap().json().await.unwrap();
        (load["running"].as_u64().unwrap(), load["waiting"].as_u64().unwrap())
    }

    /// Waits until so many jobs run and so many wait.
    pub async fn until_load(&self, running: u64, waiting: u64) {
        crate::wait::until(&format!("{running} jobs run and {waiting} wait"), async || {
            self.load().await == (running, waiting)
        })
        .await;
    }

    /// Where it listens.
    pub fn address(&self) -> std::net::SocketAddr {
        self.running.address()
    }

    /// Drains it: returns when all that it accepted has ended.
    pub async fn drain(&self) {
        self.running.drain().await;
    }
}
