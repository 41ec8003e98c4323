use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, reload};

use crate::settings::{Allowed, Common};

/// For whom the daemon logs; the names are those of the original P2PFaaS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogEnv {
    /// JSON lines, for machines.
    Production,
    /// Text, for people.
    Development,
}

impl Allowed for LogEnv {
    fn allowed() -> String {
        "\"production\" (JSON lines) or \"development\" (text)".to_owned()
    }
}

/// What the daemon logs: a level, or a comma-separated list of targets with levels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LogLevel {
    text: String,
    targets: Targets,
}

impl Default for LogLevel {
    fn default() -> Self {
        Self {
            text: "info".to_owned(),
            targets: Targets::new().with_default(tracing::level_filters::LevelFilter::INFO),
        }
    }
}

impl TryFrom<String> for LogLevel {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let unknown = || format!("{text:?} is not {}", Self::allowed());
        if text.trim().is_empty() || text.split(',').any(|part| !is_directive(part.trim())) {
            return Err(unknown());
        }
        let targets = Targets::from_str(&text).map_err(|_| unknown())?;
        Ok(Self { text, targets })
    }
}

/// The parser of `Targets` takes a bare word that is no level for a target to log in full, so that a
/// misspelt level would switch everything on; here a target must name its level.
fn is_directive(part: &str) -> bool {
    let level = part.rsplit_once('=').map_or(part, |(_target, level)| level);
    tracing::level_filters::LevelFilter::from_str(level).is_ok()
}

impl From<LogLevel> for String {
    fn from(level: LogLevel) -> Self {
        level.text
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Allowed for LogLevel {
    fn allowed() -> String {
        "off, error, warn, info, debug or trace, or a list such as info,scheduler=debug".to_owned()
    }
}

/// Changes what is logged while the daemon runs.
pub(crate) struct LogControl(reload::Handle<Targets, Registry>);

impl LogControl {
    pub(crate) fn set(&self, level: &LogLevel) {
        if let Err(error) = self.0.reload(level.targets.clone()) {
            tracing::error!(%error, "the log level could not be changed");
        }
    }
}

/// Starts logging to standard output.
pub(crate) fn init(settings: &Common) -> LogControl {
    let (filter, handle) = reload::Layer::new(settings.log_level.targets.clone());
    let lines = match settings.log_env {
        LogEnv::Production => tracing_subscriber::fmt::layer().json().flatten_event(true).boxed(),
        LogEnv::Development => tracing_subscriber::fmt::layer().boxed(),
    };
    // Another subscriber may be there already where several daemons share a process, as in tests.
    let _ = Registry::default().with(filter).with(lines).try_init();
    LogControl(handle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_levels_and_targets_with_levels() {
        for text in ["info", "debug", "off", "info,scheduler=debug", "warn, scheduler::executor=trace"] {
            assert!(LogLevel::try_from(text.to_owned()).is_ok(), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_level() {
        for text in ["", "loud", "info,scheduler", "scheduler=loud"] {
            assert!(LogLevel::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
