use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use learning::Refusal;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::mind::Mind;
use crate::snapshot::Snapshots;

/// From a microsecond, what a choice costs at best, to the two milliseconds after which nobody waits for it.
const SECONDS: [f64; 10] =
    [0.000_001, 0.000_002, 0.000_005, 0.000_01, 0.000_02, 0.000_05, 0.000_1, 0.000_5, 0.002, 0.01];

/// What the learner tells of its work. Those of the hot path are looked up once.
pub(crate) struct Metrics {
    numbered: Counter,
    offered: Counter,
    questions_refused: Counter,
    act: Histogram,
    accepted: Counter,
    refused: Vec<(&'static str, Counter)>,
    sessions: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Form {
    actions: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

/// A sample that is none, among those that [`Refusal::LABELS`] names.
pub(crate) const MALFORMED: &str = "malformed";

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let (acts, samples) = (Family::<Form, Counter>::default(), Family::<Reason, Counter>::default());
        let form = |actions| acts.get_or_create(&Form { actions }).clone();
        let reason = |reason| (reason, samples.get_or_create(&Reason { reason }).clone());
        let metrics = Self {
            numbered: form("numbered"),
            offered: form("candidates"),
            questions_refused: Counter::default(),
            act: Histogram::new(SECONDS),
            accepted: Counter::default(),
            refused: Refusal::LABELS.into_iter().chain([MALFORMED]).map(reason).collect(),
            sessions: Gauge::default(),
        };
        registry.register("acts", "Questions answered, by what was to be chosen from", acts);
        let refused = "Questions that could not be answered";
        registry.register("acts_refused", refused, metrics.questions_refused.clone());
        let act = "From a question until its choice";
        registry.register_with_unit("act", act, Unit::Seconds, metrics.act.clone());
        registry.register("samples_accepted", "Samples accepted", metrics.accepted.clone());
        registry.register("samples_refused", "Samples refused, by reason", samples);
        registry.register("sessions", "Learner sessions that are open", metrics.sessions.clone());
        metrics
    }

    pub(crate) fn acted(&self, numbered: bool, answered: bool, within: Duration) {
        match (answered, numbered) {
            (false, _) => self.questions_refused.inc(),
            (true, true) => self.numbered.inc(),
            (true, false) => self.offered.inc(),
        };
        self.act.observe(within.as_secs_f64());
    }

    pub(crate) fn accepted(&self, samples: usize) {
        self.accepted.inc_by(samples as u64);
    }

    pub(crate) fn refused(&self, reason: &str) {
        if let Some((_, counter)) = self.refused.iter().find(|(label, _)| *label == reason) {
            counter.inc();
        }
    }

    pub(crate) fn sessions(&self) -> &Gauge {
        &self.sessions
    }
}

/// The model, read when it is asked for.
pub(crate) struct Observed {
    pub(crate) mind: Arc<Mind>,
    pub(crate) snapshots: Arc<Snapshots>,
}

impl fmt::Debug for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observed")
    }
}

impl Collector for Observed {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let stats = self.mind.stats();
        let mut gauges = vec![
            ("epsilon", "Probability of a random action", stats.epsilon),
            ("mean_reward", "Mean of about the last thousand rewards", stats.counters.mean_reward),
            ("model_states", "Rows, tiles or weights in use", stats.states as f64),
            ("model_version", "Grows by one with each new model", stats.version as f64),
            ("samples_waiting", "Samples that wait for their turn", stats.pending_entries as f64),
        ];
        if let Some(age) = self.snapshots.age() {
            gauges.push(("snapshot_age_seconds", "Since the model was last saved", age.as_secs_f64()));
        }
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        for (name, help, value) in [
            ("samples_learned", "Samples that were learned from", stats.counters.trained_items),
            ("samples_not_learned", "Samples without a successor or room", stats.counters.untrained_items),
            ("samples_lost", "Eids that were given up", stats.counters.skipped),
        ] {
            let counter = Counter::<u64, AtomicU64>::default();
            counter.inc_by(value);
            counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
        }
        Ok(())
    }
}
