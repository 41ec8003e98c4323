use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use protocol::FunctionName;

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
pub(super) struct JobLabels {
    pub(super) function: Name,
    pub(super) decision: Decision,
    pub(super) status: u16,
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
pub(super) struct ForwardLabels {
    pub(super) became: Offered,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct FunctionLabel {
    pub(super) function: Name,
}

/// How a decision of a learning policy came about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct LearningLabels {
    /// Why the fallback decided; empty where the learner did.
    pub(super) fallback: &'static str,
    /// Whether the learner said the same as was done; empty where it said nothing.
    pub(super) agrees: &'static str,
}

/// A function that is known here; names that callers make up would grow the metrics without bound.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Name(pub(super) Option<FunctionName>);

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
