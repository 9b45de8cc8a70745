//! Decides the authority and the target of a request, once, before anything else uses them.

use crate::failure::Failure;
use hyper::header::{HOST, HeaderMap, HeaderValue};
use hyper::http::uri::{Authority, Parts, PathAndQuery, Scheme};
use hyper::{Method, Request, StatusCode, Uri, Version};
use std::net::{Ipv6Addr, SocketAddr};

/// Rejects a request whose target or header `host` is invalid, and gives all others the same form:
/// the target is a path or `*`, and the one header `host` has the authority. Returns the scheme of
/// the target if it has one. `local` is the address that the client has connected to.
///
/// As in [RFC 9112](https://www.rfc-editor.org/rfc/rfc9112#section-3.2), the authority of a target
/// replaces the header, which must be valid nevertheless.
pub(crate) fn resolve<B>(
    request: &mut Request<B>,
    local: SocketAddr,
) -> Result<Option<Scheme>, Failure> {
    let host = only_host(request.headers())?;
    let target = std::mem::take(request.uri_mut()).into_parts();
    let connect = *request.method() == Method::CONNECT;
    let named = match (&target.scheme, target.authority) {
        (None, Some(_)) if !connect => return Err(refused(TARGET)),
        (None, None) if connect => return Err(refused("the target of CONNECT must be HOST:PORT")),
        (_, Some(named)) => Some(authority(named.as_str()).ok_or_else(|| refused(TARGET))?),
        (_, None) => None,
    };
    let version = request.version();
    let authority = match (named, host) {
        // HTTP/1.1 alone requires the header even if the target has an authority.
        (_, None) if version == Version::HTTP_11 => return Err(refused(ONE_HOST)),
        (Some(named), _) => named,
        (None, Some(host)) => host,
        (None, None) if version < Version::HTTP_11 => of_address(local),
        (None, None) => return Err(refused(ONE_HOST)),
    };
    if connect {
        let status = StatusCode::NOT_IMPLEMENTED;
        return Err(Failure::new(status, "CONNECT is not supported"));
    }
    let scheme = target.scheme;
    if scheme
        .as_ref()
        .is_some_and(|scheme| ![Scheme::HTTP, Scheme::HTTPS].contains(scheme))
    {
        return Err(refused(TARGET));
    }
    *request.uri_mut() = path(target.path_and_query, request.method())?;
    let host = HeaderValue::try_from(authority).map_err(|_| refused(HOST_FORM))?;
    request.headers_mut().insert(HOST, host);
    Ok(scheme)
}

const TARGET: &str = "the target must be a path that begins with `/`, or an http URL with a host";
const ONE_HOST: &str = "the header `host` must appear exactly once";
const HOST_FORM: &str = "the header `host` must be HOST or HOST:PORT";

fn refused(why: &str) -> Failure {
    Failure::new(StatusCode::BAD_REQUEST, why)
}

/// Returns the value of the header `host`, if there is one.
fn only_host(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => Ok(None),
        (Some(host), None) => {
            let host = host.to_str().ok().and_then(authority);
            host.map(Some).ok_or_else(|| refused(HOST_FORM))
        }
        _ => Err(refused(ONE_HOST)),
    }
}

/// Returns the text if it is a host name or an address, and perhaps a port. User names are not
/// allowed in HTTP, and an address of IPv6 must be in brackets.
fn authority(text: &str) -> Option<String> {
    // Checks the characters and the brackets.
    Authority::try_from(text).ok()?;
    let port = match text.strip_prefix('[') {
        Some(text) => {
            let (address, rest) = text.split_once(']')?;
            address.parse::<Ipv6Addr>().ok()?;
            match rest {
                "" => None,
                rest => Some(rest.strip_prefix(':')?),
            }
        }
        None => {
            let (host, port) = match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            };
            if host.is_empty() || host.contains(['@', '[', ']']) {
                return None;
            }
            port
        }
    };
    // A port may be empty, but not signed.
    let port = port.unwrap_or_default();
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    let valid = digits && (port.is_empty() || port.parse::<u16>().is_ok());
    valid.then(|| text.to_owned())
}

/// Returns an address as an authority, which has no zone.
fn of_address(address: SocketAddr) -> String {
    SocketAddr::new(address.ip(), address.port()).to_string()
}

