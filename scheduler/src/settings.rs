mod host;

use std::collections::BTreeMap;

use protocol::{FunctionName, PolicySpec};
use scheduling::Limits;
use serde::{Deserialize, Serialize};
use service::settings::{Allowed, ClusterKeySetting, KeyFile, Switch, Whole};

use crate::executor::endpoint::Endpoint;

pub(crate) use host::Host;

const MIB: u64 = 1024 * 1024;

service::settings! {
    /// The settings of a scheduler.
    pub struct Settings for "scheduler" on port 18080 {
        /// Slots: jobs that run at once on this node. The default is twice the cores, and at least 4.
        Live parallel_running_functions_max (running_functions_max): Whole<1, 100_000> = Whole::nearest(default_slots()), "jobs";
        /// Jobs that may wait for a slot.
        Live queue_length_max: Whole<0, 1_000_000> = Whole::nearest(128), "jobs";
        /// Whether jobs may wait; if not, a call is answered with 503 when the slots are full.
        Live queue_enabled: Switch = Switch(true), "";
        /// The policy that decides what becomes of a job, see [policies](policies.md).
        Live scheduler: PolicySetting = PolicySetting::default(), "";
        /// Whether a job with a deadline is dropped when its turn comes and less time is left than its function takes.
        Live shed_late: Switch = Switch(true), "";
        /// How long a peer may take to tell its load; one that takes longer is not asked again until it answers.
        Live probe_timeout_ms: Whole<1, 60_000> = Whole::nearest(200), "ms";
        /// How long a peer may take to accept a job; a large body adds a second for each MiB.
        Live accept_timeout_ms: Whole<10, 600_000> = Whole::nearest(5_000), "ms";
        /// How long a call may take, in the queue and in the function, until the head of the reply; and how long the reply may then pause.
        Live function_timeout_ms: Whole<1, 86_400_000> = Whole::nearest(60_000), "ms";
        /// The largest body of a call.
        Live body_bytes_max: Whole<0, { 4096 * MIB }> = Whole::nearest(64 * MIB), "bytes";
        /// How long the body of a call may pause while it comes in.
        Live body_timeout_ms: Whole<100, 3_600_000> = Whole::nearest(30_000), "ms";
        /// Memory for the bodies of all calls together; it must hold one body of the largest size.
        Restart body_buffer_bytes_max: Whole<{ MIB }, { 1024 * 1024 * MIB }> = Whole::nearest(256 * MIB), "bytes";
        /// Functions at fixed addresses: a function's name with the URLs of its replicas, for example `{"echo": ["http://10.0.0.5:8080"]}`.
        Live endpoints: Endpoints = Endpoints::default(), "";
        /// Whether running containers are functions.
        Restart docker_enabled: Switch = Switch(true), "";
        /// Where the Docker Engine listens.
        Restart docker_host: DockerHost = DockerHost::default(), "";
        /// Whether only containers with the label `p2pfaas.function` are functions; if not, a container's name and its compose service are, too.
        Restart docker_labelled_only: Switch = Switch(false), "";
        /// The host of this node's discovery.
        Restart service_discovery_host: Host = Host::default(), "";
        /// The port of this node's discovery; 0 for a node that stays alone.
        Restart service_discovery_port: Whole<0, 65_535> = Whole::nearest(19_000), "";
        /// The host of this node's learner.
        Restart service_learning_host: Host = Host::default(), "";
        /// The port of this node's learner; 0 for a node without one.
        Restart service_learning_port: Whole<0, 65_535> = Whole::nearest(19_020), "";
        /// How long the learner may take to answer; after that the fallback of the policy decides.
        Live learner_timeout_us: Whole<100, 10_000_000> = Whole::nearest(2_000), "us";
        /// The key that the nodes of the cluster share, see [discovery](discovery.md#the-key).
        Restart cluster_key: ClusterKeySetting = ClusterKeySetting::default(), "";
        /// A file with one to three such keys, one a line. It is read again when it changes.
        Restart cluster_key_file: KeyFile = KeyFile::default(), "";
    }
    check_together |settings| {
        if settings.body_buffer_bytes_max.value() < settings.body_bytes_max.value() {
            let why = "body_buffer_bytes_max must be at least body_bytes_max";
            return Err(("body_bytes_max", why.to_owned()));
        }
        Ok(())
    };
}

impl Settings {
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            slots: self.parallel_running_functions_max.size(),
            queue_length_max: if self.queue_enabled.0 { self.queue_length_max.size() } else { 0 },
            shed_late: self.shed_late.0,
        }
    }

    /// The watch of discovery; none for a node that stays alone.
    pub(crate) fn discovery_url(&self) -> Option<String> {
        self.service_discovery_host.url(self.service_discovery_port.port(), "/nodes/watch")
    }

    /// The session of the learner; none for a node without one.
    pub(crate) fn learner_url(&self) -> Option<String> {
        self.service_learning_host.url(self.service_learning_port.port(), "/ws")
    }
}

fn default_slots() -> u64 {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    (2 * cores as u64).max(4)
}

/// A policy that can be built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "PolicySpec", into = "PolicySpec")]
pub struct PolicySetting(PolicySpec);

impl PolicySetting {
    /// Its name and parameters.
    pub fn spec(&self) -> &PolicySpec {
        &self.0
    }
}

impl Default for PolicySetting {
    fn default() -> Self {
        Self(PolicySpec { name: "NoScheduler".to_owned(), parameters: vec!["false".to_owned()] })
    }
}

impl TryFrom<PolicySpec> for PolicySetting {
    type Error = scheduling::policy::InvalidPolicy;

    fn try_from(spec: PolicySpec) -> Result<Self, Self::Error> {
        scheduling::policy::build(&spec).map(|_| Self(spec))
    }
}

impl From<PolicySetting> for PolicySpec {
    fn from(setting: PolicySetting) -> Self {
        setting.0
    }
}

impl Allowed for PolicySetting {
    fn allowed() -> String {
        "{\"name\": \"...\", \"parameters\": [\"...\"]}, each parameter a text".to_owned()
    }
}

/// Functions at fixed addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Endpoints(pub(crate) BTreeMap<FunctionName, Vec<Endpoint>>);

impl Allowed for Endpoints {
    fn allowed() -> String {
        "{\"function\": [\"http://host:port\", ...]}".to_owned()
    }
}

/// Where the Docker Engine listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DockerHost(String);

impl DockerHost {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for DockerHost {
    fn default() -> Self {
        Self("unix:///var/run/docker.sock".to_owned())
    }
}

impl TryFrom<String> for DockerHost {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.starts_with("unix:///") || text.starts_with("tcp://") {
            return Ok(Self(text));
        }
        Err(format!("{text:?} is not {}", Self::allowed()))
    }
}

impl From<DockerHost> for String {
    fn from(host: DockerHost) -> Self {
        host.0
    }
}

impl Allowed for DockerHost {
    fn allowed() -> String {
        "\"unix:///path/of/the/socket\" or \"tcp://host:port\"".to_owned()
    }
}
