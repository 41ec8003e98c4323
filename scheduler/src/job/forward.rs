use std::net::IpAddr;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::response::Response;
use link::{BodyReader, CallError, OutgoingCall};
use protocol::peer::{Open, ResetCode, Response as Head};
use protocol::{ErrorCode, NodeId};
use scheduling::Outcome;

use super::failure::Failure;
use super::reply::Reply;
use super::{Door, Job, Record};
use crate::admission::Ticket;
use crate::headers::drop_hop_by_hop;
use crate::metrics::Offered;

/// A link slower than this is of no use: a peer may take a second longer to accept a job for each MiB of
/// its body.
const BYTES_A_SECOND_MIN: u64 = 1024 * 1024;

/// What became of the offer of a job to a peer.
pub(super) enum Offer {
    Taken(Box<Answered>),
    /// It did not run there and will not, or may run more than once: it may be tried elsewhere.
    NotTaken {
        /// Its body is too large for the peer.
        too_large: bool,
    },
    Failed(Failure, Outcome),
}

/// The answer of a peer.
pub(super) struct Answered {
    head: Head,
    body: BodyReader,
    address: IpAddr,
}

impl Job<'_> {
    /// Offers the job to a peer, and waits for the head of its reply.
    pub(super) async fn offer(&self, peer: NodeId, door: &mut impl Door) -> Offer {
        let began = Instant::now();
        let offered = self.hand_on(peer, door).await;
        let metrics = &self.shared.metrics;
        metrics.forwarded(began.elapsed());
        let error = match offered {
            Ok(answered) => {
                metrics.offered(Offered::Answered);
                return Offer::Taken(Box::new(answered));
            }
            Err(error) => error,
        };
        tracing::debug!(%peer, call_id = ?self.call.id, %error, "a peer did not answer a job");
        metrics.offered(error.kind());
        if error.blames_peer() {
            self.shared.admissions.peer_failed(peer);
        }
        match error {
            OfferError::Deadline => {
                Offer::Failed(Failure::TimedOut { patience: self.patience }, Outcome::DeadlinePassed)
            }
            OfferError::CallerLost => Offer::Failed(Failure::CallerLost, Outcome::Cancelled),
            error if self.call.idempotent || !error.may_have_run() => {
                Offer::NotTaken { too_large: error.is_too_large() }
            }
            OfferError::Call(CallError::Reset(ResetCode::BrokeOff)) => {
                Offer::Failed(Failure::FarFunctionBrokeOff { peer }, Outcome::Failed)
            }
            OfferError::Call(CallError::Reset(code)) => {
                let why = format!("{code:?}").to_lowercase();
                Offer::Failed(Failure::PeerFailed { peer, why }, Outcome::Failed)
            }
            _ => Offer::Failed(Failure::PeerLost { peer }, Outcome::Failed),
        }
    }

    async fn hand_on(&self, peer: NodeId, door: &mut impl Door) -> Result<Answered, OfferError> {
        let Some((link, address)) = self.shared.peers.link(peer) else {
            return Err(OfferError::Gone);
        };
        let ends_at = self.ends_at.into();
        let mut head = self.open_head();
        let opened = tokio::time::timeout_at(ends_at, link.open(&mut head, self.body.pieces()));
        let mut call = opened.await.map_err(|_elapsed| OfferError::Deadline)??;
        if door.waits() {
            let accepted = tokio::time::timeout_at(self.accept_by(), call.accepted());
            accepted.await.map_err(|_elapsed| self.late())??;
            door.accept().await.map_err(|_| OfferError::CallerLost)?;
        }
        let (head, body) = self.answered(&mut call).await?;
        Ok(Answered { head, body, address: address.ip() })
    }

    /// Waits for the head of the reply, but not for as long where the peer does not even accept. Nobody is
    /// woken for the acceptance: most answers come right behind it.
    async fn answered(&self, call: &mut OutgoingCall) -> Result<(Head, BodyReader), OfferError> {
        if let Ok(answered) = tokio::time::timeout_at(self.accept_by(), call.answered()).await {
            return Ok(answered?);
        }
        if !call.is_accepted() {
            return Err(self.late());
        }
        let answered = tokio::time::timeout_at(self.ends_at.into(), call.answered()).await;
        Ok(answered.map_err(|_elapsed| OfferError::Deadline)??)
    }

    /// Until when a peer that was just asked must accept.
    fn accept_by(&self) -> tokio::time::Instant {
        let patience = self.shared.settings.current().accept_timeout_ms.milliseconds()
            + Duration::from_secs(self.body.len() / BYTES_A_SECOND_MIN);
        (Instant::now() + patience).min(self.ends_at).into()
    }

    /// Why a peer that did not accept is not waited for any longer.
    fn late(&self) -> OfferError {
        if Instant::now() < self.ends_at { OfferError::Silent } else { OfferError::Deadline }
    }

    fn open_head(&self) -> Open {
        let left = || self.ends_at.saturating_duration_since(Instant::now());
        let milliseconds = |left: Duration| u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        let mut visited = self.call.visited.clone();
        visited.extend(self.shared.directory.own_id());
        let text = |value: &http::HeaderValue| value.to_str().ok().map(str::to_owned);
        Open {
            function: self.function.clone(),
            method: self.call.method.clone(),
            path: self.call.path_and_query.clone(),
            headers: self.call.headers.clone(),
            call_id: text(&self.call.id).unwrap_or_default(),
            tracing_id: self.call.tracing_id.as_ref().and_then(text),
            task_type: u8::try_from(self.call.task_type.index()).unwrap_or_default(),
            hops: self.call.hops.saturating_add(1),
            visited,
            deadline_ms: self.call.deadline.map(|_| milliseconds(left())),
            idempotent: self.call.idempotent,
            body_length: self.body.len(),
        }
    }

    /// Makes a peer's answer that of this node.
    pub(super) fn pass_on(self, answered: Answered, ticket: Ticket, record: &mut Record) -> Response {
        let Answered { head, body, address } = answered;
        record.execution_seconds = head.execution_seconds;
        record.passed = head.nodes;
        if let Some(first) = record.passed.first_mut() {
            // The address under which it is known here is of more use than the one that it knows itself by.
            first.address = Some(address);
        }
        let ends_at = self.call.deadline.map(|_| self.ends_at);
        let reply = Reply::of_peer(body, head.status, ticket, self.timeout, ends_at);
        let mut response = Response::new(Body::new(reply));
        *response.status_mut() = head.status;
        *response.headers_mut() = head.headers;
        drop_hop_by_hop(response.headers_mut());
        response
    }
}

