use rand_pcg::Pcg64;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Agent, Choices, Entry, Next, Point, Step, choose};
use crate::Parameters;
use crate::value::{Cursor, Successor, Tiles, Values};

/// Differential semi-gradient SARSA(lambda) with tile coding (Sutton and Barto, sections 10.3 and 12.7):
/// `delta = r - R + q(s', a') - q(s, a)`, then `R += beta * delta`, and each weight moves by
/// `alpha * delta` times its trace. Traces are replaced by 1 where a tile is active, and else shrink by
/// `lambda` a step.
///
/// Tiles lie over the state, with the action as a further key, or over the features of a candidate.
pub struct TileSarsa {
    coding: Coding,
    average_reward: f64,
    traces: Vec<(u64, f64)>,
    parameters: Parameters,
    scratch: Vec<Option<f64>>,
}

pub(super) const ENTRY: Entry = Entry {
    name: "TileSarsa",
    aliases: &[],
    summary: "Differential SARSA(lambda) with tile coding",
    defaults: || Parameters { alpha: 0.1 / 8.0, beta: 0.005, ..Parameters::default() },
    build: |parameters| Box::new(TileSarsa::new(parameters)),
};

/// A trace that has shrunk so far moves nothing that counts.
const TRACE_MIN: f64 = 0.01;

/// Traces kept at once; the oldest are dropped where `lambda` is near 1.
const TRACES_MAX: usize = 4_096;

/// The values as tiles tell them.
struct Coding {
    tiles: Tiles,
    state_tile_width: f64,
    feature_tile_width: f64,
    /// Whether a sample of a rejected job was ever learned from.
    reject_tried: bool,
}

impl TileSarsa {
    /// An agent that has learned nothing yet.
    pub fn new(parameters: &Parameters) -> Self {
        let coding = Coding {
            tiles: Tiles::new(parameters.tilings),
            state_tile_width: parameters.state_tile_width,
            feature_tile_width: parameters.feature_tile_width,
            reject_tried: false,
        };
        let (traces, scratch) = (Vec::new(), Vec::new());
        Self { coding, average_reward: 0.0, traces, parameters: parameters.clone(), scratch }
    }

    fn refresh_traces(&mut self, point: Point<'_>) {
        let active = self.coding.places(point);
        let lambda = self.parameters.lambda;
        self.traces.retain_mut(|(place, trace)| {
            *trace *= lambda;
            *trace >= TRACE_MIN && !active.contains(place)
        });
        let excess = (self.traces.len() + active.len()).saturating_sub(TRACES_MAX);
        self.traces.drain(..excess.min(self.traces.len()));
        self.traces.extend(active.into_iter().map(|place| (place, 1.0)));
    }
}

impl Coding {
    fn places(&self, point: Point<'_>) -> Vec<u64> {
        let mut places = Vec::new();
        match point.features {
            Some(features) => self.tiles.place(features, self.feature_tile_width, &mut places),
            None => {
                self.tiles.place(point.state, self.state_tile_width, &mut places);
                places.iter_mut().for_each(|place| *place = Tiles::of_action(*place, point.action));
            }
        }
        places
    }

    fn sum(&self, places: impl Iterator<Item = u64>) -> f64 {
        places.map(|place| self.tiles.weight(place)).sum()
    }
}

impl Values for Coding {
    fn value(&self, point: Point<'_>) -> f64 {
        self.sum(self.places(point).into_iter())
    }

    fn fill(&self, state: &[f64], choices: Choices<'_>, out: &mut Vec<Option<f64>>) {
        out.clear();
        let mut places = Vec::new();
        if let Choices::Numbered(_) = choices {
            self.tiles.place(state, self.state_tile_width, &mut places);
        }
        for place in 0..choices.len() {
            let value = match choices.features(place) {
                Some(features) => {
                    self.tiles.place(features, self.feature_tile_width, &mut places);
                    self.sum(places.iter().copied())
                }
                None => {
                    let action = choices.action(place);
                    self.sum(places.iter().map(|place| Tiles::of_action(*place, action)))
                }
            };
            out.push((self.reject_tried || !choices.rejects(place)).then_some(value));
        }
    }
}

