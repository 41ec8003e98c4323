use std::net::Ipv6Addr;

use serde::{Deserialize, Serialize};
use service::settings::Allowed;

/// The host of a service, as it stands in a URL: a name, an IPv4 address, or an IPv6 address in brackets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Host(String);

impl Host {
    /// The WebSocket at this port and path; none at port 0.
    pub(crate) fn url(&self, port: u16, path: &str) -> Option<String> {
        (port != 0).then(|| format!("ws://{}:{port}{path}", self.0))
    }
}

impl Default for Host {
    fn default() -> Self {
        Self("127.0.0.1".to_owned())
    }
}

impl TryFrom<String> for Host {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_address = text.parse::<Ipv6Addr>().is_ok();
        let host = if is_address { format!("[{text}]") } else { text };
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let is_host = match bare {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => !host.is_empty() && host.bytes().all(is_in_names),
        };
        if is_host { Ok(Self(host)) } else { Err(format!("{host:?} is not {}", Self::allowed())) }
    }
}

/// Names in the DNS and those that Docker gives, and IPv4 addresses.
fn is_in_names(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
}

impl From<Host> for String {
    fn from(host: Host) -> Self {
        host.0
    }
}

impl Allowed for Host {
    fn allowed() -> String {
        "a host's name or address".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_stand_in_a_url_as_they_must() {
        for (text, url) in [
            ("discovery", "ws://discovery:19000/x"),
            ("10.0.0.1", "ws://10.0.0.1:19000/x"),
            ("fd00::1", "ws://[fd00::1]:19000/x"),
            ("[fd00::1]", "ws://[fd00::1]:19000/x"),
        ] {
            assert_eq!(Host::try_from(text.to_owned()).unwrap().url(19_000, "/x").unwrap(), url);
        }
        assert_eq!(Host::default().url(0, "/x"), None);
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in ["", "a b", "a:1", "http://a", "a/b", "user@a", "a?b", "a#b"] {
            assert!(Host::try_from(text.to_owned()).is_err(), "{text:?}");
        }
    }
}
