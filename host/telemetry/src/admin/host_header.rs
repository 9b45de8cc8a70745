//! Refuses requests that a page of another site has made a browser on this machine send.

use hyper::header::{HOST, HeaderMap};
use hyper::{Request, StatusCode, Version};
use std::net::{Ipv4Addr, Ipv6Addr};

/// How a request has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reached {
    ByTcp,
    ByUnixSocket,
}

/// Checks the host that a request names, and the site that has sent it.
///
/// A page whose name has been pointed to the loopback address, which is called DNS rebinding, sends its
/// own name as host. A page that sends its request to the loopback address is another site.
pub(super) fn check<B>(
    reached: Reached,
    request: &Request<B>,
) -> Result<(), (StatusCode, &'static str)> {
    if reached == Reached::ByTcp && !names_this_machine(request) {
        return Err((
            StatusCode::MISDIRECTED_REQUEST,
            "the header `host` must be localhost, 127.0.0.1 or [::1]: use a URL with one of them",
        ));
    }
    if is_of_another_site(request.headers()) {
        return Err((
            StatusCode::FORBIDDEN,
            "a page of another site has sent this request: open the address in a tab of its own",
        ));
    }
    Ok(())
}

fn names_this_machine<B>(request: &Request<B>) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    let in_header = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().is_ok_and(is_loopback),
        // Only programs speak HTTP/1.0, which has no such header.
        (None, _) => request.version() < Version::HTTP_11,
        (Some(_), Some(_)) => false,
    };
    let in_uri = request.uri().authority();
    in_header && in_uri.is_none_or(|host| is_loopback(host.as_str()))
}

/// Returns `true` for a loopback address, or `localhost`, with any port: that of a tunnel may differ.
fn is_loopback(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, port),
        _ => (host, ""),
    };
    let is_this_machine = match name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
    {
        Some(address) => address.parse().is_ok_and(|ip: Ipv6Addr| ip.is_loopback()),
        None => {
            name.eq_ignore_ascii_case("localhost")
                || name.parse().is_ok_and(|ip: Ipv4Addr| ip.is_loopback())
        }
    };
    is_this_machine && port.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns `true` if a browser says so, unless its user follows a link to a page.
fn is_of_another_site(headers: &HeaderMap) -> bool {
    let is = |name: &str, value: &str| headers.get(name).is_some_and(|found| found == value);
    let another = is("sec-fetch-site", "cross-site") || is("sec-fetch-site", "same-site");
    another && !(is("sec-fetch-mode", "navigate") && is("sec-fetch-dest", "document"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_its_hosts() {
        for host in [
            "localhost",
            "LOCALHOST:9090",
            "127.0.0.1",
            "127.1.2.3:80",
            "[::1]",
            "[::1]:9090",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            ":80",
            "example.org",
            "localhost.example.org",
            "127.0.0.1.example.org",
            "example.org:127",
            "user@localhost",
            "0.0.0.0",
            "10.0.0.1:80",
            "[::]",
            "[fe80::1]",
            "::1",
            "localhost:80:80",
            "localhost:http",
            "127.0.0.1:80\u{e9}",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
