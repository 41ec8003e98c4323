//! Functions in this process: the real echo, and some that misbehave.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::Request;
use axum::routing::any;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

/// Starts the echo function, and answers its URL.
pub async fn echo() -> String {
    serve(echo::router()).await
}

/// Starts a function of this router, and answers its URL.
pub async fn serve(router: Router) -> String {
    let (listener, url) = listen().await;
    tokio::spawn(function_runtime::serve_until(listener, router, std::future::pending()));
    url
}

/// A function that answers each call only when the test lets it, and counts.
#[derive(Clone)]
pub struct Gate {
    open: Arc<Semaphore>,
    started: watch::Sender<usize>,
    cancelled: Arc<AtomicUsize>,
}

/// Counts a call that ended before it was answered.
struct Unanswered(Option<Arc<AtomicUsize>>);

impl Drop for Unanswered {
    fn drop(&mut self) {
        if let Some(cancelled) = &self.0 {
            cancelled.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Gate {
    /// Starts the function, and answers its URL.
    pub async fn start() -> (Self, String) {
        let gate = Self {
            open: Arc::new(Semaphore::new(0)),
            started: watch::Sender::new(0),
            cancelled: Arc::default(),
        };
        let function = gate.clone();
        let url = serve(Router::new().fallback(any(move |_: Request| function.clone().answer()))).await;
        (gate, url)
    }

    async fn answer(self) -> &'static str {
        self.started.send_modify(|started| *started += 1);
        let mut unanswered = Unanswered(Some(self.cancelled));
        self.open.acquire().await.unwrap().forget();
        unanswered.0 = None;
        "through the gate"
    }

    /// Lets this many calls be answered, those that wait and those to come.
    pub fn let_through(&self, calls: usize) {
        self.open.add_permits(calls);
    }

    /// Waits until this many calls in all have reached the function.
    pub async fn started(&self, calls: usize) {
        let mut started = self.started.subscribe();
        let reached = started.wait_for(|&count| count >= calls);
        tokio::time::timeout(crate::wait::PATIENCE, reached)
            .await
            .expect("calls reach the function")
            .unwrap();
    }

    /// Calls that reached the function.
    pub fn count_started(&self) -> usize {
        *self.started.borrow()
    }

    /// Calls whose caller went away before the answer.
    pub fn count_cancelled(&self) -> usize {
        self.cancelled.load(Ordering::SeqCst)
    }
}

/// A function that reads the head of each request and then does with the connection what it is told.
pub async fn raw<F: Future<Output = ()> + Send + 'static>(
    behave: impl Fn(TcpStream) -> F + Send + 'static,
) -> String {
    let (listener, url) = listen().await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await;
            tokio::spawn(behave(stream));
        }
    });
    url
}

/// Writes this and hangs up.
pub async fn say(mut stream: TcpStream, text: &'static str) {
    let _ = stream.write_all(text.as_bytes()).await;
}

/// A URL at which nobody listens.
pub async fn nobody() -> String {
    listen().await.1
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}
