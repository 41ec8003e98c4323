use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use utoipa::ToSchema;

use crate::VERSION;

/// Whether a daemon can do its job, and which of the parts that it can live without are down.
pub struct Health {
    service: &'static str,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    phase: Phase,
    degraded: BTreeMap<&'static str, String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Phase {
    /// Not everything is there that it cannot do without.
    #[default]
    Starting,
    /// It does its job.
    Ok,
    /// It ends what it accepted and takes nothing new.
    Draining,
}

/// What `GET /health` answers.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HealthReport {
    /// `ok` with status 200; `starting` or `draining` with status 503.
    pub(crate) status: Phase,
    /// The daemon.
    service: &'static str,
    /// Its version.
    version: &'static str,
    /// Parts that are down but lived without, each with the reason.
    degraded: BTreeMap<&'static str, String>,
}

impl Health {
    /// Of this daemon, which is starting.
    pub fn new(service: &'static str) -> Self {
        Self { service, state: Mutex::default() }
    }

    /// A part that the daemon can live without is down.
    pub fn degrade(&self, part: &'static str, reason: impl Into<String>) {
        self.state().degraded.insert(part, reason.into());
    }

    /// The part is back.
    pub fn restore(&self, part: &'static str) {
        self.state().degraded.remove(part);
    }

    /// Why the part is down, if it is.
    pub fn why_degraded(&self, part: &str) -> Option<String> {
        self.state().degraded.get(part).cloned()
    }

    pub(crate) fn enter(&self, phase: Phase) {
        self.state().phase = phase;
    }

    /// The report of this moment.
    pub fn report(&self) -> HealthReport {
        let state = self.state();
        HealthReport {
            status: state.phase,
            service: self.service,
            version: VERSION,
            degraded: state.degraded.clone(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
