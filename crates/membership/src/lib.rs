//! Who is in the cluster, and what each node says about itself: gossip without I/O.
//!
//! SWIM with suspicion (Das, Gupta, Motivala 2002) is [foca](https://docs.rs/foca); this crate holds what
//! foca leaves to its users. [`Membership`] takes datagrams, requests on streams, timers and the time, and
//! answers with datagrams to send, connections to make and the moment to be woken. The daemon around it owns
//! the sockets, the simulator a virtual network.
//!
//! - [`seal`]: the cluster's key at the edge, and what bounds a replay
//! - `membership/joining.rs`: greeting seeds until they answer
//! - `membership/streams.rs`, `compare.rs`: push-pull
//! - `record.rs`, `records.rs`, `publish.rs`: what nodes say about themselves
//! - `probes.rs`, `loss.rs`, `copies.rs`: round trips, and more copies where datagrams are lost
//! - `view.rs`, `membership/nodes.rs`: what `GET /nodes` shows

mod agenda;
mod compare;
mod copies;
mod counters;
mod effects;
mod identity;
mod loss;
mod membership;
mod message;
mod probes;
mod publish;
mod quantity;
mod recent;
mod record;
mod records;
pub mod seal;
mod settings;
mod time;
mod timers;
mod view;

pub use counters::Counters;
pub use identity::Identity;
pub use membership::{
    Boot, CannotForget, DescriptionTooLong, ExchangeId, Membership, Output, Refused, STREAM_BYTES_MAX,
};
pub use record::{DESCRIPTION_BYTES_MAX, Description};
pub use seal::{ClusterKey, InvalidKeyRing, KeyRing};
pub use settings::{
    CONTENT_BYTES_MAX, ClusterName, DATAGRAM_BYTES_MAX, InvalidClusterName, OwnAddress, Profile, Settings,
};
pub use time::Time;
