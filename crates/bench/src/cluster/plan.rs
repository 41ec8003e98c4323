use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use serde_json::json;

use crate::process::binary;

/// One of the services of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Takes calls and decides.
    Scheduler,
    /// Learns.
    Learner,
    /// Finds the other nodes.
    Discovery,
}

impl Part {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Discovery, Self::Learner, Self::Scheduler];

    /// Its name, as that of its binary has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scheduler => "scheduler",
            Self::Learner => "learner",
            Self::Discovery => "discovery",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The binaries of the three services.
#[derive(Debug, Clone)]
pub struct Binaries {
    scheduler: PathBuf,
    learner: PathBuf,
    discovery: PathBuf,
}

impl Binaries {
    /// Looks for them in `folder`, or beside this program.
    ///
    /// # Errors
    /// When one is missing; the error says how to build it.
    pub fn find(folder: Option<&Path>) -> anyhow::Result<Self> {
        let find = |part: Part| binary(&format!("p2pfaas-{part}"), folder);
        Ok(Self {
            scheduler: find(Part::Scheduler)?,
            learner: find(Part::Learner)?,
            discovery: find(Part::Discovery)?,
        })
    }

    pub(super) fn of(&self, part: Part) -> &Path {
        match part {
            Part::Scheduler => &self.scheduler,
            Part::Learner => &self.learner,
            Part::Discovery => &self.discovery,
        }
    }
}

/// The ports of a node, all on its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// HTTP port of the scheduler.
    pub scheduler: u16,
    /// HTTP port of the discovery.
    pub discovery: u16,
    /// UDP and TCP port of the discovery's gossip.
    pub gossip: u16,
    /// HTTP port of the learner.
    pub learner: u16,
}

impl Ports {
    /// How many ports [`Ports::from`] takes.
    pub const COUNT: u16 = 4;

    /// Four ports in a row, the first of them that of the scheduler.
    #[must_use]
    pub const fn from(first: u16) -> Self {
        Self { scheduler: first, discovery: first + 1, gossip: first + 2, learner: first + 3 }
    }

    /// The HTTP port of a service.
    #[must_use]
    pub const fn of(self, part: Part) -> u16 {
        match part {
            Part::Scheduler => self.scheduler,
            Part::Learner => self.learner,
            Part::Discovery => self.discovery,
        }
    }
}

/// What a node is to be.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What it is called.
    pub name: String,
    /// The address that its services listen on, and that others reach it at.
    pub host: IpAddr,
    /// Where they listen.
    pub ports: Ports,
    /// Where its services keep their data, each in a folder of its own, and their logs.
    pub folder: PathBuf,
    /// Its functions, each with the URLs of its replicas.
    pub functions: BTreeMap<String, Vec<String>>,
    /// The gossip of nodes through which it joins the others.
    pub seeds: Vec<SocketAddr>,
    /// Settings beyond these, as the environment of a service has them. They win.
    pub variables: Vec<(Part, &'static str, String)>,
    /// Keeps signals of the terminal from its services, for a program that ends them in order.
    pub shielded: bool,
}

impl Plan {
    /// Where its gossip is: the seed of other nodes.
    #[must_use]
    pub fn gossip(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.ports.gossip)
    }

    /// The address of a service.
    #[must_use]
    pub fn address(&self, part: Part) -> SocketAddr {
        SocketAddr::new(self.host, self.ports.of(part))
    }

    /// The folder of a service's data.
    #[must_use]
    pub fn data(&self, part: Part) -> PathBuf {
        self.folder.join(part.name())
    }

    /// The environment of a service.
    pub(super) fn environment(&self, part: Part) -> BTreeMap<&'static str, String> {
        let (host, ports) = (self.host.to_string(), self.ports);
        let mut variables = BTreeMap::from([
            ("P2PFAAS_LISTENING_HOST", host.clone()),
            ("P2PFAAS_LISTENING_PORT", ports.of(part).to_string()),
            ("P2PFAAS_DATA_PATH", self.data(part).display().to_string()),
        ]);
        match part {
            Part::Learner => {}
            Part::Scheduler => variables.extend([
                ("P2PFAAS_DOCKER_ENABLED", "false".to_owned()),
                ("P2PFAAS_SERVICE_DISCOVERY_HOST", host.clone()),
                ("P2PFAAS_SERVICE_DISCOVERY_PORT", ports.discovery.to_string()),
                ("P2PFAAS_SERVICE_LEARNING_HOST", host),
                ("P2PFAAS_SERVICE_LEARNING_PORT", ports.learner.to_string()),
                ("P2PFAAS_ENDPOINTS", json!(self.functions).to_string()),
            ]),
            Part::Discovery => variables.extend([
                ("P2PFAAS_ADVERTISE_ADDRESS", host),
                ("P2PFAAS_GOSSIP_PORT", ports.gossip.to_string()),
                ("P2PFAAS_SCHEDULER_PORT", ports.scheduler.to_string()),
                ("P2PFAAS_LEARNER_PORT", ports.learner.to_string()),
                ("P2PFAAS_MACHINE_ID", self.name.clone()),
                ("P2PFAAS_SEEDS", json!(self.seeds).to_string()),
            ]),
        }
        let own = self.variables.iter().filter(|(of, ..)| *of == part);
        variables.extend(own.map(|(_, name, value)| (*name, value.clone())));
        variables
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_node_are_told_where_the_others_are() {
        let plan = Plan {
            name: "one".to_owned(),
            host: [127, 0, 0, 1].into(),
            ports: Ports::from(7000),
            folder: "/data".into(),
            functions: BTreeMap::from([("echo".to_owned(), vec!["http://127.0.0.1:1".to_owned()])]),
            seeds: vec![([127, 0, 0, 1], 9).into()],
            variables: vec![(Part::Discovery, "P2PFAAS_SCHEDULER_PORT", "8".to_owned())],
            shielded: false,
        };
        let scheduler = plan.environment(Part::Scheduler);
        assert_eq!(scheduler["P2PFAAS_LISTENING_PORT"], "7000");
        assert_eq!(scheduler["P2PFAAS_SERVICE_DISCOVERY_PORT"], "7001");
        assert_eq!(scheduler["P2PFAAS_ENDPOINTS"], r#"{"echo":["http://127.0.0.1:1"]}"#);
        let discovery = plan.environment(Part::Discovery);
        assert_eq!(discovery["P2PFAAS_SEEDS"], r#"["127.0.0.1:9"]"#);
        assert_eq!(discovery["P2PFAAS_SCHEDULER_PORT"], "8", "what is said beyond the plan wins");
        assert_eq!(plan.environment(Part::Learner)["P2PFAAS_DATA_PATH"], "/data/learner");
    }
}
