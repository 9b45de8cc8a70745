//! Hosts and ports, as users and guests write them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A host: a name in lower case without a dot at its end, or an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host {
    Name(String),
    Address(IpAddr),
}

/// The reason why a text is not a host with an optional port.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseAllowedHostError {
    /// There is no host.
    #[error("expected HOST or HOST:PORT, such as example.com or 127.0.0.1:8080")]
    Empty,
    /// There is a scheme.
    #[error("leave out the scheme `{0}://`: expected HOST or HOST:PORT")]
    Scheme(String),
    /// There is a path or a query, or it is a network such as `10.0.0.0/8`.
    #[error("leave out everything after the host and port: expected HOST or HOST:PORT")]
    Path,
    /// There is a user name or a password.
    #[error("leave out the user name: expected HOST or HOST:PORT")]
    UserInfo,
    /// It is an IPv6 address without brackets, or with something wrong in them.
    #[error("an IPv6 address is written in brackets, such as [::1] or [::1]:8080")]
    Brackets,
    /// The port is not a number from 1 to 65535.
    #[error("the port `{0}` is not a number from 1 to 65535")]
    Port(String),
    /// The host consists of numbers, but is not an address.
    #[error("`{0}` is not an IPv4 address, which has four numbers from 0 to 255")]
    Numbers(String),
    /// There is a `*` other than for the first labels of a name.
    #[error("`*` stands for any host, or for the beginning of a name as in *.example.com")]
    Wildcard,
    /// The host has characters or labels that names do not have.
    #[error(
        "`{0}` is not a host name: expected letters, digits and hyphens between dots; write other \
         letters in their ASCII form, xn--..."
    )]
    Name(String),
}

/// Splits `HOST[:PORT]`.
pub(super) fn parse(text: &str) -> Result<(Host, Option<u16>), ParseAllowedHostError> {
    let (host, port) = split(text)?;
    Ok((host.parse()?, port))
}

/// Splits `HOST[:PORT]` without looking at a host that is not in brackets.
pub(super) fn split(text: &str) -> Result<(&str, Option<u16>), ParseAllowedHostError> {
    if let Some((scheme, _)) = text.split_once("://") {
        return Err(ParseAllowedHostError::Scheme(scheme.to_owned()));
    }
    if text.contains(['/', '?', '#', '\\']) {
        return Err(ParseAllowedHostError::Path);
    }
    if text.contains('@') {
        return Err(ParseAllowedHostError::UserInfo);
    }
    let (host, port) = if text.starts_with('[') {
        let end = text.find(']').ok_or(ParseAllowedHostError::Brackets)?;
        let (host, rest) = text.split_at(end + 1);
        match rest.strip_prefix(':') {
            None if rest.is_empty() => (host, None),
            None => return Err(ParseAllowedHostError::Brackets),
            port => (host, port),
        }
    } else {
        match text.split_once(':') {
            None => (text, None),
            Some((_, port)) if port.contains(':') => return Err(ParseAllowedHostError::Brackets),
            Some((host, port)) => (host, Some(port)),
        }
    };
    if host.is_empty() {
        return Err(ParseAllowedHostError::Empty);
    }
    Ok((host, port.map(parse_port).transpose()?))
}

fn parse_port(text: &str) -> Result<u16, ParseAllowedHostError> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|port| digits && *port != 0);
    port.ok_or_else(|| ParseAllowedHostError::Port(text.to_owned()))
}

impl FromStr for Host {
    type Err = ParseAllowedHostError;

    fn from_str(text: &str) -> Result<Self, ParseAllowedHostError> {
        if let Some(rest) = text.strip_prefix('[') {
            let address = rest.strip_suffix(']');
            let address = address.and_then(|address| address.parse::<Ipv6Addr>().ok());
            let address = address.ok_or(ParseAllowedHostError::Brackets)?;
            return Ok(Self::Address(IpAddr::V6(address).to_canonical()));
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        if let Ok(address) = name.parse::<Ipv4Addr>() {
            return Ok(Self::Address(address.into()));
        }
        if name.len() > 253 || !name.split('.').all(is_label) {
            return Err(ParseAllowedHostError::Name(text.to_owned()));
        }
        // Resolvers take such names for addresses in an old form: 127.1 and 0x7f000001.
        if name.rsplit('.').next().is_some_and(is_number) {
            return Err(ParseAllowedHostError::Numbers(text.to_owned()));
        }
        Ok(Self::Name(name))
    }
}

fn is_label(label: &str) -> bool {
    let ascii = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=63).contains(&label.len())
        && label.bytes().all(ascii)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn is_number(label: &str) -> bool {
    let hex = label.strip_prefix("0x");
    label.bytes().all(|byte| byte.is_ascii_digit())
        || hex.is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ParseAllowedHostError as Error;

    fn name(name: &str) -> Host {
        Host::Name(name.to_owned())
    }

    fn address(address: &str) -> Host {
        Host::Address(address.parse().unwrap())
    }

    #[test]
    fn a_host_is_a_name_or_an_address_in_one_spelling() {
        for (text, host, port) in [
            ("example.com", name("example.com"), None),
            ("EXAMPLE.com.:8080", name("example.com"), Some(8080)),
            ("localhost:1", name("localhost"), Some(1)),
            ("my_service.a-b", name("my_service.a-b"), None),
            ("127.0.0.1:65535", address("127.0.0.1"), Some(65_535)),
            ("10.0.0.5.", address("10.0.0.5"), None),
            ("[::1]", address("::1"), None),
            ("[FD00::0001]:80", address("fd00::1"), Some(80)),
            ("[::ffff:127.0.0.1]", address("127.0.0.1"), None),
            ("1e100.net", name("1e100.net"), None),
        ] {
            assert_eq!(parse(text), Ok((host, port)), "{text}");
        }
    }

    #[test]
    fn other_texts_are_errors_that_say_why() {
        let scheme = |text: &str| Error::Scheme(text.to_owned());
        let port = |text: &str| Error::Port(text.to_owned());
        let name = |text: &str| Error::Name(text.to_owned());
        let numbers = |text: &str| Error::Numbers(text.to_owned());
        for (text, error) in [
            ("", Error::Empty),
            (":80", Error::Empty),
            ("https://example.com", scheme("https")),
            ("example.com/", Error::Path),
            ("10.0.0.0/8", Error::Path),
            ("me@example.com", Error::UserInfo),
            ("me:secret@example.com", Error::UserInfo),
            ("::1", Error::Brackets),
            ("example.com:80:80", Error::Brackets),
            ("[::1", Error::Brackets),
            ("[::1]x", Error::Brackets),
            ("[fe80::1%eth0]", Error::Brackets),
            ("[127.0.0.1]", Error::Brackets),
            ("example.com:", port("")),
            ("example.com:0", port("0")),
            ("example.com:+80", port("+80")),
            ("example.com:65536", port("65536")),
            ("example.com:http", port("http")),
            (".", name(".")),
            ("a..b", name("a..b")),
            ("-a.b", name("-a.b")),
            ("a b", name("a b")),
            ("bücher.de", name("bücher.de")),
            ("a%2eb", name("a%2eb")),
            ("127.1", numbers("127.1")),
            ("2130706433", numbers("2130706433")),
            ("0x7f000001", numbers("0x7f000001")),
            ("1.2.3.256", numbers("1.2.3.256")),
            ("127.0.0.0x1", numbers("127.0.0.0x1")),
        ] {
            assert_eq!(parse(text), Err(error), "{text}");
        }
        for long in ["a".repeat(64), vec!["a"; 128].join(".")] {
            assert_eq!(parse(&long), Err(name(&long)));
        }
    }
}
