use std::net::IpAddr;

use membership::{ClusterName, Profile};
use serde::{Deserialize, Serialize};
use service::settings::Allowed;

/// Longer ones are no names; all of a node's must fit its description.
const LABEL_BYTES_MAX: usize = 64;

/// A name that people give: up to 64 bytes without control characters. Empty for none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Label(String);

impl Label {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Label {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.len() > LABEL_BYTES_MAX || text.chars().any(char::is_control) {
            return Err(format!("a name is {}", Self::allowed()));
        }
        Ok(Self(text))
    }
}

impl From<Label> for String {
    fn from(label: Label) -> Self {
        label.0
    }
}

impl Allowed for Label {
    fn allowed() -> String {
        format!("up to {LABEL_BYTES_MAX} bytes of text")
    }
}

/// This node's own address; none where it is to be found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OwnIp(Option<IpAddr>);

impl OwnIp {
    /// The address, if one is given.
    pub fn ip(self) -> Option<IpAddr> {
        self.0
    }
}

impl TryFrom<String> for OwnIp {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        let ip: Option<IpAddr> = text.parse().ok();
        let ip = ip.filter(|ip| !ip.is_unspecified() && !ip.is_multicast());
        ip.map(|ip| Self(Some(ip))).ok_or_else(|| format!("{text:?} is not {}", Self::allowed()))
    }
}

impl From<OwnIp> for String {
    fn from(own: OwnIp) -> Self {
        own.0.map(|ip| ip.to_string()).unwrap_or_default()
    }
}

impl Allowed for OwnIp {
    fn allowed() -> String {
        "an IPv4 or IPv6 address of this node, or empty".to_owned()
    }
}

/// How far apart the nodes are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkProfile {
    /// Round trips of milliseconds.
    #[default]
    Lan,
    /// Round trips of up to half a second.
    Wan,
}

impl From<NetworkProfile> for Profile {
    fn from(profile: NetworkProfile) -> Self {
        match profile {
            NetworkProfile::Lan => Self::Lan,
            NetworkProfile::Wan => Self::Wan,
        }
    }
}

impl Allowed for NetworkProfile {
    fn allowed() -> String {
        "\"lan\" (round trips of milliseconds) or \"wan\" (up to half a second)".to_owned()
    }
}

/// The name of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cluster(ClusterName);

impl Cluster {
    /// The name.
    pub fn name(&self) -> &ClusterName {
        &self.0
    }
}

impl Default for Cluster {
    fn default() -> Self {
        match ClusterName::new("p2pfaas") {
            Ok(name) => Self(name),
            Err(_) => unreachable!("seven bytes are a name"),
        }
    }
}

impl TryFrom<String> for Cluster {
    type Error = membership::InvalidClusterName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        ClusterName::new(text).map(Self)
    }
}

impl From<Cluster> for String {
    fn from(cluster: Cluster) -> Self {
        cluster.0.as_str().to_owned()
    }
}

impl Allowed for Cluster {
    fn allowed() -> String {
        "1 to 64 bytes of text".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_own_address_is_one_that_others_can_reach() {
        for (text, is_good) in
            [("", true), ("10.0.0.1", true), ("fd00::1", true), ("0.0.0.0", false), ("::", false)]
        {
            assert_eq!(OwnIp::try_from(text.to_owned()).is_ok(), is_good, "{text}");
        }
        assert!(OwnIp::try_from("node.example".to_owned()).is_err());
        assert!(OwnIp::try_from("224.0.0.1".to_owned()).is_err());
    }

    #[test]
    fn labels_are_short_and_printable() {
        assert!(Label::try_from("Küche 3".to_owned()).is_ok());
        assert!(Label::try_from("a\nb".to_owned()).is_err());
        assert!(Label::try_from("x".repeat(65)).is_err());
    }
}
