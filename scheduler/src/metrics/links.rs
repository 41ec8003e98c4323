use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::peers::Peers;

/// Links to peers and from them, read when they are asked for.
pub(super) struct LinkTraffic(pub(super) Arc<Peers>);

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