/// Returns a target that consists only of a path, perhaps with a query, or of `*` for `OPTIONS`.
fn path(target: Option<PathAndQuery>, method: &Method) -> Result<Uri, Failure> {
    let path = target.unwrap_or_else(|| PathAndQuery::from_static("/"));
    let path = match path.as_str() {
        "*" if *method == Method::OPTIONS => path,
        text if text.starts_with('/') => path,
        // A URL without a path.
        text if text.starts_with('?') => {
            PathAndQuery::try_from(format!("/{text}")).map_err(|_| refused(TARGET))?
        }
        _ => return Err(refused(TARGET)),
    };
    let mut parts = Parts::default();
    parts.path_and_query = Some(path);
    Uri::from_parts(parts).map_err(|_| refused(TARGET))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Resolves a request with these headers `host`. Returns the scheme, the authority and the
    /// target, or the status.
    fn resolved(
        method: &str,
        target: &str,
        version: Version,
        hosts: &[&str],
    ) -> Result<(Option<String>, String, String), StatusCode> {
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .version(version);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        let mut request = request.body(()).expect("the http crate takes it");
        let local = SocketAddr::from(([127, 0, 0, 1], 80));
        let scheme = resolve(&mut request, local).map_err(|failure| failure.status)?;
        assert_eq!(request.uri().authority(), None);
        assert_eq!(request.headers().get_all(HOST).iter().count(), 1);
        let host = request.headers()[HOST].to_str().expect("ASCII").to_owned();
        let scheme = scheme.map(|scheme| scheme.to_string());
        Ok((scheme, host, request.uri().to_string()))
    }

    const INVALID: [&str; 24] = [
        "",
        "a b",
        "a\tb",
        "[::1",
        "::1]",
        "[::1]a",
        "[::1]:x",
        "[]",
        "[a]",
        "[::1%25eth0]",
        "::1",
        "a:b:1",
        "a:x",
        "a:-1",
        "a:+1",
        "a:65536",
        ":80",
        ":",
        "u@a",
        "u:p@a",
        "@",
        "a/b",
        "a?b",
        "a%20b",
    ];

    #[test]
    fn an_invalid_host_is_refused_with_every_form_of_target() {
        for host in INVALID {
            for version in [Version::HTTP_10, Version::HTTP_11, Version::HTTP_2] {
                for (method, target) in [
                    ("GET", "/a"),
                    ("GET", "http://b/a"),
                    ("OPTIONS", "*"),
                    ("CONNECT", "b:1"),
                ] {
                    let refused = resolved(method, target, version, &[host]);
                    assert_eq!(refused, Err(StatusCode::BAD_REQUEST), "{host} {target}");
                }
            }
        }
        let umlaut = HeaderValue::from_bytes(b"\xff").expect("a value");
        assert!(only_host(&HeaderMap::from_iter([(HOST, umlaut)])).is_err());
    }

    #[test]
    fn a_host_must_appear_exactly_once() {
        for target in ["/a", "http://b/a"] {
            let twice = resolved("GET", target, Version::HTTP_11, &["a", "a"]);
            assert_eq!(twice, Err(StatusCode::BAD_REQUEST), "{target}");
            let none = resolved("GET", target, Version::HTTP_11, &[]);
            assert_eq!(none, Err(StatusCode::BAD_REQUEST), "{target}");
        }
        let old = resolved("GET", "/a", Version::HTTP_10, &[]).expect("it is optional");
        assert_eq!(old.1, "127.0.0.1:80");
        let new = resolved("GET", "https://b/a", Version::HTTP_2, &[]).expect("it is optional");
        assert_eq!(new.1, "b");
        let new = resolved("GET", "/a", Version::HTTP_2, &[]);
        assert_eq!(new, Err(StatusCode::BAD_REQUEST));
    }

    #[test]
    fn valid_authorities_are_passed_on_unchanged() {
        for host in [
            "a",
            "A.test",
            "a:80",
            "a:",
            "127.0.0.1:1",
            "[::1]",
            "[::1]:65535",
            "a_b-c.d~",
            "*",
        ] {
            let (_, of_host, _) = resolved("GET", "/", Version::HTTP_11, &[host]).expect(host);
            assert_eq!(of_host, host);
            let target = format!("http://{host}/");
            let (_, of_target, _) = resolved("GET", &target, Version::HTTP_11, &["b"]).expect(host);
            assert_eq!(of_target, host);
        }
    }

    #[test]
    fn the_authority_of_a_target_replaces_the_header() {
        let (scheme, host, target) =
            resolved("GET", "http://b:8/a?c=d", Version::HTTP_11, &["a"]).expect("a target");
        assert_eq!(scheme.as_deref(), Some("http"));
        assert_eq!((host.as_str(), target.as_str()), ("b:8", "/a?c=d"));
        for (url, path) in [
            ("http://b", "/"),
            ("http://b?c", "/?c"),
            ("https://b/", "/"),
        ] {
            let (_, _, target) = resolved("GET", url, Version::HTTP_11, &["a"]).expect(url);
            assert_eq!(target, path, "{url}");
        }
        for url in [
            "http://u@b/",
            "http://b:x/",
            "http://[b]/",
            "http://:1/",
            "ftp://b/",
        ] {
            let refused = resolved("GET", url, Version::HTTP_11, &["a"]);
            assert_eq!(refused, Err(StatusCode::BAD_REQUEST), "{url}");
        }
    }

    #[test]
    fn other_targets_are_refused() {
        for (method, target) in [
            ("GET", "foo"),
            ("GET", "foo:80"),
            ("GET", "*"),
            ("CONNECT", "/"),
        ] {
            let refused = resolved(method, target, Version::HTTP_11, &["a"]);
            assert_eq!(refused, Err(StatusCode::BAD_REQUEST), "{method} {target}");
        }
        let all = resolved("OPTIONS", "*", Version::HTTP_11, &["a"]);
        assert_eq!(all, Ok((None, "a".to_owned(), "*".to_owned())));
        let connect = resolved("CONNECT", "a:1", Version::HTTP_11, &["a"]);
        assert_eq!(connect, Err(StatusCode::NOT_IMPLEMENTED));
    }

    #[test]
    fn an_address_of_this_machine_has_no_zone() {
        let address = "[fe80::1%3]:80".parse().expect("an address");
        assert_eq!(of_address(address), "[fe80::1]:80");
    }
}
