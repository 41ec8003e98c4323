//! What the learner is asked and answers: the bodies of its HTTP routes, and the messages of its session at
//! `GET /ws` (subprotocol [`SUBPROTOCOL`], JSON text messages, many in flight).

use std::borrow::Cow;
use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The WebSocket subprotocol of the learner session.
pub const SUBPROTOCOL: &str = "p2pfaas.learner.1";

/// The action that rejects the job, in the numbering of the original P2PFaaS.
pub const REJECT: u32 = 0;

/// Header of `GET /train`: the number of the choice. This and those below are the original's.
pub const EID_HEADER: &str = "x-p2pfaas-learning-eid";
/// Header of `GET /act` and `GET /train`: the state, its numbers joined by commas.
pub const STATE_HEADER: &str = "x-p2pfaas-learning-state";
/// Header of `GET /train`: the action.
pub const ACTION_HEADER: &str = "x-p2pfaas-learning-action";
/// Header of `GET /train`: the reward.
pub const REWARD_HEADER: &str = "x-p2pfaas-learning-reward";
/// Header of the answer of `GET /act`: the probability with which the action was drawn at random.
pub const EPSILON_HEADER: &str = "x-p2pfaas-eps";

/// A message of a client of the session. Each is answered by one [`Reply`], in the order in which they came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Request {
    /// Choose an action.
    Act(Act),
    /// Learn from a sample.
    Train(OneOrMany),
}

/// What [`Request::Train`] and `POST /train` carry.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum OneOrMany {
    /// One sample.
    One(Sample),
    /// A batch.
    Many(Vec<Sample>),
}

/// A question of a session: which action?
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Act {
    /// Chosen by the client, and returned in the answer.
    pub id: u64,
    /// See [`Question::state`].
    pub state: Vec<f64>,
    /// See [`Question::candidates`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
}

/// The body of `POST /act`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Question {
    /// What the node sees: the task's type, then its running and its queued jobs by type.
    pub state: Vec<f64>,
    /// The actions to choose from. Without any, the numbered actions of the original are meant: 0 rejects,
    /// and there are as many as the parameter `actions_n` says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
}

/// An action that may be chosen, described by the node that the job would go to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Candidate {
    /// Its number, returned if it is chosen.
    pub action: u32,
    /// As many numbers for each candidate, in the same order, about 0 to 3 in size.
    pub features: Vec<f64>,
}

/// What became of a choice. The rewards of jobs teach the learner what it should have chosen.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Sample {
    /// The number of the choice. A sender counts its choices without a gap.
    pub eid: u64,
    /// The state in which it was made.
    pub state: Vec<f64>,
    /// The action that was chosen.
    pub action: u32,
    /// What it was worth.
    pub reward: f64,
    /// The features of the candidate that was chosen; absent where the actions are numbered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<Vec<f64>>,
    /// The state that followed; without it, that of the sample with the next eid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_state: Option<Vec<f64>>,
}

/// The learner's answer to a [`Request`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reply {
    /// To [`Request::Act`].
    Acted(Acted),
    /// To [`Request::Train`].
    Trained(Trained),
    /// To a message that cannot be answered otherwise.
    Error(Failed),
}

/// The choice that answers an [`Act`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Acted {
    /// The id of the question.
    pub id: u64,
    /// See [`Choice::action`].
    pub action: u32,
    /// See [`Choice::epsilon`].
    pub epsilon: f64,
    /// See [`Choice::agent`].
    pub agent: Cow<'static, str>,
    /// See [`Choice::version`].
    pub version: u64,
}

impl Acted {
    /// This choice as the answer to the question `id`.
    pub fn new(id: u64, choice: Choice) -> Self {
        let Choice { action, epsilon, agent, version } = choice;
        Self { id, action, epsilon, agent, version }
    }
}

/// The answer of `POST /act`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Choice {
    /// The action chosen.
    pub action: u32,
    /// The probability with which it was drawn at random; 0 for agents that explore in another way.
    pub epsilon: f64,
    /// The agent that chose.
    #[schema(value_type = String)]
    pub agent: Cow<'static, str>,
    /// Grows by one whenever the learner begins with another model.
    pub version: u64,
}

/// The answer of `POST /train`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Trained {
    /// Samples that were taken.
    pub accepted: usize,
    /// Those that were not.
    pub refused: Vec<Refused>,
}

/// A sample that was not taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Refused {
    /// Its eid; absent where it could not be read.
    pub eid: Option<u64>,
    /// Why not.
    pub why: String,
}

/// A message that could not be answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failed {
    /// The id of the question; absent where it could not be read.
    pub id: Option<u64>,
    /// What is wrong with it.
    pub why: String,
}

/// By hand, because what serde derives for untagged enums first copies the whole value.
impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = OneOrMany;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a sample or a list of samples")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<OneOrMany, A::Error> {
                Sample::deserialize(MapAccessDeserializer::new(map)).map(OneOrMany::One)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<OneOrMany, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(seq)).map(OneOrMany::Many)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written<T: Serialize>(value: &T) -> serde_json::Value {
        serde_json::to_value(value).unwrap()
    }

    #[test]
    fn messages_look_as_the_contract_has_them() {
        let candidate = Candidate { action: 3, features: vec![1.0, 0.5] };
        let act = Request::Act(Act { id: 7, state: vec![0.0, 2.0], candidates: vec![candidate] });
        let wanted = json!({"act": {"id": 7, "state": [0.0, 2.0],
            "candidates": [{"action": 3, "features": [1.0, 0.5]}]}});
        assert_eq!(written(&act), wanted);
        assert_eq!(serde_json::from_value::<Request>(wanted).unwrap(), act);

        let choice = Choice { action: 3, epsilon: 0.1, agent: "QLearning".into(), version: 2 };
        let acted = Reply::Acted(Acted::new(7, choice));
        let wanted =
            json!({"acted": {"id": 7, "action": 3, "epsilon": 0.1, "agent": "QLearning", "version": 2}});
        assert_eq!(written(&acted), wanted);
        assert_eq!(serde_json::from_value::<Reply>(wanted).unwrap(), acted);
    }

    #[test]
    fn samples_come_alone_or_in_batches() {
        let sample = json!({"eid": 1, "state": [0.0], "action": 2, "reward": 1.0});
        let one: Request = serde_json::from_value(json!({"train": sample})).unwrap();
        let many: Request = serde_json::from_value(json!({"train": [sample, sample]})).unwrap();
        assert!(matches!(one, Request::Train(OneOrMany::One(_))));
        assert!(matches!(many, Request::Train(OneOrMany::Many(samples)) if samples.len() == 2));
        let refused = Refused { eid: None, why: "no".to_owned() };
        let trained = Reply::Trained(Trained { accepted: 1, refused: vec![refused] });
        assert_eq!(
            written(&trained),
            json!({"trained": {"accepted": 1, "refused": [{"eid": null, "why": "no"}]}})
        );
    }
}
