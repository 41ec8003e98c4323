use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::FutureExt;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The bodies of calls are stored before their job is scheduled: a slow sender holds no slot, a function
/// never starts with half a body, and a body can be sent again where a replica does not answer. The
/// memory for all of them together is bounded.
pub(crate) struct BodyStore {
    kibibytes: Arc<Semaphore>,
}

/// A whole body, in the pieces in which it came.
#[derive(Default)]
#[cfg_attr(test, derive(Clone))]
pub(crate) struct StoredBody {
    pieces: VecDeque<Bytes>,
    bytes: u64,
}

impl StoredBody {
    /// Its pieces, shared with this body.
    pub(crate) fn pieces(&self) -> VecDeque<Bytes> {
        self.pieces.clone()
    }

    /// Bytes.
    pub(crate) fn len(&self) -> u64 {
        self.bytes
    }
}

/// A stored body and its share of the memory.
pub(crate) struct Stored {
    pub(crate) body: StoredBody,
    _memory: Option<OwnedSemaphorePermit>,
}

/// What a body may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyLimits {
    pub(crate) bytes_max: u64,
    pub(crate) pause_max: Duration,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the body is larger than body_bytes_max, {bytes_max} bytes")]
    TooLarge { bytes_max: u64 },
    #[error("the body broke off: {0}")]
    BrokeOff(#[source] axum::Error),
    #[error("the body paused for longer than body_timeout_ms, {} ms", pause_max.as_millis())]
    TooSlow { pause_max: Duration },
    #[error("the memory for bodies, body_buffer_bytes_max, is full")]
    NoMemory,
}

/// After a refusal the rest of a body is read and dropped up to here, so that a client that sends first
/// and reads later sees the answer and not a reset.
const LINGER_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// And for so long.
const LINGER_TIMEOUT: Duration = Duration::from_secs(10);

impl BodyStore {
    pub(crate) fn new(bytes_max: usize) -> Self {
        let kibibytes = (bytes_max / 1024).min(Semaphore::MAX_PERMITS);
        Self { kibibytes: Arc::new(Semaphore::new(kibibytes)) }
    }

    /// Takes the whole body in.
    pub(crate) async fn store(&self, mut body: Body, limits: BodyLimits) -> Result<Stored, BodyError> {
        let announced = http_body::Body::size_hint(&body);
        if announced.exact() == Some(0) {
            return Ok(Stored { body: StoredBody::default(), _memory: None });
        }
        let result = self.read(&mut body, announced.lower(), limits).await;
        if matches!(result, Err(BodyError::TooLarge { .. } | BodyError::NoMemory)) {
            tokio::spawn(tokio::time::timeout(LINGER_TIMEOUT, linger(body)));
        }
        result
    }

    async fn read(&self, body: &mut Body, announced: u64, limits: BodyLimits) -> Result<Stored, BodyError> {
        let too_large = BodyError::TooLarge { bytes_max: limits.bytes_max };
        if announced > limits.bytes_max {
            return Err(too_large);
        }
        let mut memory = self.reserve(announced)?;
        let mut reserved = announced.div_ceil(1024) * 1024;
        let mut stored = StoredBody::default();
        loop {
            let frame = next_frame(body, limits.pause_max).await?;
            let Some(frame) = frame.transpose().map_err(BodyError::BrokeOff)? else {
                return Ok(Stored { body: stored, _memory: Some(memory) });
            };
            let Ok(piece) = frame.into_data() else {
                continue;
            };
            stored.bytes += piece.len() as u64;
            if stored.bytes > limits.bytes_max {
                return Err(too_large);
            }
            if stored.bytes > reserved {
                let more = stored.bytes - reserved;
                memory.merge(self.reserve(more)?);
                reserved += more.div_ceil(1024) * 1024;
            }
            stored.pieces.push_back(piece);
        }
    }

    fn reserve(&self, bytes: u64) -> Result<OwnedSemaphorePermit, BodyError> {
        let kibibytes = u32::try_from(bytes.div_ceil(1024)).map_err(|_| BodyError::NoMemory)?;
        Arc::clone(&self.kibibytes).try_acquire_many_owned(kibibytes).map_err(|_| BodyError::NoMemory)
    }
}

/// The timer is made only where there is something to wait for.
async fn next_frame(
    body: &mut Body,
    pause_max: Duration,
) -> Result<Option<Result<Frame<Bytes>, axum::Error>>, BodyError> {
    if let Some(frame) = body.frame().now_or_never() {
        return Ok(frame);
    }
    let frame = tokio::time::timeout(pause_max, body.frame()).await;
    frame.map_err(|_elapsed| BodyError::TooSlow { pause_max })
}

async fn linger(mut body: Body) {
    let mut dropped = 0;
    while let Some(Ok(frame)) = body.frame().await {
        dropped += frame.data_ref().map_or(0, |piece| piece.len() as u64);
        if dropped > LINGER_BYTES_MAX {
            return;
        }
    }
}

impl http_body::Body for StoredBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let piece = self.pieces.pop_front();
        self.bytes -= piece.as_ref().map_or(0, |piece| piece.len() as u64);
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: BodyLimits = BodyLimits { bytes_max: 4_096, pause_max: Duration::from_secs(5) };

    fn pieces(sizes: &[usize]) -> Body {
        let pieces: Vec<_> =
            sizes.iter().map(|&size| Ok::<_, std::io::Error>(Bytes::from(vec![7; size]))).collect();
        Body::from_stream(futures_util::stream::iter(pieces))
    }

    #[tokio::test]
    async fn keeps_every_byte_and_knows_how_many() {
        let store = BodyStore::new(8_192);
        let stored = store.store(pieces(&[10, 0, 2_000, 1]), LIMITS).await.unwrap();
        assert_eq!(http_body::Body::size_hint(&stored.body).exact(), Some(2_011));
        let bytes = stored.body.clone().collect().await.unwrap().to_bytes();
        assert_eq!(bytes, vec![7; 2_011]);
    }

    #[tokio::test]
    async fn refuses_what_is_too_large_announced_or_not() {
        let store = BodyStore::new(8_192);
        for body in [pieces(&[4_000, 97]), Body::from(vec![0; 4_097])] {
            assert!(matches!(store.store(body, LIMITS).await, Err(BodyError::TooLarge { .. })));
        }
        assert!(store.store(pieces(&[4_000, 96]), LIMITS).await.is_ok());
    }

    #[tokio::test]
    async fn memory_is_bounded_and_comes_back() {
        let store = BodyStore::new(6_144);
        let first = store.store(pieces(&[4_000]), LIMITS).await.unwrap();
        assert!(matches!(store.store(pieces(&[4_000]), LIMITS).await, Err(BodyError::NoMemory)));
        drop(first);
        for _ in 0..100 {
            assert!(store.store(pieces(&[1_000, 1_000, 2_000]), LIMITS).await.is_ok());
        }
        assert_eq!(store.kibibytes.available_permits(), 6);
    }
}
