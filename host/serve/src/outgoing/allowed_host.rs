//! The hosts to which guests may send requests.

use super::address::{Reach, reach};
use super::host::{self, Host, ParseAllowedHostError};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// The ports of an allowed host without a port: the defaults of `http` and `https`.
const DEFAULT_PORTS: [u16; 2] = [80, 443];

/// A host to which guests may send HTTP requests: `HOST[:PORT]`.
///
/// `HOST` is a name, an address, `*.NAME` for all names that end with `.NAME`, or `*` for any
/// host. An IPv6 address is written in brackets. Names are compared without regard to case, and
/// as they are: a request to an address is not allowed by a name that leads to it. Without
/// `PORT`, the ports 80 and 443 are allowed.
///
/// The addresses to which a name leads are checked as well, just before one of them is connected
/// to:
///
/// - Addresses of the internet are allowed.
/// - Addresses of private networks (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10,
///   198.18.0.0/15, fc00::/7 and others) are allowed only if the host is named in full. `*` does
///   not lead to them.
/// - Addresses of this machine and its link (127.0.0.0/8, 169.254.0.0/16, ::1, fe80::/10), and
///   those that are reserved, are allowed only if the address itself is named, with the port. The
///   name `localhost`, and those that end with it, lead to loopback addresses.
///
/// ```
/// use localmap_serve::AllowedHost;
///
/// for text in ["example.com", "*.example.com:8443", "localhost:9200", "[::1]:9200"] {
///     let allowed: AllowedHost = text.parse()?;
///     assert_eq!(allowed.to_string(), text);
/// }
/// assert!("https://example.com".parse::<AllowedHost>().is_err());
/// # Ok::<(), localmap_serve::ParseAllowedHostError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedHost {
    pattern: Pattern,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    Any,
    /// The names that end with `.` and this name.
    Below(String),
    Exactly(Host),
}

/// The destination of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Destination {
    pub(super) host: Host,
    pub(super) port: u16,
}

impl AllowedHost {
    /// Creates the narrowest host that allows this one.
    pub(super) fn exactly(host: Host, port: u16) -> Self {
        Self {
            pattern: Pattern::Exactly(host),
            port: Some(port).filter(|port| !DEFAULT_PORTS.contains(port)),
        }
    }

    fn allows_port(&self, port: u16) -> bool {
        match self.port {
            Some(allowed) => allowed == port,
            None => DEFAULT_PORTS.contains(&port),
        }
    }

    /// Returns `true` if a request may be sent to this destination, provided that
    /// [`allows_address`](Self::allows_address) its address.
    pub(super) fn allows(&self, to: &Destination) -> bool {
        let host = match (&self.pattern, &to.host) {
            (Pattern::Any, _) => true,
            (Pattern::Below(end), Host::Name(name)) => name
                .strip_suffix(end.as_str())
                .is_some_and(|rest| rest.ends_with('.')),
            (Pattern::Below(_), Host::Address(_)) => false,
            (Pattern::Exactly(host), wanted) => host == wanted,
        };
        host && self.allows_port(to.port)
    }

    /// Returns `true` if this address may be connected to for this destination.
    fn allows_address(&self, to: &Destination, address: IpAddr) -> bool {
        if let Pattern::Exactly(Host::Address(named)) = &self.pattern {
            return *named == address.to_canonical() && self.allows_port(to.port);
        }
        self.allows(to)
            && match (reach(address), &self.pattern) {
                (Reach::Public, _) => true,
                (Reach::Private, pattern) => matches!(pattern, Pattern::Exactly(_)),
                (Reach::Local, Pattern::Exactly(Host::Name(name))) => {
                    is_localhost(name) && address.to_canonical().is_loopback()
                }
                (Reach::Local, _) => false,
            }
    }
}

/// Returns `true` if a request may be sent to this destination.
pub(super) fn allows(hosts: &[AllowedHost], to: &Destination) -> bool {
    hosts.iter().any(|host| host.allows(to))
}

/// Returns `true` if this address may be connected to for this destination, which is allowed.
pub(super) fn allows_address(hosts: &[AllowedHost], to: &Destination, address: IpAddr) -> bool {
    hosts.iter().any(|host| host.allows_address(to, address))
}

/// Returns the host that would allow this address for this destination, which is allowed.
pub(super) fn allowing_address(to: &Destination, address: IpAddr) -> AllowedHost {
    let by_name = match (reach(address), &to.host) {
        (Reach::Private, _) => true,
        (Reach::Local, Host::Name(name)) => {
            is_localhost(name) && address.to_canonical().is_loopback()
        }
        (Reach::Public | Reach::Local, _) => false,
    };
    // A name is narrower: an address can be reached through every allowed name that leads to it.
    let host = match by_name {
        true => to.host.clone(),
        false => Host::Address(address.to_canonical()),
    };
    AllowedHost::exactly(host, to.port)
}

