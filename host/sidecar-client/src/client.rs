//! A client of a sidecar, and its options.

use crate::connection::Connection;
use crate::error::Error;
use crate::tenant::Tenant;
use std::path::Path;
use std::time::Duration;

/// Options of a [`Client`].
///
/// ```
/// use localmap_sidecar_client::ClientOptions;
/// use std::time::Duration;
///
/// let options = ClientOptions::new().timeout(Duration::from_secs(2));
/// # let _ = options;
/// ```
#[derive(Debug, Clone)]
pub struct ClientOptions {
    timeout: Duration,
}

impl ClientOptions {
    /// Returns the defaults.
    #[must_use]
    pub fn new() -> Self {
        Self {
            timeout: Duration::from_secs(10),
        }
    }

    /// Sets the time that a call may take, including the wait for a sidecar that is not there yet.
    /// Default 10 s.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// A client of a sidecar. Cheap to clone; all clones and all tenants share one connection.
///
/// The client connects at the first call, and again at the next call after the connection was lost.
/// A call waits for a sidecar that has not started yet, at most for the
/// [timeout](ClientOptions::timeout). A call that was sent is never repeated: see
/// [`Error::may_have_happened`].
///
/// ```no_run
/// # async fn example() -> Result<(), localmap_sidecar_client::Error> {
/// use localmap_sidecar_client::{Client, Ttl};
/// use std::time::Duration;
///
/// let client = Client::connect("/run/localmap/maps.sock")?;
/// let alice = client.tenant("alice");
/// alice.set("session", "1", Ttl::After(Duration::from_secs(1800))).await?;
/// assert_eq!(alice.get("session").await?.as_deref(), Some(&b"1"[..]));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Client {
    connection: Connection,
}

impl Client {
    /// Creates a client of the sidecar whose socket is at `path`, with the default options. See
    /// [`Client`] for an example.
    ///
    /// # Errors
    ///
    /// Returns [`Error::NoRuntime`] outside of a Tokio runtime, and [`Error::Invalid`] if the path
    /// is not UTF-8. A sidecar that is not there is an error of the calls.
    pub fn connect(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::connect_with(path, &ClientOptions::new())
    }

    /// Creates a client with the given options.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub fn connect_with(path: impl AsRef<Path>, options: &ClientOptions) -> Result<Self, Error> {
        let connection = Connection::new(path.as_ref(), options.timeout)?;
        Ok(Self { connection })
    }

    /// Returns the operations on the map of a tenant. Its map is created by the first call.
    ///
    /// A name has 1 to 63 of the characters `A-Z a-z 0-9 - _ .`; calls with other names return
    /// [`Error::Invalid`].
    #[must_use]
    pub fn tenant(&self, name: impl Into<String>) -> Tenant {
        Tenant::new(self.connection.clone(), name.into())
    }
}
