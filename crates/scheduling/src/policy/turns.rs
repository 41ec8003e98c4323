use protocol::NodeId;

use super::{Context, Step};
use crate::JobView;

/// Takes turns over the candidates in the order of their ids, and this node after the last of them.
///
/// It begins anywhere, so that nodes that start together do not all begin with the same peer.
#[derive(Debug, Default)]
pub(super) struct Turns {
    last: Option<Turn>,
    takes_part: bool,
}

#[derive(Debug, Clone, Copy)]
enum Turn {
    Here,
    Peer(NodeId),
}

impl Turns {
    /// Turns in which this node takes part, or which it only hands out.
    pub(super) fn new(takes_part: bool) -> Self {
        Self { last: None, takes_part }
    }

    /// Gives the job to the next in turn; none where that is this node, or there is no candidate.
    pub(super) fn next(&mut self, job: &JobView<'_>, cx: &mut Context<'_>) -> Option<Step> {
        let turn = self.after_last(job, cx)?;
        self.last = Some(turn);
        match turn {
            Turn::Here => None,
            Turn::Peer(peer) => Some(Step::Forward(peer)),
        }
    }

    fn after_last(&self, job: &JobView<'_>, cx: &mut Context<'_>) -> Option<Turn> {
        let last = match self.last {
            None if self.takes_part && job.runs_here => {
                let first = cx.candidates.peer_or_self(cx.rng);
                return Some(first.map_or(Turn::Here, |peer| Turn::Peer(peer.id)));
            }
            None => return cx.candidates.sample(1, cx.rng).first().map(|peer| Turn::Peer(peer.id)),
            Some(Turn::Here) => None,
            Some(Turn::Peer(peer)) => Some(peer),
        };
        let next = cx.candidates.next_after(last)?.id;
        let round_is_over = last.is_some_and(|last| next <= last);
        if round_is_over && self.takes_part && job.runs_here {
            return Some(Turn::Here);
        }
        Some(Turn::Peer(next))
    }
}
