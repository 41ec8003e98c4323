use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use http::uri::{InvalidUri, PathAndQuery, Scheme};
use http::{HeaderValue, Uri};

/// Where a replica answers: `http`, a host and port, and perhaps a path that stands before every call's.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// Host and port as a connection wants them.
    address: String,
    /// The same as the header `Host` of every call.
    host: HeaderValue,
    base_path: String,
}

/// The port of `http` where a URL names none.
const PORT_DEFAULT: u16 = 80;

impl Target {
    /// A replica at this address.
    pub(crate) fn at(address: SocketAddr) -> Self {
        let address = address.to_string();
        match HeaderValue::from_str(&address) {
            Ok(host) => Self { address, host, base_path: String::new() },
            Err(error) => unreachable!("{address} has no character that a header could not hold: {error}"),
        }
    }

    /// Host and port, to connect to.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The header `Host` of a call.
    pub(crate) fn host(&self) -> &HeaderValue {
        &self.host
    }

    /// What a call with this path and query asks the replica for.
    pub(crate) fn path(&self, path_and_query: &PathAndQuery) -> Result<PathAndQuery, InvalidUri> {
        match self.base_path.as_str() {
            "" => Ok(path_and_query.clone()),
            base => PathAndQuery::try_from(format!("{base}{path_and_query}")),
        }
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let uri: Uri = text.parse().map_err(|error| format!("{text:?} is not a URL: {error}"))?;
        if uri.scheme() != Some(&Scheme::HTTP) {
            return Err(format!("{text:?} does not begin with http://"));
        }
        if uri.query().is_some() {
            return Err(format!("{text:?} has a query, where only a path may stand"));
        }
        let Some(authority) = uri.authority().filter(|authority| !authority.as_str().contains('@')) else {
            return Err(format!("{text:?} is not http://host:port"));
        };
        let port = authority.port_u16().unwrap_or(PORT_DEFAULT);
        let host = HeaderValue::from_str(authority.as_str())
            .map_err(|error| format!("{text:?} cannot be called: {error}"))?;
        Ok(Self {
            address: format!("{}:{port}", authority.host()),
            host,
            base_path: uri.path().trim_end_matches('/').to_owned(),
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.host.to_str().unwrap_or(&self.address), self.base_path)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(target: &str, path_and_query: &str) -> String {
        let target: Target = target.parse().unwrap();
        target.path(&path_and_query.parse().unwrap()).unwrap().to_string()
    }

    #[test]
    fn path_and_query_arrive_as_they_were_sent() {
        assert_eq!(path("http://10.0.0.5:8080", "/a//b?x=%20&y"), "/a//b?x=%20&y");
        assert_eq!(path("http://gateway/function/echo/", "/?q"), "/function/echo/?q");
    }

    #[test]
    fn knows_where_to_connect() {
        for (text, address) in
            [("http://a:8080/x", "a:8080"), ("http://a", "a:80"), ("http://[::1]:8080", "[::1]:8080")]
        {
            let target: Target = text.parse().unwrap();
            assert_eq!(target.address(), address);
            assert_eq!(target.to_string(), text);
        }
    }

    #[test]
    fn refuses_what_it_could_not_call() {
        for text in ["", "10.0.0.5:8080", "https://a", "http://a/?q=1", "http://user@a", "ftp://a", "/a"] {
            assert!(text.parse::<Target>().is_err(), "{text:?}");
        }
    }
}
