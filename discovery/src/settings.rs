//! The settings of a discovery, in types that cannot hold wrong values.

mod seeds;
mod words;

use service::settings::{ClusterKeySetting, KeyFile, Whole};

pub use seeds::{DEFAULT_GOSSIP_PORT, InvalidSeed, Seed, Seeds};
pub use words::{Cluster, Label, NetworkProfile, OwnIp};

type Port = Whole<0, 65_535>;

service::settings! {
    /// The settings of a discovery.
    pub struct Settings for "discovery" on port 19000 {
        /// Nodes through which this one joins the cluster, each as a host or host:port of their gossip; a name may stand for many addresses.
        Live seeds (init_servers): Seeds = Seeds::default(), "";
        /// The port of the gossip, UDP and TCP, on `listening_host`; 0 lets the system choose one.
        Restart gossip_port: Port = Port::nearest(DEFAULT_GOSSIP_PORT as u64), "";
        /// The address at which the others reach this node; empty to let the node find it.
        Live advertise_address (machine_ip): OwnIp = OwnIp::default(), "";
        /// The port at which the others reach the gossip of this node, where it is published under another; 0 for `gossip_port`.
        Live advertise_port: Port = Port::nearest(0), "";
        /// The port of this node's scheduler, as the others reach it.
        Live scheduler_port: Port = Port::nearest(18080), "";
        /// The port of this node's learner, as the others reach it.
        Live learner_port: Port = Port::nearest(19020), "";
        /// The port of this discovery, as the others reach it; 0 for the one that it listens on.
        Live discovery_port: Port = Port::nearest(0), "";
        /// The name that people give to this node; its id it makes up itself.
        Live machine_id: Label = Label::default(), "";
        /// The group of this node, as the original P2PFaaS has it.
        Live group (machine_group_name): Label = Label::default(), "";
        /// The cell of this node in a cluster of several.
        Live cell: Label = Label::default(), "";
        /// How far apart the nodes are: the same on all of them.
        Restart network_profile: NetworkProfile = NetworkProfile::default(), "";
        /// The name of the cluster. With a cluster key, nodes of another name are strangers.
        Restart cluster: Cluster = Cluster::default(), "";
        /// The key that the nodes of the cluster share, see [discovery](discovery.md#the-key).
        Restart cluster_key: ClusterKeySetting = ClusterKeySetting::default(), "";
        /// A file with one to three such keys, one a line: the first one seals, all of them open. It is read again when it changes.
        Restart cluster_key_file: KeyFile = KeyFile::default(), "";
    }
}
