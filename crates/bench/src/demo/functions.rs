//! The example functions as processes.

use std::{fmt, path::Path, path::PathBuf, process::ExitStatus};

use anyhow::anyhow;
use tokio::process::Command;

use super::HOST;
use crate::{
    cluster::Plan,
    process::{Service, binary},
};

/// An example function, as its binary calls itself.
#[derive(Debug)]
pub(super) struct Example {
    pub(super) name: &'static str,
    /// On every node, or on the last one only, so that calls of it elsewhere have to travel.
    pub(super) everywhere: bool,
    path: PathBuf,
}

/// A name, whether it is on every node, and whether there is no demo without it.
pub(super) struct Known {
    pub(super) name: &'static str,
    everywhere: bool,
    needed: bool,
}

pub(super) const EXAMPLES: [Known; 3] = [
    Known { name: "echo", everywhere: true, needed: true },
    Known { name: "exponential-loop", everywhere: false, needed: false },
    Known { name: "face-recognition", everywhere: false, needed: false },
];

/// A function of a node.
#[derive(Debug)]
pub(super) struct Function {
    name: &'static str,
    node: String,
    port: u16,
    service: Service,
}

/// Those that are built.
pub(super) fn find(folder: Option<&Path>) -> anyhow::Result<Vec<Example>> {
    let mut found = Vec::new();
    for Known { name, everywhere, needed } in EXAMPLES {
        match binary(name, folder) {
            Ok(path) => found.push(Example { name, everywhere, path }),
            Err(error) if needed => return Err(error),
            Err(_) => {}
        }
    }
    Ok(found)
}

impl Example {
    /// Starts it beside a node whose ports begin at `first_port`.
    pub(super) fn start(&self, first_port: u16, plan: &Plan) -> anyhow::Result<Function> {
        let port = self.port(first_port);
        let mut command = Command::new(&self.path);
        command.env("LISTENING_HOST", HOST.to_string()).env("PORT", port.to_string()).process_group(0);
        let service = Service::start(self.name, command, &plan.folder)?;
        Ok(Function { name: self.name, node: plan.name.clone(), port, service })
    }
}

impl Function {
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn node(&self) -> &str {
        &self.node
    }

    pub(super) fn url(&self) -> String {
        format!("http://{HOST}:{}", self.port)
    }

    pub(super) fn pid(&mut self) -> anyhow::Result<u32> {
        self.service.pid()
    }

    pub(super) async fn ready(&mut self) -> anyhow::Result<()> {
        let health = format!("{}/_/health", self.url()).parse().map_err(|error: String| anyhow!(error))?;
        self.service.answers(&health).await.map(|_time| ())
    }

    /// How it ended, if it has, and its last words.
    pub(super) fn ended(&mut self) -> Option<(ExitStatus, String)> {
        let status = self.service.ended()?;
        Some((status, self.service.last_words()))
    }

    pub(super) async fn end(self) -> anyhow::Result<()> {
        self.service.end().await
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The function {} of node {}", self.name, self.node)
    }
}
