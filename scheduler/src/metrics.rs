use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, EncodeLabelValue, EncodeMetric, LabelValueEncoder,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use protocol::FunctionName;

use crate::admission::Admissions;
use crate::peers::Peers;

/// From a tenth of a millisecond, what a call costs at best, to the default time-out of a minute.
const SECONDS: [f64; 14] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 10.0, 60.0];

/// What the scheduler tells of its jobs.
pub(crate) struct Metrics {
    jobs: Family<JobLabels, Counter>,
    scheduling: Family<FunctionLabel, Histogram, fn() -> Histogram>,
    execution: Family<FunctionLabel, Histogram, fn() -> Histogram>,
    probing: Histogram,
    forwarding: Histogram,
    forwards: Family<ForwardLabels, Counter>,
}

/// What became of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Decision {
    /// The policy was never asked: the call was malformed, or its function is unknown.
    None,
    Run,
    Forward,
    Reject,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct JobLabels {
    function: Name,
    decision: Decision,
    status: u16,
}

/// What became of the offer of a job to a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Offered {
    Answered,
    Refused,
    Unreachable,
    Lost,
    Late,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ForwardLabels {
    became: Offered,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FunctionLabel {
    function: Name,
}

/// A function that is known here; names that callers make up would grow the metrics without bound.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Name(Option<FunctionName>);

impl Metrics {
    pub(crate) fn register(
        registry: &mut Registry,
        admissions: Arc<Admissions>,
        peers: Arc<Peers>,
    ) -> Arc<Self> {
        let histogram: fn() -> Histogram = || Histogram::new(SECONDS);
        let metrics = Self {
            jobs: Family::default(),
            scheduling: Family::new_with_constructor(histogram),
            execution: Family::new_with_constructor(histogram),
            probing: histogram(),
            forwarding: histogram(),
            forwards: Family::default(),
        };
        let jobs = "Jobs answered, by function, decision and HTTP status";
        registry.register("jobs", jobs, metrics.jobs.clone());
        let scheduling = "From a job's arrival until it started";
        registry.register_with_unit("job_scheduling", scheduling, Unit::Seconds, metrics.scheduling.clone());
        let execution = "From the request to the function until the head of its reply";
        registry.register_with_unit("job_execution", execution, Unit::Seconds, metrics.execution.clone());
        let probing = "From the question to some peers for their load until all had answered or failed";
        registry.register_with_unit("job_probing", probing, Unit::Seconds, metrics.probing.clone());
        let forwarding = "From the offer of a job to a peer until the head of its reply";
        registry.register_with_unit("job_forwarding", forwarding, Unit::Seconds, metrics.forwarding.clone());
        let forwards = "Jobs offered to a peer, by what became of the offer";
        registry.register("forwards", forwards, metrics.forwards.clone());
        registry.register_collector(Box::new(Occupancy(admissions)));
        registry.register_collector(Box::new(LinkTraffic(peers)));
        Arc::new(metrics)
    }

    pub(crate) fn job_answered(
        &self,
        function: Option<&FunctionName>,
        decision: Decision,
        status: StatusCode,
    ) {
        let labels = JobLabels { function: Name(function.cloned()), decision, status: status.as_u16() };
        self.jobs.get_or_create(&labels).inc();
    }

    pub(crate) fn job_started(&self, function: &FunctionName, after: Duration) {
        let label = FunctionLabel { function: Name(Some(function.clone())) };
        self.scheduling.get_or_create(&label).observe(after.as_secs_f64());
    }

    pub(crate) fn probed(&self, within: Duration) {
        self.probing.observe(within.as_secs_f64());
    }

    pub(crate) fn forwarded(&self, within: Duration) {
        self.forwarding.observe(within.as_secs_f64());
    }

    pub(crate) fn offered(&self, became: Offered) {
        self.forwards.get_or_create(&ForwardLabels { became }).inc();
    }

    pub(crate) fn job_executed(&self, function: &FunctionName, within: Duration) {
        let label = FunctionLabel { function: Name(Some(function.clone())) };
        self.execution.get_or_create(&label).observe(within.as_secs_f64());
    }
}

impl EncodeLabelValue for Decision {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        let text = match self {
            Self::None => "none",
            Self::Run => "run",
            Self::Forward => "forward",
            Self::Reject => "reject",
        };
        EncodeLabelValue::encode(&text, encoder)
    }
}

impl EncodeLabelValue for Offered {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        let text = match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Lost => "lost",
            Self::Late => "late",
        };
        EncodeLabelValue::encode(&text, encoder)
    }
}

impl EncodeLabelValue for Name {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        let text = self.0.as_ref().map_or("", FunctionName::as_str);
        EncodeLabelValue::encode(&text, encoder)
    }
}

/// Slots and queue, read when they are asked for.
struct Occupancy(Arc<Admissions>);

impl std::fmt::Debug for Occupancy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Occupancy")
    }
}

impl Collector for Occupancy {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        let load = self.0.load();
        for (name, help, value) in [
            ("jobs_running", "Jobs that occupy a slot", load.running),
            ("jobs_waiting", "Jobs that wait for a slot", load.waiting),
            ("slots", "Jobs that may run at once", load.slots),
            ("queue_length_max", "Jobs that may wait for a slot", load.queue_length_max),
        ] {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}

/// Links to peers and from them, read when they are asked for.
struct LinkTraffic(Arc<Peers>);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DirectionLabel {
    direction: &'static str,
}

/// A number of the links with its name, its meaning, and whether it only grows.
type LinkNumber = (&'static str, &'static str, bool, fn(&link::Stats) -> u64);

const LINK_NUMBERS: [LinkNumber; 10] = [
    ("links_open", "Links that are open", false, |stats| stats.links_open),
    ("link_streams_open", "Jobs and bodies on their way over links", false, |stats| stats.streams_open),
    ("links_opened", "Links that were opened", true, |stats| stats.links_opened),
    ("link_frames_received", "Frames that came", true, |stats| stats.frames_in),
    ("link_frames_sent", "Frames that went", true, |stats| stats.frames_out),
    ("link_bytes_received", "Bytes of frames that came", true, |stats| stats.bytes_in),
    ("link_bytes_sent", "Bytes of frames that went", true, |stats| stats.bytes_out),
    ("link_malformed", "Links closed because a peer broke the protocol", true, |stats| stats.malformed),
    ("link_handshakes_refused", "Handshakes refused by either side", true, |stats| stats.handshakes_refused),
    ("link_pings_missed", "Intervals without a sign of life", true, |stats| stats.pings_missed),
];

impl std::fmt::Debug for LinkTraffic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkTraffic")
    }
}

impl Collector for LinkTraffic {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        let [outgoing, incoming] = self.0.stats().unwrap_or_default();
        for (name, help, grows, of) in LINK_NUMBERS {
            let kind = if grows { MetricType::Counter } else { MetricType::Gauge };
            let mut family = encoder.encode_descriptor(name, help, None, kind)?;
            for (direction, stats) in [("outgoing", &outgoing), ("incoming", &incoming)] {
                let label = DirectionLabel { direction };
                let value = of(stats);
                if grows {
                    ConstCounter::new(value).encode(family.encode_family(&label)?)?;
                } else {
                    ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX))
                        .encode(family.encode_family(&label)?)?;
                }
            }
        }
        Ok(())
    }
}
