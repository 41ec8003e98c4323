//! A client that may be as rude as it likes.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer that has not come by then will not come.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// Writes this, and keeps the connection.
pub async fn open(address: SocketAddr, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

/// Reads until the other side hangs up.
pub async fn read_to_end(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    // A reset after the answer is the other side's way to say that it read no further.
    let _ = tokio::time::timeout(ANSWER_TIMEOUT, read).await.expect("the other side ends the connection");
    String::from_utf8_lossy(&answer).into_owned()
}

/// Writes this, says that no more comes, and reads the answer.
pub async fn talk(address: SocketAddr, text: &str) -> String {
    let mut stream = open(address, text).await;
    stream.shutdown().await.unwrap();
    read_to_end(stream).await
}