/// Why a peer did not answer a job.
#[derive(Debug, thiserror::Error)]
enum OfferError {
    #[error("the peer is no node of the cluster any more")]
    Gone,
    #[error("the peer did not say in time whether it takes the job")]
    Silent,
    #[error("the deadline passed")]
    Deadline,
    #[error("the peer that handed the job on is gone")]
    CallerLost,
    #[error(transparent)]
    Call(#[from] CallError),
}

impl OfferError {
    fn may_have_run(&self) -> bool {
        match self {
            Self::Gone => false,
            Self::Silent | Self::Deadline | Self::CallerLost => true,
            Self::Call(error) => error.may_have_run(),
        }
    }

    /// A body is the one thing of a job that was handed on that a peer can find wrong.
    fn is_too_large(&self) -> bool {
        let code = u16::from(ErrorCode::BadInput);
        matches!(self, Self::Call(CallError::Refused(refused)) if refused.code == code)
    }

    /// Whether the peer shall get no jobs until it answers again.
    fn blames_peer(&self) -> bool {
        match self {
            Self::Silent => true,
            Self::Call(error) => !matches!(
                error,
                CallError::Refused(_) | CallError::Reset(_) | CallError::Full | CallError::HeadTooLarge(_)
            ),
            Self::Gone | Self::Deadline | Self::CallerLost => false,
        }
    }

    fn kind(&self) -> Offered {
        match self {
            Self::Call(CallError::Refused(_) | CallError::Full | CallError::HeadTooLarge(_)) => {
                Offered::Refused
            }
            Self::Gone | Self::Call(CallError::Unreachable(_)) => Offered::Unreachable,
            Self::Call(_) => Offered::Lost,
            Self::Silent | Self::Deadline | Self::CallerLost => Offered::Late,
        }
    }
}
