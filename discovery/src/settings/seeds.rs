use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use service::settings::Allowed;

/// The port of the gossip where none is named.
pub const DEFAULT_GOSSIP_PORT: u16 = 19_001;
/// All of them are greeted at once.
const SEEDS_MAX: usize = 32;
/// Of a name in the DNS (RFC 1035, section 2.3.4).
const HOST_BYTES_MAX: usize = 255;

/// Where another node's gossip is: an address or a name, and a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Seed {
    /// An address without brackets, or a name.
    pub host: String,
    /// UDP and TCP.
    pub port: u16,
}

/// A text that names no [`Seed`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a host, host:port or [IPv6]:port")]
pub struct InvalidSeed(String);

impl FromStr for Seed {
    type Err = InvalidSeed;

    fn from_str(text: &str) -> Result<Self, InvalidSeed> {
        let text = text.trim();
        let invalid = || InvalidSeed(text.to_owned());
        if text.parse::<Ipv6Addr>().is_ok() {
            return Ok(Self { host: text.to_owned(), port: DEFAULT_GOSSIP_PORT });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !text.ends_with(']') => (host, port.parse().map_err(|_| invalid())?),
            _ => (text, DEFAULT_GOSSIP_PORT),
        };
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let is_good = match bracketed {
            Some(host) => host.parse::<Ipv6Addr>().is_ok(),
            None => is_host(host),
        };
        if !is_good || port == 0 {
            return Err(invalid());
        }
        Ok(Self { host: bracketed.unwrap_or(host).to_owned(), port })
    }
}

fn is_host(host: &str) -> bool {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    (1..=HOST_BYTES_MAX).contains(&host.len()) && host.bytes().all(is_fit)
}

impl Seed {
    /// The address, where the seed is one and no name.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

/// The setting `seeds`: a list, or its parts in one text with commas between them, as it stands in a variable
/// of the environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seeds(Vec<Seed>);

impl Seeds {
    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Seed> {
        self.0.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ListOrText {
    List(Vec<String>),
    Text(String),
}

impl<'de> Deserialize<'de> for Seeds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wrong = |_| serde::de::Error::custom(format!("the seeds are {}", Self::allowed()));
        let parts = match ListOrText::deserialize(deserializer).map_err(wrong)? {
            ListOrText::List(parts) => parts,
            ListOrText::Text(text) => {
                text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
            }
        };
        if parts.len() > SEEDS_MAX {
            return Err(serde::de::Error::custom(format!("there are more than {SEEDS_MAX} seeds")));
        }
        let seeds = parts.iter().map(|part| part.parse()).collect::<Result<_, InvalidSeed>>();
        seeds.map(Self).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Seeds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Seed::to_string))
    }
}

impl Allowed for Seeds {
    fn allowed() -> String {
        format!("up to {SEEDS_MAX} of \"host\", \"host:port\" or \"[IPv6]:port\", in a list or with commas")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_seed_is_a_host_with_or_without_a_port() {
        for (text, shown) in [
            ("192.0.2.7", "192.0.2.7:19001"),
            ("192.0.2.7:7", "192.0.2.7:7"),
            (" node-1.example ", "node-1.example:19001"),
            ("discovery:19002", "discovery:19002"),
            ("fd00::7", "[fd00::7]:19001"),
            ("[fd00::7]", "[fd00::7]:19001"),
            ("[fd00::7]:7", "[fd00::7]:7"),
        ] {
            assert_eq!(text.parse::<Seed>().unwrap().to_string(), shown, "{text}");
        }
        for text in ["", ":7", "a:b", "a:0", "a:65536", "http://a:7", "[a]:7", "[fd00::7", "a b", "a/b"] {
            assert!(text.parse::<Seed>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_list_and_a_text_with_commas_say_the_same() {
        let list: Seeds = serde_json::from_str(r#"["a", "b:7"]"#).unwrap();
        assert_eq!(serde_json::from_str::<Seeds>(r#""a, b:7,""#).unwrap(), list);
        assert_eq!(serde_json::to_string(&list).unwrap(), r#"["a:19001","b:7"]"#);
        assert!(serde_json::from_str::<Seeds>(r#""""#).unwrap().is_empty());
        for text in ["7", "{}", "[7]", r#"["a", "b c"]"#] {
            assert!(serde_json::from_str::<Seeds>(text).is_err(), "{text}");
        }
        let many = serde_json::to_string(&vec!["a"; SEEDS_MAX + 1]).unwrap();
        assert!(serde_json::from_str::<Seeds>(&many).is_err());
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_so_that_it_reads_the_same(text in "[a-f0-9:.\\[\\]]{0,24}") {
            if let Ok(seed) = text.parse::<Seed>() {
                prop_assert_eq!(seed.to_string().parse::<Seed>().unwrap(), seed);
            }
        }
    }
}
