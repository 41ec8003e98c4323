//! Bodies made up by the function, of any size and at no cost of memory.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};

/// One piece of a made-up body: as much as a socket takes at once by default, or less.
const PIECE_BYTES: usize = 64 * 1024;

static PIECE: [u8; PIECE_BYTES] = [b'x'; PIECE_BYTES];

/// How much more a broken body promises than it sends.
const BROKEN_BYTES: u64 = 1024;

/// A body of as many `x` as were ordered.
pub(crate) struct Filling {
    bytes_left: u64,
    end: End,
}

enum End {
    /// The length is not told beforehand, and the body ends as it should.
    Whole,
    /// The length is told, and then not kept.
    Broken { promised: u64, flushed: bool },
}

/// The end of a body that was ordered to break; the server closes the connection on it.
#[derive(Debug)]
pub(crate) struct BrokenOff;

impl std::fmt::Display for BrokenOff {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the body was ordered to break off")
    }
}

impl std::error::Error for BrokenOff {}

impl Filling {
    /// `bytes` bytes, whose number only shows at their end.
    pub(crate) fn of(bytes: u64) -> Self {
        Self { bytes_left: bytes, end: End::Whole }
    }

    /// A body that promises more than `bytes` bytes and fails after them.
    pub(crate) fn broken_after(bytes: u64) -> Self {
        Self { bytes_left: bytes, end: End::Broken { promised: bytes + BROKEN_BYTES, flushed: false } }
    }

    fn piece(&mut self) -> Bytes {
        let length = self.bytes_left.min(PIECE_BYTES as u64);
        self.bytes_left -= length;
        Bytes::from_static(&PIECE[..length as usize])
    }
}

impl Body for Filling {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        if self.bytes_left > 0 {
            return Poll::Ready(Some(Ok(Frame::data(self.piece()))));
        }
        match &mut self.end {
            End::Whole => Poll::Ready(None),
            End::Broken { flushed: true, .. } => Poll::Ready(Some(Err(BrokenOff))),
            End::Broken { flushed, .. } => {
                // The server throws away on an error what it has not sent; while it waits, it sends.
                *flushed = true;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self.end {
            End::Whole => SizeHint::new(),
            End::Broken { promised, .. } => SizeHint::with_exact(promised),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_add_up_to_what_was_ordered() {
        let ordered = 2 * PIECE_BYTES as u64 + 1;
        let mut body = Filling::of(ordered);
        let pieces: Vec<_> =
            std::iter::from_fn(|| (body.bytes_left > 0).then(|| body.piece().len())).collect();
        assert_eq!(pieces, [PIECE_BYTES, PIECE_BYTES, 1]);
    }

    #[test]
    fn only_a_broken_body_tells_its_length() {
        assert_eq!(Filling::of(3).size_hint().exact(), None);
        assert_eq!(Filling::broken_after(3).size_hint().exact(), Some(3 + BROKEN_BYTES));
    }
}
