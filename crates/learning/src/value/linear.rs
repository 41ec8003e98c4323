use serde::Deserialize;
use serde_json::value::RawValue;

use super::ridge::{Forgetting, Ridge, Written};
use super::{Cursor, write_json};
use crate::Parameters;
use crate::agent::{Choices, Point};

/// Elements of all matrices of the numbered actions together: 8 MB with their inverses.
const ELEMENTS_MAX: usize = 1 << 19;

/// Linear models of what actions are worth: one of a candidate's features, which all candidates share; and
/// one of the state for each numbered action, whose features are 1 and the parts of the state.
pub struct Linear {
    offered: Option<Ridge>,
    numbered: Vec<Option<Ridge>>,
    /// Whether a sample of a rejected candidate was ever learned from.
    reject_tried: bool,
    parameters: Parameters,
}

/// What a model makes of an action.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The expected reward.
    pub mean: f64,
    /// How uncertain that is.
    pub width: f64,
}

impl Linear {
    /// Models that have learned nothing yet.
    pub fn new(parameters: &Parameters) -> Self {
        let numbered = (0..parameters.actions_n).map(|_| None).collect();
        Self { offered: None, numbered, reject_tried: false, parameters: parameters.clone() }
    }

    /// Takes other parameters.
    pub fn configure(&mut self, parameters: &Parameters) {
        self.parameters = parameters.clone();
    }

    /// The parameters.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Hands an estimate of each choice to `score`; none where the choice rejects and that was never tried,
    /// or is not to be explored: then there is nothing but its mean.
    pub fn score(
        &self,
        state: &[f64],
        choices: Choices<'_>,
        out: &mut Vec<Option<f64>>,
        mut score: impl FnMut(Estimate) -> f64,
    ) {
        out.clear();
        let of_state = with_one(state);
        for place in 0..choices.len() {
            let (model, x, tried) = match choices.features(place) {
                Some(features) => (self.offered.as_ref(), features, self.reject_tried),
                None => {
                    let model = self.numbered[place].as_ref();
                    (model, of_state.as_slice(), model.is_some())
                }
            };
            let explores = self.parameters.explore_reject || !choices.rejects(place);
            let estimate = self.estimate(model, x, choices.features(place).is_some());
            out.push(match (explores, tried) {
                (true, _) => Some(score(estimate)),
                (false, true) => Some(estimate.mean),
                (false, false) => None,
            });
        }
    }

    fn estimate(&self, model: Option<&Ridge>, x: &[f64], is_offered: bool) -> Estimate {
        match model {
            Some(model) if model.dimensions() == x.len() => {
                Estimate { mean: model.mean(x), width: model.width(x) }
            }
            _ => {
                let prior = if is_offered { self.prior(x.len()) } else { vec![] };
                let mean = prior.iter().zip(x).map(|(weight, feature)| weight * feature).sum();
                let square: f64 = x.iter().map(|feature| feature * feature).sum();
                Estimate { mean, width: (square / self.parameters.ridge).sqrt() }
            }
        }
    }

    /// The prior of the features; zeros where it is not as long as they are.
    fn prior(&self, length: usize) -> Vec<f64> {
        if self.parameters.prior.len() == length { self.parameters.prior.clone() } else { vec![0.0; length] }
    }

    /// Learns what an action was worth; false where there is no room for its model.
    pub fn learn(&mut self, point: Point<'_>, reward: f64) -> bool {
        let forgetting = Forgetting { memory: self.parameters.memory, ridge: self.parameters.ridge };
        if let Some(features) = point.features {
            let prior = self.prior(features.len());
            let model = self.offered.get_or_insert_with(|| Ridge::new(&prior, forgetting.ridge));
            if model.dimensions() != features.len() {
                return false;
            }
            model.update(features, reward, &prior, forgetting);
            self.reject_tried |= point.action == protocol::learner::REJECT;
            return true;
        }
        let x = with_one(point.state);
        let fits = self.numbered.len() * x.len() * x.len() <= ELEMENTS_MAX;
        let Some(model) = self.numbered.get_mut(point.action as usize).filter(|_| fits) else {
            return false;
        };
        let model = model.get_or_insert_with(|| Ridge::new(&vec![0.0; x.len()], forgetting.ridge));
        if model.dimensions() != x.len() {
            return false;
        }
        model.update(&x, reward, &[], forgetting);
        true
    }

    /// Weights in use.
    pub fn len(&self) -> usize {
        self.numbered.iter().chain([&self.offered]).flatten().map(Ridge::dimensions).sum()
    }

    /// Whether nothing was learned yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends `{"reject_tried", "offered": model or null, "numbered": [model or null, ..]}`, one model a part.
    pub(crate) fn write(&self, cursor: &mut Cursor, out: &mut Vec<u8>) -> bool {
        if cursor.is_at_start() {
            let head = format!("{{\"reject_tried\":{},\"offered\":", self.reject_tried);
            out.extend_from_slice(head.as_bytes());
            write_json(&self.offered.as_ref().map(Ridge::written), out);
            out.extend_from_slice(b",\"numbered\":[");
        }
        for place in cursor.part([self.numbered.len(), 0]) {
            if place > 0 {
                out.push(b',');
            }
            write_json(&self.numbered[place].as_ref().map(Ridge::written), out);
        }
        if cursor.is_done() {
            out.extend_from_slice(b"]}");
        }
        cursor.is_done()
    }

    /// Reads what [`Self::write`] wrote.
    pub(crate) fn read(&mut self, weights: &RawValue) -> Result<(), String> {
        let weights: Weights = serde_json::from_str(weights.get()).map_err(|error| error.to_string())?;
        if weights.numbered.len() != self.numbered.len() {
            return Err(format!("there are {} models, not {}", weights.numbered.len(), self.numbered.len()));
        }
        self.reject_tried = weights.reject_tried;
        self.offered = weights.offered.map(Ridge::read).transpose()?;
        let numbered = weights.numbered.into_iter().map(|model| model.map(Ridge::read).transpose());
        self.numbered = numbered.collect::<Result<_, _>>()?;
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Weights {
    reject_tried: bool,
    offered: Option<Written>,
    numbered: Vec<Option<Written>>,
}

fn with_one(state: &[f64]) -> Vec<f64> {
    std::iter::once(1.0).chain(state.iter().copied()).collect()
}
