use crate::Parameters;

/// The probability of a random action, which sinks with each answer: `epsilon * epsilon_decay` until
/// `epsilon_min`, as in the original P2PFaaS.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Epsilon {
    now: f64,
}

impl Epsilon {
    pub(crate) fn start(parameters: &Parameters) -> Self {
        Self { now: parameters.epsilon_start }
    }

    /// Goes on where another run had come to.
    pub(crate) fn at(now: f64) -> Self {
        Self { now: now.clamp(0.0, 1.0) }
    }

    pub(crate) fn now(self) -> f64 {
        self.now
    }

    pub(crate) fn answered(&mut self, parameters: &Parameters) {
        if parameters.epsilon_decay_enabled && self.now > parameters.epsilon_min {
            self.now = (self.now * parameters.epsilon_decay).max(parameters.epsilon_min);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_sinks_to_its_least_and_stays() {
        let mut parameters =
            Parameters { epsilon_start: 0.8, epsilon_min: 0.3, epsilon_decay: 0.5, ..Parameters::default() };
        let mut epsilon = Epsilon::start(&parameters);
        let mut seen = vec![];
        for _ in 0..4 {
            seen.push(epsilon.now());
            epsilon.answered(&parameters);
        }
        assert_eq!(seen, [0.8, 0.4, 0.3, 0.3]);
        parameters.epsilon_decay_enabled = false;
        let mut fixed = Epsilon::start(&parameters);
        fixed.answered(&parameters);
        assert_eq!(fixed.now(), 0.8);
    }
}
