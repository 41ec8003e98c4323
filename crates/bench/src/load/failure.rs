//! How a call can fail without an answer.

use std::{error::Error, fmt, io};

/// The kinds of failure that are counted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Failure {
    /// Nobody listens at the address.
    Refused,
    /// No local port or file is left for a connection.
    Exhausted,
    /// Any other failure to connect.
    Connect,
    /// The connection was reset under a call.
    Reset,
    /// The connection was closed before the answer was complete.
    Closed,
    /// No complete answer in the time allowed.
    Timeout,
    /// The answer is not HTTP, or something else that has no kind of its own.
    Protocol,
}

impl Failure {
    pub(super) fn of_connect(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::AddrNotAvailable => Self::Exhausted,
            io::ErrorKind::TimedOut => Self::Timeout,
            _ if error.raw_os_error().is_some_and(is_file_limit) => Self::Exhausted,
            _ => Self::Connect,
        }
    }

    pub(super) fn of_call(error: &hyper::Error) -> Self {
        if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
            return Self::Closed;
        }
        match error.source().and_then(|source| source.downcast_ref::<io::Error>()).map(io::Error::kind) {
            Some(io::ErrorKind::ConnectionReset) => Self::Reset,
            Some(io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof) => Self::Closed,
            _ => Self::Protocol,
        }
    }
}

/// EMFILE and ENFILE, which the standard library gives no kind.
fn is_file_limit(os_error: i32) -> bool {
    [rustix::io::Errno::MFILE, rustix::io::Errno::NFILE].iter().any(|limit| limit.raw_os_error() == os_error)
}

impl Error for Failure {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "refused",
            Self::Exhausted => "exhausted",
            Self::Connect => "connect",
            Self::Reset => "reset",
            Self::Closed => "closed",
            Self::Timeout => "timeout",
            Self::Protocol => "protocol",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_to_connect_are_told_apart() {
        let kind = |kind: io::ErrorKind| Failure::of_connect(&io::Error::from(kind));
        assert_eq!(kind(io::ErrorKind::ConnectionRefused), Failure::Refused);
        assert_eq!(kind(io::ErrorKind::AddrNotAvailable), Failure::Exhausted);
        assert_eq!(kind(io::ErrorKind::NetworkUnreachable), Failure::Connect);
        let too_many_files = io::Error::from_raw_os_error(rustix::io::Errno::MFILE.raw_os_error());
        assert_eq!(Failure::of_connect(&too_many_files), Failure::Exhausted);
    }
}
