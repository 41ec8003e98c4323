use std::time::Duration;

/// What came of a run. Counts are of jobs that arrived after the warm-up.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    /// Jobs that clients sent.
    pub jobs: usize,
    /// Those answered in time; all that were answered, where there is no deadline.
    pub hits: usize,
    /// Those not answered: rejected, or given up at their deadline.
    pub drops: usize,
    /// Mean time from arrival to answer, of those answered.
    pub mean: Duration,
    /// The same as median.
    pub p50: Duration,
    /// The same as 95th percentile.
    pub p95: Duration,
    /// The same as 99th percentile.
    pub p99: Duration,
    /// Probes sent.
    pub probes: usize,
    /// Times that a job was sent to a peer.
    pub forwards: usize,
    /// Jain's index over the part of hits that the clients of each node had: 1 where all fare alike.
    pub fairness: f64,
    /// Jain's index over the part of time that the slots of each node were in use: 1 where all work alike.
    pub balance: f64,
}

impl Figures {
    /// Part of the jobs that were answered in time, 0 to 1.
    pub fn hit_part(&self) -> f64 {
        part(self.hits, self.jobs)
    }

    /// Part of the jobs that were not answered, 0 to 1.
    pub fn drop_part(&self) -> f64 {
        part(self.drops, self.jobs)
    }

    /// Probes for each job.
    pub fn probes_a_job(&self) -> f64 {
        part(self.probes, self.jobs)
    }

    /// Times that each job was sent to a peer, in the mean.
    pub fn forwards_a_job(&self) -> f64 {
        part(self.forwards, self.jobs)
    }

    /// Messages between nodes for each job: a probe and its answer, a job and its reply. Gossip is not
    /// counted, which costs the same for any number of jobs.
    pub fn messages_a_job(&self) -> f64 {
        2.0 * (self.probes_a_job() + self.forwards_a_job())
    }
}

fn part(some: usize, all: usize) -> f64 {
    if all == 0 { 0.0 } else { some as f64 / all as f64 }
}

/// Jain's index: `(sum x)^2 / (n sum x^2)`, from 1/n where one has all, to 1 where all have the same; 1 where
/// nobody has anything.
pub fn jain(values: &[f64]) -> f64 {
    let sum: f64 = values.iter().sum();
    let squares: f64 = values.iter().map(|value| value * value).sum();
    if squares == 0.0 { 1.0 } else { sum * sum / (values.len() as f64 * squares) }
}

/// Counts while the run goes on.
#[derive(Debug)]
pub(super) struct Tally {
    figures: Figures,
    latencies: Vec<Duration>,
    /// Jobs and hits by the node whose client sent them.
    by_host: Vec<(usize, usize)>,
}

impl Tally {
    pub(super) fn new(hosts: usize) -> Self {
        Self { figures: Figures::default(), latencies: Vec::new(), by_host: vec![(0, 0); hosts] }
    }

    pub(super) fn probe(&mut self) {
        self.figures.probes += 1;
    }

    pub(super) fn forward(&mut self) {
        self.figures.forwards += 1;
    }

    /// A job of a client of this host was answered after so long, or not at all.
    pub(super) fn end(&mut self, host: usize, latency: Option<Duration>, in_time: bool) {
        self.figures.jobs += 1;
        self.by_host[host].0 += 1;
        match latency {
            Some(latency) => self.latencies.push(latency),
            None => self.figures.drops += 1,
        }
        if in_time {
            self.figures.hits += 1;
            self.by_host[host].1 += 1;
        }
    }

    /// The figures, with the part of time that each node was busy.
    pub(super) fn finish(mut self, busy: &[f64]) -> Figures {
        self.latencies.sort_unstable();
        let at = |quantile: f64| {
            let rank = (quantile * self.latencies.len() as f64).ceil() as usize;
            self.latencies.get(rank.saturating_sub(1)).copied().unwrap_or_default()
        };
        let total: f64 = self.latencies.iter().map(Duration::as_secs_f64).sum();
        let mean = Duration::from_secs_f64(total / self.latencies.len().max(1) as f64);
        let parts: Vec<f64> =
            self.by_host.iter().filter(|(jobs, _)| *jobs > 0).map(|&(jobs, hits)| part(hits, jobs)).collect();
        Figures {
            mean,
            p50: at(0.5),
            p95: at(0.95),
            p99: at(0.99),
            fairness: jain(&parts),
            balance: jain(busy),
            ..self.figures
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jains_index_is_between_one_for_all_and_all_for_one() {
        assert_eq!(jain(&[3.0, 3.0, 3.0]), 1.0);
        assert_eq!(jain(&[1.0, 0.0, 0.0, 0.0]), 0.25);
        assert_eq!(jain(&[]), 1.0);
    }

    #[test]
    fn percentiles_are_of_what_was_answered() {
        let mut tally = Tally::new(2);
        for ms in 1..=100 {
            tally.end(0, Some(Duration::from_millis(ms)), ms <= 50);
        }
        tally.end(1, None, false);
        let figures = tally.finish(&[1.0, 0.0]);
        assert_eq!((figures.jobs, figures.hits, figures.drops), (101, 50, 1));
        let percentiles = [figures.p50, figures.p95, figures.p99];
        assert_eq!(percentiles, [50, 95, 99].map(Duration::from_millis));
        assert_eq!(figures.mean, Duration::from_micros(50_500));
        assert_eq!((figures.fairness, figures.balance), (0.5, 0.5));
    }
}
