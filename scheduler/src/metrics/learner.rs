use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::learner::{Counts, Learner};

/// The session with the learner, read when it is asked for.
pub(super) struct LearnerTalk(pub(super) Option<Arc<Learner>>);

/// A number of the session with its name and its meaning.
type Number = (&'static str, &'static str, fn(&Counts) -> &AtomicU64);

const NUMBERS: [Number; 7] = [
    ("learner_answered", "Questions that the learner answered in time", |counts| &counts.answered),
    ("learner_refused", "Questions that the learner said it cannot answer", |counts| &counts.refused),
    ("learner_missed", "Questions that were not answered in time, or lost", |counts| &counts.missed),
    ("learner_unasked", "Questions not asked, of a learner that is away or slow", |counts| &counts.unasked),
    ("learner_samples_sent", "Samples sent to the learner", |counts| &counts.samples_sent),
    ("learner_samples_dropped", "Samples dropped because too many wait", |counts| &counts.samples_dropped),
    ("learner_samples_refused", "Samples that the learner refused", |counts| &counts.samples_refused),
];

impl std::fmt::Debug for LearnerTalk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LearnerTalk")
    }
}

impl Collector for LearnerTalk {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        let Some(learner) = &self.0 else {
            return Ok(());
        };
        let connected = ConstGauge::new(i64::from(learner.is_connected()));
        let help = "Whether the session with the learner is open";
        connected.encode(encoder.encode_descriptor("learner_connected", help, None, MetricType::Gauge)?)?;
        for (name, help, of) in NUMBERS {
            let count = ConstCounter::new(of(learner.counts()).load(Ordering::Relaxed));
            count.encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
        }
        Ok(())
    }
}
