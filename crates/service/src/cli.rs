use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::VERSION;
use crate::settings::{DEFAULT_FILE, Settings, Store};

/// One of the three services of a P2PFaaS node. Without a command it serves until SIGTERM or SIGINT.
#[derive(Debug, Parser)]
#[command(version = VERSION)]
pub(crate) struct Cli {
    /// The settings file; where none is named, config/config.json is read if it is there
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub(crate) enum Command {
    /// Ask the service that runs with these settings whether it is well: exit status 0 if so, else 1
    Healthcheck,
    /// Check the settings and print each with its value and where that comes from
    Settings,
}

/// The table of `settings`.
#[expect(clippy::print_stdout, reason = "the answer of a command")]
pub(crate) fn print_settings<S: Settings>(store: &Store<S>) {
    println!("# {} settings; the file is {DEFAULT_FILE} unless --config names another", S::SERVICE);
    for (key, value, origin) in store.explain() {
        println!("{} = {value}  # {origin}", key.name);
    }
}
