use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::settings::LogLevel;
use crate::{LogEnv, ServerOptions};

/// The settings that every daemon has.
#[derive(Debug, Clone)]
pub struct Common {
    /// Where the daemon listens.
    pub listening: SocketAddr,
    /// Where it keeps what must survive a restart.
    pub data_path: PathBuf,
    /// For whom it logs.
    pub log_env: LogEnv,
    /// What it logs.
    pub log_level: LogLevel,
    /// How long jobs that were accepted may go on after the signal to stop.
    pub drain_timeout: Duration,
    /// The bounds of its HTTP server.
    pub server: ServerOptions,
}
