use std::time::Duration;

use protocol::learner::{Candidate, Choice, Sample};
use rand::SeedableRng;
use rand_pcg::Pcg64;

use crate::agent::{Agent, Choices, Next, Point, Step};
use crate::document::{Document, FORMAT, Head};
use crate::epsilon::Epsilon;
use crate::ring::{Patience, Ring};
use crate::value::{Cursor, write_json};
use crate::{CANDIDATES_MAX, Counters, InvalidModel, Refusal, Spec, Stats};

/// An agent with what stands around it: the checks of what it is asked and told, the order of samples, the
/// probability of a random action, and the counters.
pub struct Model {
    spec: Spec,
    version: u64,
    agent: Box<dyn Agent>,
    epsilon: Epsilon,
    rng: Pcg64,
    /// Samples in order; agents that need none have learned from those that wait already.
    ring: Ring<Option<Sample>>,
    /// The last sample that left the ring, whose successor is not known yet.
    last: Option<(u64, Sample)>,
    state_length: Option<usize>,
    features_length: Option<usize>,
    counters: Counters,
}

impl Model {
    /// A model that has learned nothing yet. Everything random follows from the seed.
    pub fn new(spec: Spec, seed: u64, version: u64) -> Self {
        Self {
            agent: (spec.entry().build)(&spec.parameters),
            epsilon: Epsilon::start(&spec.parameters),
            spec,
            version,
            rng: Pcg64::seed_from_u64(seed),
            ring: Ring::default(),
            last: None,
            state_length: None,
            features_length: None,
            counters: Counters::default(),
        }
    }

    /// The model that [`Self::write`] wrote, or one that was trained elsewhere; it has its own version, or 1.
    ///
    /// # Errors
    /// Says why the document is no model of this agent.
    pub fn read(json: &[u8], spec: Spec, seed: u64) -> Result<Self, InvalidModel> {
        let document = Document::parse(json, &spec)?;
        // What was drawn before it was written is not drawn again.
        let mut model = Self::new(spec, seed.wrapping_add(document.counters.inferences), 1);
        model.agent.read_weights(document.weights).map_err(InvalidModel::Weights)?;
        model.version = document.version.unwrap_or(1);
        model.state_length = document.state_length;
        model.features_length = document.features_length;
        model.counters = document.counters;
        if let Some(epsilon) = document.epsilon {
            model.epsilon = Epsilon::at(epsilon);
        }
        Ok(model)
    }

    /// The same model under another version.
    #[must_use]
    pub fn with_version(mut self, version: u64) -> Self {
        self.version = version;
        self
    }

    /// The agent and its parameters.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Grows by one with each new model.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Takes other parameters, if the model can go on under them; false where it cannot: then a new model is
    /// needed. A change of `epsilon_start` sets the probability of a random action back to it.
    pub fn configure(&mut self, spec: &Spec) -> bool {
        if !self.spec.is_compatible(spec) {
            return false;
        }
        self.agent.configure(&spec.parameters);
        if self.spec.parameters.epsilon_start != spec.parameters.epsilon_start {
            self.epsilon = Epsilon::start(&spec.parameters);
        }
        self.spec = spec.clone();
        true
    }

    /// Chooses one of the candidates; without any, one of the numbered actions.
    ///
    /// # Errors
    /// Says what is wrong with the question. Then nothing was drawn or counted.
    pub fn act(&mut self, state: &[f64], candidates: &[Candidate]) -> Result<Choice, Refusal> {
        self.check_question(state, candidates)?;
        let choices = match candidates {
            [] => Choices::Numbered(self.spec.parameters.actions_n),
            candidates => Choices::Offered(candidates),
        };
        let epsilon = self.epsilon();
        let place = self.agent.act(state, choices, epsilon, &mut self.rng);
        if self.agent.uses_epsilon() {
            self.epsilon.answered(&self.spec.parameters);
        }
        self.counters.inferences += 1;
        let agent = self.spec.name().into();
        Ok(Choice { action: choices.action(place), epsilon, agent, version: self.version })
    }

    fn epsilon(&self) -> f64 {
        if self.agent.uses_epsilon() { self.epsilon.now() } else { 0.0 }
    }

    fn check_question(&self, state: &[f64], candidates: &[Candidate]) -> Result<(), Refusal> {
        if !state.is_empty() || candidates.is_empty() {
            Refusal::check_state("state", state)?;
            if candidates.is_empty() {
                Refusal::check_length("state", state.len(), self.state_length)?;
            }
        }
        if candidates.len() > CANDIDATES_MAX {
            return Err(Refusal::Candidates(candidates.len()));
        }
        let mut known = self.features_length;
        for candidate in candidates {
            Refusal::check_features(&candidate.features)?;
            Refusal::check_length("features", candidate.features.len(), known)?;
            known = Some(candidate.features.len());
        }
        Ok(())
    }

    /// Takes a sample, and learns from those whose turn it is. `now` counts from any origin that stays the
    /// same; `wait` is how long a missing sample is waited for.
    ///
    /// # Errors
    /// Says why the sample is not taken.
    pub fn train(&mut self, sample: Sample, now: Duration, wait: Duration) -> Result<(), Refusal> {
        let taken = self.take(sample, now);
        if taken.is_err() {
            self.counters.refused += 1;
        }
        self.advance(now, wait);
        taken
    }

