use std::time::{Duration, Instant};

use protocol::NodeId;
use protocol::learner::Candidate;
use scheduling::{Answer, Decision, Outcome, Question, Rejection};

use super::failure::Failure;
use super::forward::{Answered, Offer};
use super::{Door, Job, Record};
use crate::admission::Ticket;
use crate::metrics;

/// Where a job ended up.
pub(super) enum Place {
    /// In a slot of this node.
    Here,
    /// On a peer, whose answer has begun.
    There(Box<Answered>),
}

/// Does what the policy asks for, step by step, until the job has a place.
pub(super) async fn decide(
    job: &Job<'_>,
    ticket: &mut Ticket,
    mut decision: Decision,
    door: &mut impl Door,
    record: &mut Record,
) -> Result<Place, Failure> {
    let mut too_large_for = None;
    loop {
        decision = match decision {
            Decision::Start => {
                record.decide(metrics::Decision::Run);
                door.accept().await?;
                return Ok(Place::Here);
            }
            Decision::Wait => {
                // Noted before its turn, too: the job may end while its caller is told, or while it waits.
                record.decide(metrics::Decision::Run);
                door.accept().await?;
                let turn = ticket.turn(job.ends_at).await;
                turn.map_err(|why| job.refuse(why, record))?;
                record.decide(metrics::Decision::Run);
                return Ok(Place::Here);
            }
            Decision::Forward(peer) => {
                record.decide(metrics::Decision::Forward);
                match job.offer(peer, door).await {
                    Offer::Taken(answer) => return Ok(Place::There(answer)),
                    Offer::NotTaken { too_large } => {
                        too_large_for = too_large.then_some(peer).or(too_large_for);
                        ticket.answer(Answer::Refused(peer))
                    }
                    Offer::Failed(failure, outcome) => {
                        ticket.end(outcome);
                        return Err(failure);
                    }
                }
            }
            Decision::Probe(peers) => job.probe(&peers, ticket, record).await,
            Decision::Consult(question) => job.consult(*question, ticket).await,
            Decision::Pause(pause) => {
                let until = job.ends_at.min(Instant::now() + pause);
                tokio::time::sleep_until(until.into()).await;
                job.check_time(ticket, record)?;
                ticket.answer(Answer::Woken)
            }
            Decision::Reject(why) => {
                let refused = job.refuse(why, record);
                return Err(too_large_for.map_or(refused, |peer| Failure::TooLargeForPeer { peer }));
            }
        };
    }
}

impl Job<'_> {
    async fn probe(&self, peers: &[NodeId], ticket: &mut Ticket, record: &mut Record) -> Decision {
        let began = Instant::now();
        let loads = self.shared.peers.probe(peers).await;
        let took = began.elapsed();
        record.probing += took;
        self.shared.metrics.probed(took);
        ticket.answer(Answer::Probed(&loads))
    }

    async fn consult(&self, question: Question, ticket: &mut Ticket) -> Decision {
        let Some(learner) = &self.shared.learner else {
            return ticket.answer(Answer::Advised(None));
        };
        let began = Instant::now();
        let timeout = Duration::from_micros(self.shared.settings.current().learner_timeout_us.value());
        let candidate = |(action, features)| Candidate { action, features };
        let candidates = question.candidates.into_iter().map(candidate).collect();
        let acted = learner.act(question.state, candidates, timeout).await;
        self.shared.metrics.consulted(began.elapsed());
        ticket.answer(Answer::Advised(acted.map(|acted| (acted.action, acted.epsilon))))
    }

    /// The caller of a job without a deadline is answered in time, too.
    fn check_time(&self, ticket: &mut Ticket, record: &mut Record) -> Result<(), Failure> {
        if Instant::now() < self.ends_at {
            return Ok(());
        }
        ticket.end(Outcome::DeadlinePassed);
        Err(self.refuse(Rejection::DeadlinePassed, record))
    }

    fn refuse(&self, reason: Rejection, record: &mut Record) -> Failure {
        record.decide(metrics::Decision::Reject);
        Failure::Refused { reason, patience: self.patience }
    }
}

impl Record {
    /// Notes what was decided last, and when.
    fn decide(&mut self, decision: metrics::Decision) {
        self.decision = decision;
        self.scheduling = Some(self.arrived.elapsed());
    }
}
