//! The address that `top` reads: an admin address, as the option `--admin` has it, or its URL.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// The address of a program's telemetry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl FromStr for Address {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "expected the address of --admin, such as 127.0.0.1:9090, \
            http://localhost:9090 or unix:/run/localmap/admin.sock";
        if let Some(path) = text.strip_prefix("unix:") {
            // `unix:///path` is common, too.
            let path = path.strip_prefix("//").unwrap_or(path);
            return match path {
                "" => Err(EXPECTED),
                _ if cfg!(unix) => Ok(Self::Unix(path.into())),
                _ => Err("this system has no Unix sockets"),
            };
        }
        let bare = text.strip_prefix("http://").unwrap_or(text);
        let bare = bare.strip_suffix('/').unwrap_or(bare);
        // It is not looked up: the server listens on 127.0.0.1.
        let address = match bare.strip_prefix("localhost:") {
            Some(port) => format!("127.0.0.1:{port}"),
            None => bare.to_owned(),
        };
        address.parse().map(Self::Tcp).map_err(|_| EXPECTED)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_several_spellings() {
        for (text, shown) in [
            ("127.0.0.1:9090", "127.0.0.1:9090"),
            ("http://127.0.0.1:9090", "127.0.0.1:9090"),
            ("http://127.0.0.1:9090/", "127.0.0.1:9090"),
            ("http://localhost:9090/", "127.0.0.1:9090"),
            ("localhost:9090", "127.0.0.1:9090"),
            ("http://[::1]:80", "[::1]:80"),
        ] {
            let address: Address = text.parse().expect("an address");
            assert_eq!(address.to_string(), shown);
        }
        for bad in [
            "",
            "9090",
            "127.0.0.1",
            "https://127.0.0.1:1",
            "unix:",
            "a b:1",
        ] {
            let error = bad.parse::<Address>().expect_err(bad);
            assert!(error.contains("--admin"), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_socket_is_a_path() {
        for text in ["unix:/run/a b.sock", "unix:///run/a b.sock"] {
            let address: Address = text.parse().expect("an address");
            assert_eq!(address, Address::Unix("/run/a b.sock".into()));
            assert_eq!(address.to_string(), "unix:/run/a b.sock");
        }
    }
}
