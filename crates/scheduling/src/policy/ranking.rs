//! What policies share that probe a few peers and give the job to the best of them.

use std::collections::BTreeMap;

use protocol::{Load, NodeId};
use rand::{Rng, RngExt};

use super::{Context, Step, parameters};
use crate::{JobId, JobView};

/// Peers probed for one job at most: the gain from more than a few vanishes (Mitzenmacher 2001), and each
/// costs a message each way.
pub(super) const FAN_OUT_MAX: usize = 16;

/// How a policy asks its peers: parameters that several have in common, all of which may be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asking {
    /// Peers that are probed.
    pub fan_out: usize,
    /// Reject a job that no peer takes and that finds no slot free, instead of letting it wait.
    pub loss: bool,
    /// Times that a job is handed on.
    pub hops_max: u8,
}

/// The names of the parameters of [`Asking`].
pub(super) const ASKING: &[&str] = &["fan-out", "loss", "max hops"];

impl Asking {
    /// Probes so many peers, lets jobs wait, and hands a job on once.
    pub const fn of(fan_out: usize) -> Self {
        Self { fan_out, loss: false, hops_max: 1 }
    }

    pub(super) fn read(self, texts: &[String]) -> Result<Self, String> {
        let fan_out = texts.first().map(|text| parameters::whole(ASKING[0], text, 1..=FAN_OUT_MAX));
        let loss = texts.get(1).map(|text| parameters::truth(ASKING[1], text));
        let hops_max = texts.get(2).map(|text| parameters::hops(ASKING[2], text));
        Ok(Self {
            fan_out: fan_out.transpose()?.unwrap_or(self.fan_out),
            loss: loss.transpose()?.unwrap_or(self.loss),
            hops_max: hops_max.transpose()?.unwrap_or(self.hops_max),
        })
    }

    pub(super) fn texts(self) -> [String; 3] {
        [self.fan_out.to_string(), self.loss.to_string(), self.hops_max.to_string()]
    }
}

impl Context<'_> {
    /// Probes up to `fan_out` candidates drawn at random; none where there is no candidate.
    pub(super) fn probe(&mut self, fan_out: usize) -> Option<Step> {
        let drawn = self.candidates.sample(fan_out, self.rng);
        (!drawn.is_empty()).then(|| Step::Probe(drawn.iter().map(|peer| peer.id).collect()))
    }

    /// Whether this node would have to reject the job.
    pub(super) fn is_closed(&self, job: &JobView<'_>, loss: bool) -> bool {
        !job.runs_here || is_full(&self.load, loss)
    }
}

/// Whether a node with this load rejects a job; with `loss` it does not let jobs wait.
pub(super) fn is_full(load: &Load, loss: bool) -> bool {
    load.running >= load.slots && (loss || load.waiting >= load.queue_length_max)
}

/// Peers in the order in which a job shall be offered to them. The lower the score the better; ties at random.
#[derive(Debug, Default)]
pub(super) struct Ranking(Vec<(f64, u32, NodeId)>);

impl Ranking {
    pub(super) fn add(&mut self, peer: NodeId, score: f64, rng: &mut impl Rng) {
        self.0.push((score, rng.random(), peer));
    }

    /// Those whose score is below `limit`, the best last.
    fn below(mut self, limit: f64) -> Vec<(f64, NodeId)> {
        self.0.retain(|(score, _, _)| *score < limit);
        self.0.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)));
        self.0.into_iter().map(|(score, _, peer)| (score, peer)).collect()
    }
}

/// The peers that a job may be offered to if the first refuses, best last, until the job ends.
#[derive(Debug, Default)]
pub(super) struct Alternatives(BTreeMap<JobId, Vec<(f64, NodeId)>>);

impl Alternatives {
    /// Gives the job to the best of those with a score below `limit`, and keeps the others for a refusal; none
    /// where there is none.
    pub(super) fn offer(&mut self, job: JobId, ranking: Ranking, limit: f64) -> Option<Step> {
        let mut others = ranking.below(limit);
        let (_, best) = others.pop()?;
        if !others.is_empty() {
            self.0.insert(job, others);
        }
        Some(Step::Forward(best))
    }

    /// Gives the job to the next one that is still a candidate with a score below `limit`.
    pub(super) fn next(&mut self, job: JobId, limit: f64, cx: &Context<'_>) -> Option<Step> {
        let others = self.0.get_mut(&job)?;
        while let Some((score, peer)) = others.pop() {
            if score < limit && cx.candidates.get(peer).is_some() {
                return Some(Step::Forward(peer));
            }
        }
        None
    }

    /// The job ended.
    pub(super) fn forget(&mut self, job: JobId) {
        self.0.remove(&job);
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_pcg::Pcg64;

    use super::*;

    #[test]
    fn what_is_left_out_keeps_its_default() {
        let read = |texts: &[&str]| {
            let texts: Vec<_> = texts.iter().map(|&text| text.to_owned()).collect();
            Asking::of(2).read(&texts)
        };
        assert_eq!(read(&[]), Ok(Asking::of(2)));
        assert_eq!(read(&["3", "true"]), Ok(Asking { fan_out: 3, loss: true, hops_max: 1 }));
        assert!(read(&["0"]).unwrap_err().contains("fan-out"));
        assert!(read(&["1", "1"]).unwrap_err().contains("loss"));
        assert!(read(&["1", "true", "-1"]).unwrap_err().contains("max hops"));
    }

    #[test]
    fn ties_are_broken_at_random_and_the_rest_by_score() {
        let mut rng = Pcg64::seed_from_u64(1);
        let mut firsts = [0_u32; 3];
        for _ in 0..1_000 {
            let mut ranking = Ranking::default();
            for (peer, score) in [(0, 1.0), (1, 1.0), (2, 2.0)] {
                ranking.add(NodeId::new(peer), score, &mut rng);
            }
            let ranked = ranking.below(3.0);
            assert_eq!(ranked[0].1, NodeId::new(2));
            firsts[usize::try_from(ranked[2].1.bits()).unwrap()] += 1;
        }
        assert!(firsts[0] > 400 && firsts[1] > 400, "{firsts:?}");
    }

    #[test]
    fn a_full_node_has_no_place_for_the_job() {
        let load = |running, waiting| Load { running, waiting, slots: 2, queue_length_max: 1 };
        assert!(!is_full(&load(1, 0), true));
        assert!(is_full(&load(2, 0), true));
        assert!(!is_full(&load(2, 0), false));
        assert!(is_full(&load(2, 1), false));
    }
}
