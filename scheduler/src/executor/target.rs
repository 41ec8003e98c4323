use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

/// Where a replica answers: `http`, a host and port, and perhaps a path that stands before every call's.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Target {
    authority: Authority,
    base_path: String,
}

impl Target {
    /// A replica at this address.
    pub(crate) fn at(address: SocketAddr) -> Self {
        match Authority::try_from(address.to_string()) {
            Ok(authority) => Self { authority, base_path: String::new() },
            Err(error) => unreachable!("{address} is a host and a port: {error}"),
        }
    }

    /// The URI of a call with this path and query.
    pub(crate) fn uri(&self, path_and_query: &PathAndQuery) -> Result<Uri, http::Error> {
        let path_and_query = match self.base_path.as_str() {
            "" => path_and_query.clone(),
            base => PathAndQuery::try_from(format!("{base}{path_and_query}"))?,
        };
        Uri::builder()
            .scheme(Scheme::HTTP)
            .authority(self.authority.clone())
            .path_and_query(path_and_query)
            .build()
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
        Ok(Self { authority: authority.clone(), base_path: uri.path().trim_end_matches('/').to_owned() })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority, self.base_path)
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

    fn uri(target: &str, path_and_query: &str) -> String {
        let target: Target = target.parse().unwrap();
        target.uri(&path_and_query.parse().unwrap()).unwrap().to_string()
    }

    #[test]
    fn path_and_query_arrive_as_they_were_sent() {
        assert_eq!(uri("http://10.0.0.5:8080", "/a//b?x=%20&y"), "http://10.0.0.5:8080/a//b?x=%20&y");
        assert_eq!(uri("http://gateway/function/echo/", "/"), "http://gateway/function/echo/");
        assert_eq!(uri("http://[::1]:8080", "/"), "http://[::1]:8080/");
    }

    #[test]
    fn refuses_what_it_could_not_call() {
        for text in ["", "10.0.0.5:8080", "https://a", "http://a/?q=1", "http://user@a", "ftp://a", "/a"] {
            assert!(text.parse::<Target>().is_err(), "{text:?}");
        }
    }
}
