//! What every daemon of a node does: settings, start and drain, signals, logs, metrics, health, the HTTP
//! server and its errors. A daemon is what it adds: see [`Daemon`].

mod api;
mod cli;
mod daemon;
mod error;
mod files;
mod health;
mod logs;
mod metrics;
mod process;
mod self_wake;
mod server;
pub mod settings;
mod signals;
pub mod websocket;

pub use api::{VERSION, apply_patch};
pub use daemon::{Context, Daemon, Running, StartError};
pub use error::ApiError;
pub use files::replace_file;
pub use health::{Health, HealthReport};
pub use logs::LogEnv;
pub use process::{raise_open_files, run};
pub use self_wake::poll_again_if_woken;
pub use server::{ServerOptions, Shortcut};
