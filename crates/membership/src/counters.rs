/// What happened since the start: for metrics, and for tests that show that nothing happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams sent, copies included.
    pub datagrams_sent: u64,
    /// Bytes of datagrams sent, without the headers of UDP and IP.
    pub datagram_bytes_sent: u64,
    /// Datagrams that came in.
    pub datagrams_received: u64,
    /// Bytes of datagrams that came in, without the headers of UDP and IP.
    pub datagram_bytes_received: u64,
    /// Bytes of requests and answers sent on streams, without the headers of TCP and IP.
    pub stream_bytes_sent: u64,
    /// Bytes of requests and answers that came in on streams, without the headers of TCP and IP.
    pub stream_bytes_received: u64,
    /// Push-pulls and fetches begun.
    pub exchanges_begun: u64,
    /// Of these, those that failed or were not answered in time.
    pub exchanges_failed: u64,
    /// Datagrams and requests under no key of ours, for another node or cluster, or not sealed.
    pub strangers: u64,
    /// Datagrams and requests that are not what they claim to be.
    pub malformed: u64,
    /// Copies of a datagram that had come already.
    pub duplicates: u64,
    /// Times that this node was taken for dead and came back under a new generation.
    pub rejoins: u64,
    /// Timers of suspicions that had been refuted: what the guard dropped.
    pub refuted_suspicions: u64,
    /// Probes that neither the member nor a helper answered.
    pub probes_failed: u64,
    /// Outputs, exchanges and copies that were dropped because too many were waiting.
    pub overflows: u64,
    /// Errors of foca that this crate should have made impossible.
    pub internal_errors: u64,
}
