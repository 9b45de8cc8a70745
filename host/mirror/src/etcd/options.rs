//! The options of a mirror of etcd: which servers, which prefix, and who asks.

use std::fmt;

/// The servers, the prefix and the user of a [`Mirror`](crate::Mirror).
///
/// ```
/// use localmap_mirror::EtcdOptions;
///
/// let options = EtcdOptions::new(["http://a:2379", "http://b:2379"], "/config/")
///     .user("config", "secret");
/// ```
#[derive(Clone)]
pub struct EtcdOptions {
    pub(crate) endpoints: Vec<String>,
    pub(crate) prefix: Vec<u8>,
    pub(crate) user: Option<(String, String)>,
    pub(crate) tls: Tls,
    pub(crate) page: u32,
}

/// The certificates of a connection, as PEM.
#[derive(Clone, Default)]
pub(crate) struct Tls {
    pub(crate) ca: Option<Vec<u8>>,
    pub(crate) identity: Option<(Vec<u8>, Vec<u8>)>,
    pub(crate) domain: Option<String>,
}

impl EtcdOptions {
    /// Creates options with the endpoints of a cluster, such as `http://10.0.0.1:2379`, and the prefix of
    /// the keys. The keys of the mirror are those of etcd without the prefix.
    ///
    /// The mirror uses one endpoint at a time and goes on to the next one when it fails.
    pub fn new<E: Into<String>>(
        endpoints: impl IntoIterator<Item = E>,
        prefix: impl Into<Vec<u8>>,
    ) -> Self {
        Self {
            endpoints: endpoints.into_iter().map(Into::into).collect(),
            prefix: prefix.into(),
            user: None,
            tls: Tls::default(),
            page: 5_000,
        }
    }

    /// Sets the user and the password. Default: none.
    #[must_use]
    pub fn user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.user = Some((name.into(), password.into()));
        self
    }

    /// Sets the certificate of the authority that the servers must have, as PEM. Default: those of the
    /// operating system.
    #[must_use]
    pub fn ca(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.tls.ca = Some(pem.into());
        self
    }

    /// Sets the certificate of the client and its key, as PEM. Default: none.
    #[must_use]
    pub fn identity(mut self, certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.tls.identity = Some((certificate.into(), key.into()));
        self
    }

    /// Sets the name that the certificate of the servers must have. Default: that of the endpoint.
    #[must_use]
    pub fn domain(mut self, name: impl Into<String>) -> Self {
        self.tls.domain = Some(name.into());
        self
    }

    /// Sets the maximum number of keys of a page of the list, at least 1. Default 5,000. A page that is too
    /// large for a message is asked for again in parts.
    #[must_use]
    pub fn page(mut self, keys: u32) -> Self {
        self.page = keys;
        self
    }
}

impl fmt::Debug for EtcdOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither passwords nor keys.
        f.debug_struct("EtcdOptions")
            .field("endpoints", &self.endpoints)
            .field("prefix", &String::from_utf8_lossy(&self.prefix))
            .field("user", &self.user.as_ref().map(|(name, _)| name))
            .field("page", &self.page)
            .finish_non_exhaustive()
    }
}