    fn take(&mut self, sample: Sample, now: Duration) -> Result<(), Refusal> {
        self.check_sample(&sample)?;
        let (eid, reward) = (sample.eid, sample.reward);
        let (state_length, features_length) = (sample.state.len(), sample.features.as_ref().map(Vec::len));
        let digest = digest(&sample);
        if self.agent.needs_order() {
            self.ring.offer(eid, digest, Some(sample), now)?;
        } else {
            self.ring.offer(eid, digest, None, now)?;
            self.learn(eid, &sample, Next::End);
        }
        self.counters.rewarded(reward);
        self.counters.eid_max_seen = self.counters.eid_max_seen.max(eid);
        match features_length {
            None => self.state_length = Some(state_length),
            Some(_) => self.features_length = features_length,
        }
        Ok(())
    }

    fn check_sample(&self, sample: &Sample) -> Result<(), Refusal> {
        Refusal::check_number("reward", sample.reward)?;
        if let Some(features) = &sample.features {
            if !sample.state.is_empty() {
                Refusal::check_state("state", &sample.state)?;
            }
            Refusal::check_features(features)?;
            return Refusal::check_length("features", features.len(), self.features_length);
        }
        for (part, state) in [("state", Some(&sample.state)), ("next_state", sample.next_state.as_ref())] {
            let Some(state) = state else { continue };
            Refusal::check_state(part, state)?;
            Refusal::check_length(part, state.len(), self.state_length)?;
        }
        let actions_n = self.spec.parameters.actions_n;
        let action = sample.action;
        if action < actions_n { Ok(()) } else { Err(Refusal::Action { action, actions_n }) }
    }

    /// Learns from the samples whose turn has come. To be called now and then when no samples come.
    pub fn advance(&mut self, now: Duration, wait: Duration) {
        let waiting_max = self.spec.parameters.entry_missing_max_attempts as usize;
        self.ring.advance(now, Patience { limit: wait, waiting_max });
        while let Some((eid, sample)) = self.ring.take() {
            if let Some(sample) = sample {
                self.follow(eid, sample);
            }
        }
        self.counters.skipped += self.ring.take_skipped();
    }

    /// Learns from the last sample, now that it is known what followed.
    fn follow(&mut self, eid: u64, sample: Sample) {
        let last = self.last.take();
        let follows = last.as_ref().is_some_and(|(before, _)| before.checked_add(1) == Some(eid));
        if let Some((before, last)) = last {
            match &last.next_state {
                Some(state) if last.features.is_none() => self.learn(before, &last, Next::State(state)),
                _ if follows => self.learn(before, &last, Next::Chosen(point(&sample))),
                _ => self.counters.untrained_items += 1,
            }
        }
        if !follows {
            self.counters.episodes += 1;
            self.agent.interrupted();
        }
        self.last = Some((eid, sample));
    }

    fn learn(&mut self, eid: u64, sample: &Sample, next: Next<'_>) {
        let step = Step { point: point(sample), reward: sample.reward, next, epsilon: self.epsilon() };
        if self.agent.learn(&step) {
            self.counters.trained_items += 1;
            self.counters.eid_last_trained = eid;
        } else {
            self.counters.untrained_items += 1;
        }
    }

    /// How the model stands.
    pub fn stats(&self) -> Stats {
        Stats {
            agent: self.spec.name(),
            version: self.version,
            epsilon: self.epsilon(),
            average_reward: self.agent.average_reward(),
            states: self.agent.states(),
            pending_entries: self.ring.waiting_n(),
            counters: self.counters,
        }
    }

    /// Appends the next part of the model as a JSON object to `out`; true with the last part. Between two
    /// parts the model may be used, and goes on learning.
    pub fn write(&self, cursor: &mut Cursor, out: &mut Vec<u8>) -> bool {
        if cursor.is_at_start() {
            let head = Head {
                format: FORMAT,
                agent: self.spec.name(),
                parameters: self.spec.parameters.to_map(),
                version: self.version,
                epsilon: self.epsilon.now(),
                state_length: self.state_length,
                features_length: self.features_length,
                counters: self.counters,
            };
            write_json(&head, out);
            // The object goes on with the weights.
            out.pop();
            out.extend_from_slice(b",\"weights\":");
        }
        let done = self.agent.write_weights(cursor, out);
        if done {
            out.push(b'}');
        }
        done
    }
}

fn point(sample: &Sample) -> Point<'_> {
    Point { state: &sample.state, action: sample.action, features: sample.features.as_deref() }
}

/// Tells samples of the same eid apart: CRC-32 of what they hold.
fn digest(sample: &Sample) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&sample.action.to_le_bytes());
    hasher.update(&sample.reward.to_le_bytes());
    for number in sample.state.iter().chain(sample.features.iter().flatten()) {
        hasher.update(&number.to_le_bytes());
    }
    hasher.finalize()
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
