//! A wire between two nodes that can be cut, or fall silent.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the wire does with what it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wire {
    Passes,
    /// Takes nothing in, and says nothing.
    Silent,
    /// Connections have ended, and new ones end at once.
    Cut,
}

pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    wire: Arc<watch::Sender<Wire>>,
}

impl Proxy {
    pub(crate) async fn before(callee: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let wire = Arc::new(watch::Sender::new(Wire::Passes));
        let subscriber = Arc::clone(&wire);
        tokio::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                if *subscriber.borrow() == Wire::Cut {
                    continue;
                }
                let callee = TcpStream::connect(callee).await.unwrap();
                caller.set_nodelay(true).unwrap();
                callee.set_nodelay(true).unwrap();
                let (from_caller, to_caller) = caller.into_split();
                let (from_callee, to_callee) = callee.into_split();
                tokio::spawn(pass(from_caller, to_callee, subscriber.subscribe()));
                tokio::spawn(pass(from_callee, to_caller, subscriber.subscribe()));
            }
        });
        Self { address, wire }
    }

    pub(crate) fn cut(&self) {
        self.wire.send_replace(Wire::Cut);
    }

    pub(crate) fn fall_silent(&self) {
        self.wire.send_replace(Wire::Silent);
    }

    pub(crate) fn heal(&self) {
        self.wire.send_replace(Wire::Passes);
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut wire: watch::Receiver<Wire>) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let state = *wire.borrow_and_update();
        match state {
            Wire::Cut => return,
            Wire::Silent => {
                if wire.changed().await.is_err() {
                    return;
                }
            }
            Wire::Passes => tokio::select! {
                biased;
                changed = wire.changed() => if changed.is_err() { return },
                read = from.read(&mut buffer) => match read {
                    Ok(read @ 1..) if to.write_all(&buffer[..read]).await.is_ok() => {}
                    _ => return,
                },
            },
        }
    }
}
