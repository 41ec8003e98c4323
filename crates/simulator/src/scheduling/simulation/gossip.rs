//! What nodes know of each other without asking.

use rand::RngExt;
use scheduling::Sighting;

use super::{Event, Simulation};
use crate::scheduling::host::id_of;

/// Every life is the first.
const GENERATION: u32 = 1;

/// Periods vary by so much to each side, so that the nodes do not speak in step.
const JITTER: f64 = 0.1;

impl Simulation<'_> {
    /// A host takes note of its neighbours.
    pub(super) fn meet(&mut self, host: usize) {
        let conditions = self.scenario.wire.conditions;
        let rtt = Some(conditions.delay_min + conditions.delay_max);
        let sighting = |&neighbour: &u32| Sighting {
            id: id_of(neighbour as usize),
            generation: GENERATION,
            functions: self.functions.clone(),
            rtt,
            report: self.hosts[neighbour as usize].published,
        };
        let sightings = self.hosts[host].neighbours.iter().map(sighting).collect();
        let now = self.time();
        self.hosts[host].node.set_peers(sightings, now);
    }

    pub(super) fn gossip(&mut self, host: usize) {
        let Some(gossip) = self.scenario.gossip else {
            return;
        };
        self.meet(host);
        let report = Box::new(self.hosts[host].node.report());
        let number = host as u32;
        self.events.add(self.now + gossip.delay, Event::Published { host: number, report });
        let jitter = 1.0 + JITTER * (2.0 * self.rng.random::<f64>() - 1.0);
        let next = self.now + gossip.period.mul_f64(jitter);
        if next < self.scenario.duration {
            self.events.add(next, Event::Gossip { host: number });
        }
    }
}
