//! The URL under load.

use std::{fmt, net::SocketAddr, str::FromStr, time::Duration};

use anyhow::{Context, bail};
use hyper::{Uri, header::HeaderValue, http::uri::PathAndQuery};
use tokio::{net::TcpStream, time::timeout};

/// How long the first connection to an address may take; a host that drops packets would otherwise hold
/// the command for minutes.
const REACH_TIMEOUT: Duration = Duration::from_secs(5);

const HTTP_PORT: u16 = 80;

/// An `http` URL, taken apart once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    authority: String,
    host: String,
    port: u16,
    path: PathAndQuery,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|error| format!("{error}"))?;
        let parts = uri.into_parts();
        match parts.scheme {
            Some(scheme) if scheme.as_str() == "http" => {}
            Some(scheme) => return Err(format!("only http is spoken, not {scheme}")),
            None => return Err("must begin with http://".to_owned()),
        }
        let authority = parts.authority.ok_or("names no host")?;
        if authority.as_str().contains('@') {
            return Err("user and password are not supported; use --header".to_owned());
        }
        if authority.host().is_empty() {
            return Err("names no host".to_owned());
        }
        if authority.port().is_none() && authority.as_str() != authority.host() {
            return Err("the port is not a number up to 65535".to_owned());
        }
        Ok(Self {
            host: authority.host().trim_matches(['[', ']']).to_owned(),
            port: authority.port_u16().unwrap_or(HTTP_PORT),
            path: parts.path_and_query.unwrap_or(PathAndQuery::from_static("/")),
            authority: authority.to_string(),
        })
    }
}

impl Target {
    /// The request target of each call: path and query, without the host.
    pub(super) fn request_uri(&self) -> Uri {
        Uri::from(self.path.clone())
    }

    /// The `Host` of each call.
    pub(super) fn host_header(&self) -> anyhow::Result<HeaderValue> {
        HeaderValue::from_str(&self.authority).context("the host cannot stand in a header")
    }

    /// Looks the host up and gives the first of its addresses that takes a connection.
    pub(super) async fn reach(&self) -> anyhow::Result<SocketAddr> {
        let addresses = tokio::net::lookup_host((self.host.as_str(), self.port))
            .await
            .with_context(|| format!("cannot look up {}", self.host))?;
        let mut refusals = Vec::new();
        for address in addresses {
            match timeout(REACH_TIMEOUT, TcpStream::connect(address)).await {
                Ok(Ok(_)) => return Ok(address),
                Ok(Err(error)) => refusals.push(format!("{address}: {error}")),
                Err(_) => refusals.push(format!("{address}: no answer in {} s", REACH_TIMEOUT.as_secs())),
            }
        }
        bail!("cannot connect to {self}: {}", refusals.join("; "))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Target {
        url.parse().unwrap()
    }

    #[test]
    fn an_url_is_taken_apart() {
        let parsed = target("http://localhost:8080/function/echo?x=1");
        assert_eq!((parsed.host.as_str(), parsed.port), ("localhost", 8080));
        assert_eq!(parsed.request_uri(), "/function/echo?x=1");
        assert_eq!(parsed.host_header().unwrap(), "localhost:8080");
        assert_eq!(parsed.to_string(), "http://localhost:8080/function/echo?x=1");
    }

    #[test]
    fn port_and_path_have_defaults_and_brackets_belong_to_the_url_only() {
        assert_eq!(target("http://example").port, 80);
        assert_eq!(target("http://example").request_uri(), "/");
        assert_eq!(target("http://[::1]:81/").host, "::1");
    }

    #[test]
    fn what_cannot_be_called_is_refused() {
        for bad in ["", "localhost:80", "https://x/", "/path", "http://", "http://u:p@x/", "http://x:99999/"]
        {
            assert!(bad.parse::<Target>().is_err(), "{bad}");
        }
    }
}
