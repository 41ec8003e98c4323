//! A scheduler in a container that finds functions in containers, as `make up` has it. The images are
//! those that `make images` builds.

use std::time::Duration;

use reqwest::{Client, StatusCode};
use serde_json::Value;
use tests::docker::{Container, Network, docker};
use tests::{photograph, wait};

/// A node of one scheduler on a network of its own.
struct Cluster {
    scheduler: Container,
    network: Network,
    url: String,
    client: Client,
}

impl Cluster {
    /// Starts the scheduler; `test` keeps names apart from those of other tests.
    async fn start(test: &str) -> Self {
        let network = Network::create(&format!("p2pfaas-test-{test}"));
        let scheduler = Container::run(
            &format!("p2pfaas-test-{test}-scheduler"),
            &[
                "--network",
                network.name(),
                "--publish",
                "127.0.0.1::18080",
                "--read-only",
                "--cap-drop",
                "ALL",
                "--security-opt",
                "no-new-privileges:true",
                "--volume",
                "/var/run/docker.sock:/var/run/docker.sock",
                "p2pfaas/scheduler",
            ],
        );
        let address = docker(&["port", scheduler.name(), "18080/tcp"]);
        let url = format!("http://{}", address.lines().next().unwrap());
        let cluster = Self { scheduler, network, url, client: Client::new() };
        wait::until("the scheduler follows Docker", async || {
            match cluster.client.get(format!("{}/health", cluster.url)).send().await {
                Ok(answer) => answer.json::<Value>().await.unwrap()["degraded"]["docker"].is_null(),
                Err(_) => false,
            }
        })
        .await;
        cluster
    }

    fn function(&self, name: &str, image: &str, words: &[&str]) -> Container {
        let name = format!("{}-{name}", self.network.name());
        Container::run(&name, &[&["--network", self.network.name()], words, &[image]].concat())
    }

    async fn call(&self, function: &str, body: impl Into<reqwest::Body>) -> reqwest::Response {
        let url = format!("{}/function/{function}", self.url);
        self.client.post(url).body(body).send().await.unwrap()
    }

    /// Calls with a deadline, because a call that reaches a container as it is paused is never answered.
    async fn until_status(&self, function: &str, status: StatusCode) -> Duration {
        let call = || {
            let call = self.client.post(format!("{}/function/{function}", self.url)).body("x");
            call.header("x-p2pfaas-deadline-ms", "200").send()
        };
        let what = format!("{function} answers {status}");
        wait::until(&what, async || call().await.unwrap().status() == status).await
    }
}

#[tokio::test]
async fn a_photograph_goes_in_and_faces_come_out() {
    let cluster = Cluster::start("faces").await;
    let _function =
        cluster.function("any-name", "p2pfaas/face-recognition", &["--label", "p2pfaas.function=faces"]);
    cluster.until_status("faces", StatusCode::BAD_REQUEST).await;
    for (name, faces) in [("family.jpg", 4..=4), ("familyr_320p.jpg", 3..=4)] {
        let answer = cluster.call("faces", photograph(name)).await;
        assert_eq!(answer.status(), 200);
        let found: Value = answer.json().await.unwrap();
        assert!(faces.contains(&found["faces"].as_array().unwrap().len()), "{name}: {found}");
    }
    let drawn = cluster.call("faces?output=image", photograph("family.jpg")).await;
    assert_eq!(drawn.headers()["content-type"], "image/jpeg");
    let why = cluster.call("faces", "no picture").await;
    assert_eq!(why.status(), 400);
}

