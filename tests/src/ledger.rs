//! A function that writes down each call in a file, so that a test sees what ran, where and how often.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::any;
use tempfile::NamedTempFile;
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt;

use crate::{function, wait};

/// The path below which calls are held until the test lets them go on.
pub const HOLD: &str = "/hold";

/// The function on all nodes, with one file for all its calls. It obeys the orders of the echo function.
#[derive(Clone)]
pub struct Ledger(Arc<Book>);

struct Book {
    file: NamedTempFile,
    open: Semaphore,
    started: watch::Sender<usize>,
    gone: AtomicUsize,
}

/// One run of the function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The node that it ran for.
    pub node: String,
    /// The id of the call.
    pub call: String,
}

/// Counts a call whose caller went away before the answer.
struct Unanswered<'a>(Option<&'a Book>);

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if let Some(book) = self.0 {
            book.gone.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Ledger {
    /// An empty one.
    pub fn new() -> Self {
        Self(Arc::new(Book {
            file: NamedTempFile::new().unwrap(),
            open: Semaphore::new(0),
            started: watch::Sender::new(0),
            gone: AtomicUsize::new(0),
        }))
    }

    /// Starts the function for one node, and answers its URL.
    pub async fn serve(&self, node: &str) -> String {
        let (ledger, node) = (self.clone(), node.to_owned());
        let answer = move |request: Request| ledger.clone().answer(node.clone(), request);
        function::serve(Router::new().fallback(any(answer))).await
    }

    async fn answer(self, node: String, request: Request) -> Response {
        let book = &*self.0;
        let call = request.headers().get("x-call-id").and_then(|id| id.to_str().ok()).unwrap_or("none");
        let mut file = File::options().append(true).open(book.file.path()).unwrap();
        file.write_all(format!("{node} {call}\n").as_bytes()).unwrap();
        book.started.send_modify(|started| *started += 1);
        let mut unanswered = Unanswered(Some(book));
        if request.uri().path().starts_with(HOLD) {
            book.open.acquire().await.unwrap().forget();
        }
        let response = echo::router().oneshot(request).await.unwrap();
        unanswered.0 = None;
        response
    }

    /// Lets so many held calls go on, those that wait and those to come.
    pub fn let_through(&self, calls: usize) {
        self.0.open.add_permits(calls);
    }

    /// Waits until so many calls in all have reached the function.
    pub async fn started(&self, calls: usize) {
        let mut started = self.0.started.subscribe();
        let reached = started.wait_for(|&count| count >= calls);
        tokio::time::timeout(wait::PATIENCE, reached).await.expect("calls reach the function").unwrap();
    }

    /// Waits until the callers of so many calls have gone before they were answered.
    pub async fn until_gone(&self, calls: usize) {
        let what = format!("{calls} callers have gone");
        wait::until(&what, async || self.0.gone.load(Ordering::SeqCst) >= calls).await;
    }

    /// All runs, in order.
    pub fn runs(&self) -> Vec<Run> {
        let text = std::fs::read_to_string(self.0.file.path()).unwrap();
        let run = |line: &str| {
            let (node, call) = line.split_once(' ').unwrap();
            Run { node: node.to_owned(), call: call.to_owned() }
        };
        text.lines().map(run).collect()
    }

    /// The names of the nodes that it ran for, in order.
    pub fn nodes(&self) -> Vec<String> {
        self.runs().into_iter().map(|run| run.node).collect()
    }

    /// Asserts that no call ran more than once, and answers how many ran.
    pub fn assert_nothing_ran_twice(&self) -> usize {
        let mut calls: Vec<_> = self.runs().into_iter().map(|run| run.call).collect();
        let runs = calls.len();
        calls.sort();
        calls.dedup();
        assert_eq!(calls.len(), runs, "a call ran twice");
        runs
    }
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}
