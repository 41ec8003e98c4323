use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};

/// Headers that concern one connection only (RFC 9110, section 7.6.1, and those that proxies have always
/// dropped with them).
const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Drops what concerns one connection only, also what `Connection` names.
pub(crate) fn drop_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|names| names.split(','))
            .filter_map(|name| name.trim().parse().ok())
            .collect();
        for name in named {
            headers.remove(name);
        }
    }
    if headers.keys().any(|name| HOP_BY_HOP.contains(name)) {
        for name in HOP_BY_HOP {
            headers.remove(name);
        }
    }
}

/// Makes the headers of a caller those of the request to the function. The body is stored, so its length
/// is known and nobody needs to be asked to continue.
pub(crate) fn prepare_for_function(headers: &mut HeaderMap, client: Option<std::net::IpAddr>) {
    drop_hop_by_hop(headers);
    headers.remove(EXPECT);
    headers.remove(CONTENT_LENGTH);
    let host = headers.remove(HOST);
    if let Some(host) = host
        && !headers.contains_key(FORWARDED_HOST)
    {
        headers.insert(FORWARDED_HOST, host);
    }
    if let Some(client) = client
        && !headers.contains_key(FORWARDED_FOR)
        && let Ok(client) = HeaderValue::try_from(client.to_string())
    {
        headers.insert(FORWARDED_FOR, client);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn what_concerns_one_connection_goes_and_the_rest_stays() {
        let mut headers = map(&[
            ("connection", "close, X-Secret"),
            ("connection", "x-other"),
            ("x-secret", "1"),
            ("x-other", "2"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("authorization", "Bearer t"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
        ]);
        drop_hop_by_hop(&mut headers);
        assert_eq!(
            headers,
            map(&[("authorization", "Bearer t"), ("set-cookie", "a=1"), ("set-cookie", "b=2")])
        );
    }

    #[test]
    fn the_function_learns_who_called_and_under_which_name() {
        let mut headers = map(&[("host", "edge:18080"), ("expect", "100-continue"), ("content-length", "3")]);
        prepare_for_function(&mut headers, Some([10, 0, 0, 7].into()));
        assert_eq!(headers, map(&[("x-forwarded-host", "edge:18080"), ("x-forwarded-for", "10.0.0.7")]));
    }

    #[test]
    fn what_a_proxy_before_us_said_stays() {
        let before = [("x-forwarded-for", "192.0.2.1"), ("x-forwarded-host", "example.org")];
        let mut headers = map(&before);
        headers.insert(HOST, HeaderValue::from_static("edge"));
        prepare_for_function(&mut headers, Some([10, 0, 0, 7].into()));
        assert_eq!(headers, map(&before));
    }
}
