//! The call that is repeated, prepared once.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    HeaderMap, Method, Request, Uri,
    header::{HOST, HeaderName, HeaderValue},
};

use super::Target;

/// What a generated body is filled with; printable, so that it can be read in a capture.
const FILLER: u8 = b'x';

/// Everything that is the same in every call; the body is shared, never copied.
#[derive(Debug, Clone)]
pub struct Template {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl Template {
    /// A call of `target`: POST when there is a body and GET when there is none, unless `method` says
    /// otherwise. `headers` may replace `Host`.
    ///
    /// # Errors
    /// When the host of `target` cannot stand in a header.
    pub fn new(
        target: &Target,
        method: Option<Method>,
        extra_headers: &[(HeaderName, HeaderValue)],
        body: Bytes,
    ) -> anyhow::Result<Self> {
        let method = method.unwrap_or(if body.is_empty() { Method::GET } else { Method::POST });
        let mut headers = HeaderMap::with_capacity(extra_headers.len() + 1);
        for (name, value) in extra_headers {
            headers.append(name, value.clone());
        }
        if !headers.contains_key(HOST) {
            headers.insert(HOST, target.host_header()?);
        }
        Ok(Self { method, uri: target.request_uri(), headers, body })
    }

    /// A body of `bytes` bytes that says nothing.
    #[must_use]
    pub fn filler(bytes: usize) -> Bytes {
        Bytes::from(vec![FILLER; bytes])
    }

    pub(super) fn method(&self) -> &Method {
        &self.method
    }

    pub(super) fn body_bytes(&self) -> usize {
        self.body.len()
    }

    pub(super) fn request(&self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }
}

#[cfg(test)]
mod tests {
    use hyper::body::Body;

    use super::*;

    fn template(method: Option<Method>, headers: &[(HeaderName, HeaderValue)], body: Bytes) -> Template {
        Template::new(&"http://host:81/path".parse().unwrap(), method, headers, body).unwrap()
    }

    #[test]
    fn the_method_follows_the_body_unless_named() {
        assert_eq!(template(None, &[], Bytes::new()).method(), Method::GET);
        assert_eq!(template(None, &[], Template::filler(3)).method(), Method::POST);
        assert_eq!(template(Some(Method::PUT), &[], Bytes::new()).method(), Method::PUT);
    }

    #[test]
    fn a_request_names_host_and_path_and_has_the_exact_length() {
        let request = template(None, &[], Template::filler(128)).request();
        assert_eq!(request.uri(), "/path");
        assert_eq!(request.headers()[HOST], "host:81");
        assert_eq!(request.body().size_hint().exact(), Some(128));
    }

    #[test]
    fn a_given_host_replaces_the_own_one() {
        let given = (HOST, HeaderValue::from_static("other"));
        let request = template(None, &[given], Bytes::new()).request();
        assert_eq!(request.headers().get_all(HOST).iter().collect::<Vec<_>>(), ["other"]);
    }
}
