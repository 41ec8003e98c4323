//! Exchanges over TCP: a request and its answer, each as its length in four bytes (network order) and as many
//! bytes.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use membership::{ExchangeId, STREAM_BYTES_MAX};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::Gossip;

/// An exchange takes some milliseconds; who is slower than this is not worth the connection.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(5);
/// Exchanges served at once, each of up to twice [`STREAM_BYTES_MAX`]; more wait in the system's backlog.
const SERVED_MAX: usize = 32;
/// Pause after a failed accept, which is nearly always a lack of file descriptors that lasts a while.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// Serves the exchanges of others.
pub(crate) async fn listen(listener: TcpListener, gossip: Gossip) {
    let permits = Arc::new(Semaphore::new(SERVED_MAX));
    while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, from)) => {
                let gossip = gossip.clone();
                tokio::spawn(async move {
                    match timeout(EXCHANGE_TIMEOUT, serve(stream, &gossip)).await {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => tracing::debug!(%from, %error, "an exchange broke off"),
                        Err(_) => tracing::debug!(%from, "an exchange took too long"),
                    }
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "an exchange could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Asks another node, and hands the answer in, or that there was none.
pub(super) async fn ask(gossip: Gossip, exchange: ExchangeId, to: SocketAddr, request: Vec<u8>) {
    let answer = match timeout(EXCHANGE_TIMEOUT, converse(to, &request)).await {
        Ok(Ok(answer)) => Some(answer),
        Ok(Err(error)) => {
            tracing::debug!(%to, %error, "an exchange failed");
            None
        }
        Err(_) => {
            tracing::debug!(%to, "an exchange was not answered in time");
            None
        }
    };
    gossip.answered(exchange, answer).await;
}

async fn serve(mut stream: TcpStream, gossip: &Gossip) -> io::Result<()> {
    let request = read(&mut stream).await?;
    // A request that is refused finds the connection closed.
    if let Ok(Some(answer)) = gossip.serve(request).await {
        write(&mut stream, &answer).await?;
    }
    Ok(())
}

async fn converse(to: SocketAddr, request: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    write(&mut stream, request).await?;
    read(&mut stream).await
}

async fn write(stream: &mut TcpStream, message: &[u8]) -> io::Result<()> {
    let length = u32::try_from(message.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), message].concat()).await?;
    stream.flush().await
}

async fn read(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let length = stream.read_u32().await?;
    if length as usize > STREAM_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a message is too long"));
    }
    // Memory is taken as the bytes come, not as the length claims.
    let mut message = Vec::new();
    stream.take(length.into()).read_to_end(&mut message).await?;
    if message.len() < length as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(message)
}
