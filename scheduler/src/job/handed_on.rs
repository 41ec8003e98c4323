//! A job that a peer hands on lives like any other. What differs is the door: the peer is told that the job
//! will run before it does, and a job that does not run is refused, so that the peer can try elsewhere.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use http_body::Body as _;
use link::{IncomingCall, Responder};
use protocol::peer::Response as Head;
use scheduling::Rejection;

use super::call::Call;
use super::failure::Failure;
use super::{Door, Record, execute};
use crate::Shared;
use crate::body::BodyError;
use crate::headers::drop_hop_by_hop;

/// A peer waits at it.
struct Back {
    reply: Responder,
    accepted: bool,
}

impl Door for Back {
    fn waits(&self) -> bool {
        !self.accepted
    }

    async fn accept(&mut self) -> Result<(), Failure> {
        if !self.accepted {
            self.reply.accept().await.map_err(|_cancelled| Failure::CallerLost)?;
            self.accepted = true;
        }
        Ok(())
    }
}

/// Takes a job of a peer and answers it. Dropped where the peer gives the job up, and the job with it.
pub(crate) async fn run_for_peer(shared: Arc<Shared>, incoming: IncomingCall) {
    let mut record = Record::new();
    let mut door = Back { reply: incoming.reply, accepted: false };
    let result = match Call::handed_on(incoming.head) {
        Ok(call) => {
            let id = call.id.clone();
            let body = Body::new(incoming.body);
            execute(&shared, call, body, &mut door, &mut record).await.map_err(|failure| (failure, id))
        }
        Err(failure) => Err((failure, http::HeaderValue::from_static("unknown"))),
    };
    let function = record.function.clone();
    let response = match result {
        Ok(response) => response,
        Err((failure, id)) if !door.accepted && failure.leaves_it_to_others() => {
            failure.log(&id, function.as_ref());
            let error = failure.into_api_error();
            shared.metrics.job_answered(function.as_ref(), record.decision, error.status());
            door.reply.refuse(error.code(), error.message());
            return;
        }
        Err((failure, id)) => failure.answer(&id, function.as_ref()),
    };
    shared.metrics.job_answered(function.as_ref(), record.decision, response.status());
    answer(&shared, door.reply, response, record).await;
}

async fn answer(shared: &Shared, reply: Responder, response: Response, record: Record) {
    let (mut parts, body) = response.into_parts();
    drop_hop_by_hop(&mut parts.headers);
    let own = record.own_part(shared);
    let head = Head {
        status: parts.status,
        headers: parts.headers,
        nodes: std::iter::once(own).chain(record.passed).collect(),
        execution_seconds: record.execution_seconds,
        body_length: body.size_hint().exact(),
        load: None,
    };
    if let Err(error) = reply.respond(head, body).await {
        tracing::debug!(%error, "a peer did not get all of a reply");
    }
}

impl Failure {
    /// Whether the job was not run here, and another node could do better.
    fn leaves_it_to_others(&self) -> bool {
        match self {
            Self::Refused { reason, .. } => !matches!(reason, Rejection::DeadlinePassed | Rejection::TooLate),
            Self::UnknownFunction { .. } | Self::Body(BodyError::NoMemory | BodyError::TooLarge { .. }) => {
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_job_without_a_place_is_left_to_others_and_a_late_one_is_not() {
        let refused = |reason| Failure::Refused { reason, patience: Duration::ZERO };
        for reason in [
            Rejection::Full,
            Rejection::NobodyTakesIt,
            Rejection::OnPurpose,
            Rejection::NoNode,
            Rejection::Draining,
        ] {
            assert!(refused(reason).leaves_it_to_others(), "{reason}");
        }
        let body = Failure::Body(BodyError::TooLarge { bytes_max: 1 });
        assert!(body.leaves_it_to_others(), "another node may take more");
        assert!(!refused(Rejection::DeadlinePassed).leaves_it_to_others());
        assert!(!Failure::TimedOut { patience: Duration::ZERO }.leaves_it_to_others());
    }
}
