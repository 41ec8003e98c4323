//! A wire that can be cut: a proxy in front of a port, which passes bytes, holds them back, or breaks connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::wait;

/// What the wire does with what comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Passes it on.
    Whole,
    /// Keeps it, in both directions, as a network that loses every packet.
    Silent,
    /// Resets every connection, and those to come.
    Cut,
}

/// The wire. It is cut when it is dropped.
pub struct Wire {
    address: SocketAddr,
    mode: watch::Sender<Mode>,
    limit: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

/// What the pumps of all connections share.
#[derive(Clone)]
struct Control {
    mode: watch::Sender<Mode>,
    /// Bytes to the port that still pass before the wire falls silent by itself.
    limit: Arc<AtomicU64>,
}

impl Wire {
    /// Listens on a port that the system chooses, on the same address.
    pub async fn before(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((target.ip(), 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (mode, limit) = (watch::Sender::new(Mode::Whole), Arc::new(AtomicU64::new(u64::MAX)));
        let control = Control { mode: mode.clone(), limit: Arc::clone(&limit) };
        let task = tokio::spawn(accept(listener, target, control));
        Self { address, mode, limit, task }
    }

    /// Its port, to be told as that of what is behind it.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Resets all connections, and each new one.
    pub fn cut(&self) {
        self.mode.send_replace(Mode::Cut);
    }

    /// Passes nothing more on, and says nothing.
    pub fn silence(&self) {
        self.mode.send_replace(Mode::Silent);
    }

    /// Passes everything again.
    pub fn heal(&self) {
        self.limit.store(u64::MAX, Ordering::SeqCst);
        self.mode.send_replace(Mode::Whole);
    }

    /// Falls silent when so many more bytes have gone to the port.
    pub fn silence_after(&self, bytes: u64) {
        self.limit.store(bytes, Ordering::SeqCst);
    }

    /// Waits until it has fallen silent.
    pub async fn silent(&self) {
        let mut mode = self.mode.subscribe();
        let silent = mode.wait_for(|&mode| mode == Mode::Silent);
        tokio::time::timeout(wait::PATIENCE, silent).await.expect("so many bytes come").unwrap();
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, control: Control) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        if *control.mode.borrow() == Mode::Cut {
            reset_on_drop(&client);
            continue;
        }
        let Ok(server) = TcpStream::connect(target).await else {
            reset_on_drop(&client);
            continue;
        };
        connections.spawn(join(client, server, control.clone()));
    }
}

async fn join(client: TcpStream, server: TcpStream, control: Control) {
    for stream in [&client, &server] {
        let _ = stream.set_nodelay(true);
    }
    let mut cut = control.mode.subscribe();
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let was_cut = tokio::select! {
        _ = cut.wait_for(|&mode| mode == Mode::Cut) => true,
        _ = async {
            tokio::join!(
                pump(&mut from_client, &mut to_server, &control, true),
                pump(&mut from_server, &mut to_client, &control, false),
            )
        } => false,
    };
    if was_cut {
        reset_on_drop(from_client.as_ref());
        reset_on_drop(from_server.as_ref());
    }
}

/// Passes on what comes until it ends, and then that it has ended.
async fn pump(from: &mut OwnedReadHalf, to: &mut OwnedWriteHalf, control: &Control, is_counted: bool) {
    let mut buffer = vec![0; 16 * 1024];
    let mut mode = control.mode.subscribe();
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if is_counted {
            let left = control.limit.load(Ordering::SeqCst);
            if left < count as u64 {
                control.mode.send_replace(Mode::Silent);
            } else if left < u64::MAX {
                control.limit.store(left - count as u64, Ordering::SeqCst);
            }
        }
        let passes = mode.wait_for(|&mode| mode == Mode::Whole).await.is_ok();
        if !passes || to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
    // The end, too, does not pass a silent wire.
    if mode.wait_for(|&mode| mode == Mode::Whole).await.is_ok() {
        let _ = to.shutdown().await;
    }
}

/// As a network does that breaks: what is on the way is lost.
fn reset_on_drop(stream: &TcpStream) {
    let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
}
