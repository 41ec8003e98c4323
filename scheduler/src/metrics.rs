mod labels;
mod learner;
mod links;

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use protocol::FunctionName;
use scheduling::Explanation;

pub(crate) use self::labels::{Decision, Offered};
use self::labels::{ForwardLabels, FunctionLabel, JobLabels, LearningLabels, Name};
use self::learner::LearnerTalk;
use self::links::LinkTraffic;
use crate::admission::Admissions;
use crate::learner::Learner;
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
    consulting: Histogram,
    learning: Family<LearningLabels, Counter>,
}

impl Metrics {
    pub(crate) fn register(
        registry: &mut Registry,
        admissions: Arc<Admissions>,
        peers: Arc<Peers>,
        learner: Option<Arc<Learner>>,
    ) -> Arc<Self> {
        let histogram: fn() -> Histogram = || Histogram::new(SECONDS);
        let metrics = Self {
            jobs: Family::default(),
            scheduling: Family::new_with_constructor(histogram),
            execution: Family::new_with_constructor(histogram),
            probing: histogram(),
            forwarding: histogram(),
            forwards: Family::default(),
            consulting: histogram(),
            learning: Family::default(),
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
        let consulting =
            "From a question to the learner until its answer, or until it was not waited for any more";
        registry.register_with_unit("job_consulting", consulting, Unit::Seconds, metrics.consulting.clone());
        let learning =
            "Decisions of a learning policy, by why the fallback decided and whether the learner agrees";
        registry.register("learning_decisions", learning, metrics.learning.clone());
        registry.register_collector(Box::new(Occupancy(admissions)));
        registry.register_collector(Box::new(LinkTraffic(peers)));
        registry.register_collector(Box::new(LearnerTalk(learner)));
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

    pub(crate) fn consulted(&self, within: Duration) {
        self.consulting.observe(within.as_secs_f64());
    }

    pub(crate) fn learned(&self, explanation: &Explanation) {
        let agrees = match explanation.advised {
            Some(advised) if advised == explanation.action => "true",
            Some(_) => "false",
            None => "",
        };
        let fallback = explanation.fallback.unwrap_or_default();
        self.learning.get_or_create(&LearningLabels { fallback, agrees }).inc();
    }

    pub(crate) fn offered(&self, became: Offered) {
        self.forwards.get_or_create(&ForwardLabels { became }).inc();
    }

    pub(crate) fn job_executed(&self, function: &FunctionName, within: Duration) {
        let label = FunctionLabel { function: Name(Some(function.clone())) };
        self.execution.get_or_create(&label).observe(within.as_secs_f64());
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