impl Agent for TileSarsa {
    fn configure(&mut self, parameters: &Parameters) {
        self.parameters = parameters.clone();
    }

    fn act(&mut self, state: &[f64], choices: Choices<'_>, epsilon: f64, rng: &mut Pcg64) -> usize {
        self.coding.fill(state, choices, &mut self.scratch);
        choose(choices, &self.scratch, epsilon, self.parameters.explore_reject, rng)
    }

    fn learn(&mut self, step: &Step<'_>) -> bool {
        let (epsilon, parameters) = (step.epsilon, &self.parameters);
        let next = Successor::Taken.value(&self.coding, step.next, epsilon, parameters, &mut self.scratch);
        let delta = step.reward - self.average_reward + next - self.coding.value(step.point);
        let average_reward = self.average_reward + parameters.beta * delta;
        if average_reward.is_finite() {
            self.average_reward = average_reward;
        }
        self.refresh_traces(step.point);
        let change = self.parameters.alpha * delta;
        for (place, trace) in &self.traces {
            self.coding.tiles.add(*place, change * trace);
        }
        self.coding.reject_tried |= step.point.action == protocol::learner::REJECT;
        if !matches!(step.next, Next::Chosen(_)) {
            self.traces.clear();
        }
        true
    }

    fn interrupted(&mut self) {
        self.traces.clear();
    }

    fn average_reward(&self) -> Option<f64> {
        Some(self.average_reward)
    }

    fn states(&self) -> usize {
        self.coding.tiles.used()
    }

    /// `{"average_reward", "reject_tried", "tiles": [[[index, weight], ..], ..]}`, without weights of zero.
    fn write_weights(&self, cursor: &mut Cursor, out: &mut Vec<u8>) -> bool {
        if cursor.is_at_start() {
            let (average_reward, reject_tried) = (self.average_reward, self.coding.reject_tried);
            let head =
                format!("{{\"average_reward\":{average_reward},\"reject_tried\":{reject_tried},\"tiles\":[");
            out.extend_from_slice(head.as_bytes());
        } else {
            out.push(b',');
        }
        self.coding.tiles.write(cursor.part([self.coding.tiles.len(), 0]), out);
        if cursor.is_done() {
            out.extend_from_slice(b"]}");
        }
        cursor.is_done()
    }

    fn read_weights(&mut self, weights: &RawValue) -> Result<(), String> {
        let weights: Weights = serde_json::from_str(weights.get()).map_err(|error| error.to_string())?;
        self.average_reward = weights.average_reward;
        self.coding.reject_tried = weights.reject_tried;
        weights
            .tiles
            .into_iter()
            .flatten()
            .try_for_each(|(index, weight)| self.coding.tiles.read(index, weight))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Weights {
    average_reward: f64,
    reject_tried: bool,
    tiles: Vec<Vec<(usize, f32)>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_fade_and_are_bounded() {
        let mut agent = TileSarsa::new(&Parameters { lambda: 1.0, ..Parameters::default() });
        for number in 0..2_000 {
            let state = [f64::from(number) * 10.0];
            let point = Point { state: &state, action: 1, features: None };
            let step = Step { point, reward: 1.0, next: Next::Chosen(point), epsilon: 0.1 };
            agent.learn(&step);
            assert!(agent.traces.len() <= TRACES_MAX);
        }
        assert_eq!(agent.traces.len(), TRACES_MAX);
        agent.configure(&Parameters { lambda: 0.3, ..Parameters::default() });
        for number in 0..5 {
            let state = [f64::from(number) * -10.0];
            let point = Point { state: &state, action: 1, features: None };
            agent.learn(&Step { point, reward: 1.0, next: Next::Chosen(point), epsilon: 0.1 });
        }
        assert_eq!(agent.traces.len(), 4 * 8, "0.3 to the fourth is less than a hundredth");
        agent.interrupted();
        assert!(agent.traces.is_empty());
    }
}
