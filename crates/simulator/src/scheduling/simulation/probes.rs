//! Probes on the network, for jobs that wait for them and besides.

use std::time::Duration;

use protocol::NodeId;
use scheduling::{Answer, JobId, Report};

use super::{Event, Simulation};
use crate::scheduling::host::{Asked, id_of, place_of};

/// A peer that failed gets no jobs until it answers, so it is asked again after this time, as the scheduler does.
const ASK_AGAIN: Duration = Duration::from_secs(1);

impl Simulation<'_> {
    pub(super) fn ask(&mut self, host: usize, id: JobId, peers: Vec<NodeId>) {
        let asked = Asked { reports: Vec::with_capacity(peers.len()), missing: peers.len() };
        self.hosts[host].asked.insert(id, asked);
        for peer in peers {
            self.send_probe(host, peer, Some(id));
        }
    }

    pub(super) fn send_probe(&mut self, host: usize, peer: NodeId, job: Option<JobId>) {
        if self.counts(self.now) {
            self.tally.probe();
        }
        let (asker, peer) = (host as u32, place_of(peer) as u32);
        match self.network.datagram(host, peer as usize).next() {
            Some(delay) => {
                let asked_at = self.now;
                self.events.add(self.now + delay, Event::Probe { asker, peer, job, asked_at });
            }
            None => self.probe_fails(asker, peer, job, self.now),
        }
    }

    fn probe_fails(&mut self, asker: u32, peer: u32, job: Option<JobId>, asked_at: Duration) {
        let at = asked_at + self.scenario.wire.probe_timeout;
        self.events.add(at, Event::Probed { asker, peer, job, report: None });
    }

    pub(super) fn probe_arrives(&mut self, asker: u32, peer: u32, job: Option<JobId>, asked_at: Duration) {
        let report = self.hosts[peer as usize].node.report();
        let latest = asked_at + self.scenario.wire.probe_timeout;
        let delay = self.network.datagram(peer as usize, asker as usize).next();
        match delay.map(|delay| self.now + delay).filter(|at| *at <= latest) {
            Some(at) => {
                let report = Some(Box::new(report));
                self.events.add(at, Event::Probed { asker, peer, job, report });
            }
            None => self.probe_fails(asker, peer, job, asked_at),
        }
    }

    /// A peer failed.
    pub(super) fn try_again_later(&mut self, asker: u32, peer: u32) {
        let at = self.now + ASK_AGAIN;
        if at < self.scenario.duration {
            self.events.add(at, Event::AskAgain { asker, peer });
        }
    }

    pub(super) fn probe_answered(
        &mut self,
        host: usize,
        peer: usize,
        job: Option<JobId>,
        report: Option<Report>,
    ) {
        if report.is_none() {
            self.try_again_later(host as u32, peer as u32);
        }
        let peer = id_of(peer);
        let Some(id) = job else {
            match report {
                Some(report) => self.peer_reported(host, peer, report),
                None => self.hosts[host].node.peer_failed(peer),
            }
            return self.empty_outbox(host);
        };
        let Some(asked) = self.hosts[host].asked.get_mut(&id) else {
            return;
        };
        asked.reports.push((peer, report));
        asked.missing -= 1;
        if asked.missing == 0
            && let Some(asked) = self.hosts[host].asked.remove(&id)
        {
            self.answer(host, id, Answer::Probed(&asked.reports));
        }
    }
}
