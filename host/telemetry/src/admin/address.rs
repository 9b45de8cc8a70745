//! Where the admin address is: on the loopback interface, or a Unix socket.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// An address for an [`AdminServer`](crate::AdminServer): `127.0.0.1:9090`, `[::1]:9090`,
/// `localhost:9090`, which is the first of them, or `unix:/run/localmap/admin.sock`. Port 0 picks a
/// free port. The URL of its page, such as `http://127.0.0.1:9090/`, is the same address.
///
/// Other addresses are refused, since the server asks for no password.
///
/// ```
/// use localmap_telemetry::AdminAddress;
///
/// let address: AdminAddress = "localhost:9090".parse()?;
/// assert_eq!(address.url().as_deref(), Some("http://127.0.0.1:9090/"));
/// assert!("unix:/run/localmap/admin.sock".parse::<AdminAddress>().is_ok());
/// assert!("0.0.0.0:9090".parse::<AdminAddress>().is_err());
/// # Ok::<(), localmap_telemetry::ParseAdminAddressError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminAddress(Place);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// The error of a text that is no [`AdminAddress`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseAdminAddressError {
    /// Other machines could reach the address.
    #[error(
        "`{address}` is no loopback address, and the admin address asks for no password: use \
         127.0.0.1, [::1] or unix:PATH, and a tunnel such as `ssh -L` from elsewhere"
    )]
    #[non_exhaustive]
    NotLoopback {
        /// The address.
        address: SocketAddr,
    },
    /// The text is no address.
    #[error(
        "expected an address such as 127.0.0.1:9090, [::1]:9090, localhost:9090 or \
         unix:/run/localmap/admin.sock"
    )]
    NoAddress,
}

impl AdminAddress {
    /// Returns the URL of the page; `None` for a Unix socket. See [`AdminAddress`] for an example.
    pub fn url(&self) -> Option<String> {
        self.tcp().map(|address| format!("http://{address}/"))
    }

    /// Returns the address of TCP, if it is one.
    pub(super) fn tcp(&self) -> Option<SocketAddr> {
        match self.0 {
            Place::Tcp(address) => Some(address),
            Place::Unix(_) => None,
        }
    }

    /// Returns the path of the Unix socket, if it is one.
    pub(super) fn unix(&self) -> Option<&Path> {
        match &self.0 {
            Place::Tcp(_) => None,
            Place::Unix(path) => Some(path),
        }
    }

    /// Returns the address with the port that was picked.
    pub(super) fn with_port(mut self, port: u16) -> Self {
        if let Place::Tcp(address) = &mut self.0 {
            address.set_port(port);
        }
        self
    }
}

impl FromStr for AdminAddress {
    type Err = ParseAdminAddressError;

    fn from_str(text: &str) -> Result<Self, ParseAdminAddressError> {
        let no_address = ParseAdminAddressError::NoAddress;
        if let Some(path) = text.strip_prefix("unix:") {
            let names_file = !path.is_empty() && !path.ends_with('/') && !path.contains('\0');
            let path = names_file.then(|| Self(Place::Unix(path.into())));
            return path.ok_or(no_address);
        }
        let text = match text.strip_prefix("http://") {
            Some(url) => url.strip_suffix('/').unwrap_or(url),
            None => text,
        };
        let address = match text.strip_prefix("localhost:") {
            Some(port) => {
                let port = port.parse().map_err(|_| no_address)?;
                SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
            }
            None => text.parse().map_err(|_| no_address)?,
        };
        if address.ip().is_loopback() {
            Ok(Self(Place::Tcp(address)))
        } else {
            Err(ParseAdminAddressError::NotLoopback { address })
        }
    }
}

impl fmt::Display for AdminAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Tcp(address) => address.fmt(f),
            Place::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_can_reach_an_admin_address() {
        for text in [
            "127.0.0.1:9090",
            "127.1.2.3:0",
            "[::1]:0",
            "unix:admin.sock",
        ] {
            let address: AdminAddress = text.parse().expect(text);
            assert_eq!(address.to_string(), text);
        }
        let localhost: AdminAddress = "localhost:80".parse().expect("localhost");
        assert_eq!(localhost.to_string(), "127.0.0.1:80");
        assert_eq!(
            localhost.with_port(81).url().as_deref(),
            Some("http://127.0.0.1:81/")
        );
        for text in [
            "http://127.0.0.1:9090",
            "http://127.0.0.1:9090/",
            "http://localhost:9090/",
        ] {
            let address: AdminAddress = text.parse().expect(text);
            assert_eq!(address.to_string(), "127.0.0.1:9090");
        }
        for text in [
            "0.0.0.0:1",
            "http://10.0.0.1:1/",
            "[::]:1",
            "10.0.0.1:1",
            "[::ffff:127.0.0.1]:1",
            "[fe80::1]:1",
        ] {
            let error = text.parse::<AdminAddress>().expect_err(text).to_string();
            assert!(error.contains("loopback"), "{text}: {error}");
        }
        for text in [
            "",
            "9090",
            ":9090",
            "127.0.0.1",
            "example.org:1",
            "localhost",
            "localhost:99999",
            "unix:",
            "unix:/run/",
            "/run/admin.sock",
            "http://localhost/",
            "http://127.0.0.1:9090/maps",
            "https://127.0.0.1:9090/",
        ] {
            let error = text.parse::<AdminAddress>().expect_err(text);
            assert_eq!(error, ParseAdminAddressError::NoAddress, "{text}");
        }
    }
}