/// The example of the project's first README: the function on Docker's default network, with its port
/// published, and the name of the container as the name of the function.
#[tokio::test]
async fn a_function_on_another_network_is_reached_by_its_published_port() {
    let cluster = Cluster::start("published").await;
    let name = "p2pfaas-test-published-function";
    let function = Container::run(name, &["--publish", "8080", "p2pfaas/face-recognition"]);
    cluster.until_status(name, StatusCode::BAD_REQUEST).await;
    let answer = cluster.call(name, r#"{"image": "base64_image_data"}"#).await;
    assert_eq!(answer.status(), 400, "the placeholder of the example is no picture");
    drop(function);
    let _unpublished = Container::run(name, &["p2pfaas/echo"]);
    cluster.until_status(name, StatusCode::BAD_GATEWAY).await;
    let why: Value = cluster.call(name, "x").await.json().await.unwrap();
    assert!(why["message"].as_str().unwrap().contains("--network"), "{why}");
}

/// Prints how long each change took to be seen: tens of milliseconds, where a second is promised.
#[tokio::test]
async fn a_container_that_starts_pauses_or_ends_is_usable_or_gone() {
    let cluster = Cluster::start("events").await;
    let name = "p2pfaas-test-events-echo";
    for _ in 0..3 {
        let function = cluster.function("echo", "p2pfaas/echo", &[]);
        let usable = cluster.until_status(name, StatusCode::OK).await;
        println!("usable {usable:?} after docker run returned");
        function.order("pause");
        let gone = cluster.until_status(name, StatusCode::NOT_FOUND).await;
        function.order("unpause");
        let back = cluster.until_status(name, StatusCode::OK).await;
        drop(function);
        let removed = cluster.until_status(name, StatusCode::NOT_FOUND).await;
        println!("paused {gone:?}, back {back:?}, removed {removed:?}");
    }
}

#[tokio::test]
async fn replicas_share_the_calls_and_one_may_die() {
    let cluster = Cluster::start("replicas").await;
    let label = ["--label", "p2pfaas.function=echo"];
    let replicas: Vec<_> =
        ["one", "other"].iter().map(|name| cluster.function(name, "p2pfaas/echo", &label)).collect();
    cluster.until_status("echo", StatusCode::OK).await;
    let calls: Vec<_> = (0..40)
        .map(|_| {
            let call = cluster.client.post(format!("{}/function/echo?delay_ms=50&info=1", cluster.url));
            tokio::spawn(call.send())
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().status(), 200);
    }
    replicas[0].order("kill");
    for _ in 0..50 {
        let status = cluster.call("echo", "x").await.status();
        assert!(status == 200 || status == 502, "{status}");
    }
    cluster.until_status("echo", StatusCode::OK).await;
}

#[tokio::test]
async fn our_own_services_are_no_functions_and_stop_cleanly() {
    let cluster = Cluster::start("own").await;
    for name in [cluster.scheduler.name(), "scheduler"] {
        assert_eq!(cluster.call(name, "").await.status(), 404);
    }
    cluster.scheduler.order("stop");
    let state = docker(&["inspect", "--format", "{{.State.ExitCode}}", cluster.scheduler.name()]);
    assert_eq!(state, "0", "{}", cluster.scheduler.logs());
}

/// Docker's socket stands behind a proxy here, which can be taken away while the Engine itself, on which
/// the other tests depend, stays up.
#[tokio::test]
async fn docker_may_go_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("docker.sock");
    let host = format!("unix://{}", socket.display());
    let settings = [("P2PFAAS_DOCKER_ENABLED", "true"), ("P2PFAAS_DOCKER_HOST", host.as_str())];
    let node = tests::scheduler::Node::start_with(&[], &settings).await;
    let degraded = async || {
        let health: Value = node.get("/health").send().await.unwrap().json().await.unwrap();
        !health["degraded"]["docker"].is_null()
    };
    let call =
        async || node.post("/function/p2pfaas-test-lost-echo").body("x").send().await.unwrap().status();
    wait::until("Docker is missed", degraded).await;

    let proxy = tests::docker::proxy(&socket);
    let _function = Container::run("p2pfaas-test-lost-echo", &["p2pfaas/echo"]);
    wait::until("the function is found", async || call().await == 200).await;

    drop(proxy);
    wait::until("Docker is missed again", degraded).await;
    assert_eq!(call().await, 200, "what was known goes on");

    let _other = Container::run("p2pfaas-test-lost-other", &["p2pfaas/echo"]);
    let _proxy = tests::docker::proxy(&socket);
    wait::until("what started meanwhile is found", async || {
        node.post("/function/p2pfaas-test-lost-other").send().await.unwrap().status() == 200
    })
    .await;
    wait::until("the report is whole", async || !degraded().await).await;
}
