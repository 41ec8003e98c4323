use std::sync::Arc;

use membership::Counters;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;
use protocol::nodes::NodeState;

use crate::gossip::{Figures, StateCounts, Stats};

type Labels = [(&'static str, &'static str); 1];

/// What the gossip tells of itself, read when it is asked for.
#[derive(Debug)]
pub(crate) struct GossipMetrics(Arc<Stats>);

impl GossipMetrics {
    pub(crate) fn register(registry: &mut Registry, stats: Arc<Stats>) {
        registry.register_collector(Box::new(Self(stats)));
    }
}

impl Collector for GossipMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        let figures = self.0.figures();
        gauges(&mut encoder, &figures)?;
        nodes(&mut encoder, figures.states)?;
        refused(&mut encoder, &figures.counters)?;
        counters(&mut encoder, &figures)
    }
}

fn gauges(encoder: &mut DescriptorEncoder<'_>, figures: &Figures) -> std::fmt::Result {
    let loss = ConstGauge::new(figures.loss);
    let help = "Part of the datagrams that are lost, as the probes show it, 0 to 1";
    loss.encode(encoder.encode_descriptor("gossip_loss", help, None, loss.metric_type())?)?;
    let watchers = ConstGauge::new(i64::try_from(figures.watchers).unwrap_or(i64::MAX));
    let help = "Connections that watch the nodes";
    watchers.encode(encoder.encode_descriptor("watchers", help, None, watchers.metric_type())?)
}

fn nodes(encoder: &mut DescriptorEncoder<'_>, counts: StateCounts) -> std::fmt::Result {
    let family = Family::<Labels, Gauge>::default();
    for state in StateCounts::STATES {
        let count = i64::try_from(counts.of(state)).unwrap_or(i64::MAX);
        family.get_or_create(&[("state", state_name(state))]).set(count);
    }
    let help = "The other nodes, by what is thought of them";
    family.encode(encoder.encode_descriptor("nodes", help, None, family.metric_type())?)
}

/// The name of a state, as JSON has it.
pub(crate) fn state_name(state: NodeState) -> &'static str {
    match state {
        NodeState::Alive => "alive",
        NodeState::Suspect => "suspect",
        NodeState::Dead => "dead",
        NodeState::Left => "left",
    }
}

fn refused(encoder: &mut DescriptorEncoder<'_>, counters: &Counters) -> std::fmt::Result {
    let family = Family::<Labels, prometheus_client::metrics::counter::Counter>::default();
    for (reason, count) in [
        ("stranger", counters.strangers),
        ("malformed", counters.malformed),
        ("duplicate", counters.duplicates),
    ] {
        family.get_or_create(&[("reason", reason)]).inc_by(count);
    }
    let help = "Datagrams and requests that were not taken: under no key of ours, not what they claim to be, \
                or a copy of one that had come";
    family.encode(encoder.encode_descriptor("gossip_refused", help, None, family.metric_type())?)
}

fn counters(encoder: &mut DescriptorEncoder<'_>, figures: &Figures) -> std::fmt::Result {
    let counters = &figures.counters;
    for (name, help, value) in [
        ("gossip_datagrams_sent", "Datagrams sent", counters.datagrams_sent),
        ("gossip_datagrams_received", "Datagrams that came in", counters.datagrams_received),
        ("gossip_datagram_sent_bytes", "Bytes of datagrams sent", counters.datagram_bytes_sent),
        (
            "gossip_datagram_received_bytes",
            "Bytes of datagrams that came in",
            counters.datagram_bytes_received,
        ),
        ("gossip_stream_sent_bytes", "Bytes of exchanges sent", counters.stream_bytes_sent),
        ("gossip_stream_received_bytes", "Bytes of exchanges that came in", counters.stream_bytes_received),
        (
            "gossip_exchanges",
            "Exchanges begun: comparisons with another node, and fetches",
            counters.exchanges_begun,
        ),
        (
            "gossip_exchanges_failed",
            "Of these, those without a good answer in time",
            counters.exchanges_failed,
        ),
        (
            "gossip_probes_failed",
            "Probes that neither the node nor a helper answered",
            counters.probes_failed,
        ),
        ("gossip_rejoins", "Times that this node was taken for dead and came back", counters.rejoins),
        (
            "gossip_refuted_suspicions",
            "Suspicions of others that had been refuted when they fell due",
            counters.refuted_suspicions,
        ),
        ("gossip_overflows", "Things dropped because too many were waiting", counters.overflows),
        ("gossip_internal_errors", "Faults of the gossip's own", counters.internal_errors),
        ("gossip_sends_failed", "Datagrams that the system did not take", figures.sends_failed),
        (
            "watchers_dropped",
            "Watchers that were closed because they did not keep up",
            figures.watchers_dropped,
        ),
    ] {
        let counter = ConstCounter::new(value);
        counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)?;
    }
    Ok(())
}
