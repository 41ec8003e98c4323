use tokio::io::{AsyncRead, BufReader};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::bounds::{BATCH_BYTES, FRAME_BYTES_MAX};

/// What is read from the system at once.
const READ_BUFFER_BYTES: usize = 32 * 1024;

/// What tungstenite takes of that at once. It clears so much before each look, also where nothing has come.
const READ_PIECE_BYTES: usize = 4 * 1024;

/// What the system may hold that it has not sent yet. More would only stand in front of the next small frame.
#[cfg(target_os = "linux")]
const UNSENT_BYTES_MAX: u32 = 64 * 1024;

/// What the WebSocket is bounded by.
pub(crate) fn websocket_config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_PIECE_BYTES)
        .write_buffer_size(2 * (BATCH_BYTES + FRAME_BYTES_MAX))
        .max_write_buffer_size(4 * (BATCH_BYTES + FRAME_BYTES_MAX))
        .max_message_size(Some(FRAME_BYTES_MAX))
        .max_frame_size(Some(FRAME_BYTES_MAX))
}

/// Reads ahead, so that neither a large frame costs many system calls nor a small one much memory to clear.
pub(crate) fn read_ahead<S: AsyncRead>(stream: S) -> BufReader<S> {
    BufReader::with_capacity(READ_BUFFER_BYTES, stream)
}

/// Lets small frames go at once, and keeps little in front of them. A system that cannot is only slower.
pub(crate) fn prepare(stream: &TcpStream) {
    let socket = socket2::SockRef::from(stream);
    let _ = socket.set_tcp_nodelay(true);
    #[cfg(target_os = "linux")]
    let _ = socket.set_tcp_notsent_lowat(UNSENT_BYTES_MAX);
}