fn is_localhost(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

impl FromStr for AllowedHost {
    type Err = ParseAllowedHostError;

    fn from_str(text: &str) -> Result<Self, ParseAllowedHostError> {
        let (host, port) = host::split(text)?;
        let pattern = match host.strip_prefix('*') {
            None if host.contains('*') => return Err(ParseAllowedHostError::Wildcard),
            None => Pattern::Exactly(host.parse()?),
            Some("") => Pattern::Any,
            Some(rest) => {
                let name = rest.strip_prefix('.').filter(|name| !name.contains('*'));
                let name = name.ok_or(ParseAllowedHostError::Wildcard)?;
                match name.parse()? {
                    Host::Name(name) => Pattern::Below(name),
                    Host::Address(_) => return Err(ParseAllowedHostError::Wildcard),
                }
            }
        };
        Ok(Self { pattern, port })
    }
}

impl fmt::Display for AllowedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.pattern {
            Pattern::Any => f.write_str("*")?,
            Pattern::Below(name) => write!(f, "*.{name}")?,
            Pattern::Exactly(host) => host.fmt(f)?,
        }
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(texts: &[&str]) -> Vec<AllowedHost> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn to(text: &str) -> Destination {
        let (host, port) = host::parse(text).unwrap();
        let port = port.unwrap_or(443);
        Destination { host, port }
    }

    #[test]
    fn a_host_allows_itself_at_its_port_or_at_the_default_ports() {
        for (allowed, yes, no) in [
            (
                "example.com",
                &["example.com", "EXAMPLE.com.:80", "example.com:443"][..],
                &[
                    "example.com:8080",
                    "www.example.com",
                    "example.com.evil.org",
                    "notexample.com",
                    "com",
                ][..],
            ),
            (
                "example.com:8080",
                &["example.com:8080"],
                &["example.com", "example.com:80"],
            ),
            (
                "*.example.com",
                &["www.example.com", "a.b.example.com:80"],
                &["example.com", "wwwexample.com", "www.example.com:81"],
            ),
            (
                "*",
                &["example.com", "1.1.1.1:80", "[2606:4700::1]"],
                &["example.com:81"],
            ),
            (
                "127.0.0.1",
                &["127.0.0.1", "[::ffff:127.0.0.1]"],
                &["localhost", "127.0.0.2"],
            ),
            ("[::1]:1", &["[0:0::1]:1"], &["[::1]", "127.0.0.1:1"]),
        ] {
            let allowed = hosts(&[allowed]);
            for text in yes {
                assert!(allows(&allowed, &to(text)), "{allowed:?} {text}");
            }
            for text in no {
                assert!(!allows(&allowed, &to(text)), "{allowed:?} {text}");
            }
        }
        assert!(!allows(&[], &to("example.com")));
    }

    #[test]
    fn a_name_leads_to_this_machine_only_if_the_address_is_named_or_it_is_localhost() {
        let (public, private) = ("93.184.215.14", "10.1.2.3");
        let (loopback, metadata) = ("127.0.0.1", "169.254.169.254");
        let all = [
            public,
            private,
            loopback,
            metadata,
            "::1",
            "::ffff:127.0.0.1",
        ];
        for (allowed, wanted, reached) in [
            (&["*"][..], "example.com", &[public][..]),
            (&["*.example.com"], "www.example.com", &[public]),
            (&["example.com"], "example.com", &[public, private]),
            (
                &["localhost"],
                "localhost",
                &[public, private, loopback, "::1", "::ffff:127.0.0.1"],
            ),
            (
                &["a.localhost"],
                "a.localhost",
                &[public, private, loopback, "::1", "::ffff:127.0.0.1"],
            ),
            (&["*.localhost"], "a.localhost", &[public]),
            (
                &["example.com", "127.0.0.1"],
                "example.com",
                &[public, private, loopback, "::ffff:127.0.0.1"],
            ),
            // Named with another port.
            (
                &["example.com", "127.0.0.1:81"],
                "example.com",
                &[public, private],
            ),
            (&["*", metadata], "example.com", &[public, metadata]),
            (&["*"], loopback, &[]),
            (&[loopback], loopback, &[loopback, "::ffff:127.0.0.1"]),
        ] {
            let (allowed, wanted) = (hosts(allowed), to(wanted));
            assert!(allows(&allowed, &wanted));
            for address in all {
                let expected = reached.contains(&address);
                let address = address.parse().unwrap();
                // A destination that is an address leads only there.
                if wanted.host == Host::Address(address) || matches!(wanted.host, Host::Name(_)) {
                    let found = allows_address(&allowed, &wanted, address);
                    assert_eq!(found, expected, "{allowed:?} {wanted:?} {address}");
                }
            }
        }
    }

    #[test]
    fn the_hint_allows_what_was_not_allowed() {
        for (allowed, wanted, address, hint) in [
            ("*:81", "example.com:81", "10.1.2.3", "example.com:81"),
            ("example.com", "example.com", "127.0.0.1", "127.0.0.1"),
            ("*:81", "localhost:81", "127.0.0.1", "localhost:81"),
            ("*", "localhost", "169.254.0.1", "169.254.0.1"),
            ("*", "127.0.0.1", "127.0.0.1", "127.0.0.1"),
            ("*", "[::1]", "::1", "[::1]"),
        ] {
            let (mut allowed, wanted) = (hosts(&[allowed]), to(wanted));
            let address = address.parse().unwrap();
            assert!(!allows_address(&allowed, &wanted, address));
            let allows = allowing_address(&wanted, address);
            assert_eq!(allows.to_string(), hint);
            allowed.push(allows);
            assert!(allows_address(&allowed, &wanted, address), "{allowed:?}");
        }
    }

    #[test]
    fn a_wildcard_stands_for_the_beginning_of_a_name() {
        for bad in [
            "a*",
            "*a.b",
            "a.*.b",
            "*.*.b",
            "**",
            "*.",
            "*.10.0.0.1",
            "*.10",
            "[*]",
        ] {
            assert!(bad.parse::<AllowedHost>().is_err(), "{bad}");
        }
        for good in ["*", "*:81", "*.a", "*.a.b:1"] {
            assert_eq!(good.parse::<AllowedHost>().unwrap().to_string(), good);
        }
    }
}
