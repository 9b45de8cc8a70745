//! The options of locks in etcd: the servers, the folder, the user and the lease.

use super::clock::BootClock;
use super::failure::EtcdError;
use etcd_client::{Certificate, Identity, TlsOptions};
use localmap::Clock;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tonic::transport::Endpoint;

/// The maximum length of the folder, and of the owner's name, in bytes.
const MAX_PREFIX: usize = 1_024;
const MAX_OWNER: usize = 256;

/// The servers, the folder and the user of [`Locks::etcd`](crate::Locks::etcd), and the TTL of its lease.
///
/// ```
/// use localmap_lease::EtcdLockOptions;
/// use std::time::Duration;
///
/// let options = EtcdLockOptions::new(["http://a:2379", "http://b:2379"], "/locks/")
///     .user("guard", "secret")
///     .ttl(Duration::from_secs(5));
/// ```
#[derive(Clone)]
pub struct EtcdLockOptions {
    pub(super) endpoints: Vec<String>,
    pub(super) prefix: Vec<u8>,
    pub(super) user: Option<(String, String)>,
    pub(super) owner: String,
    pub(super) ttl: Duration,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) accept_new_cluster: bool,
    pub(super) on_event: Option<OnEvent>,
    ca: Option<Vec<u8>>,
    identity: Option<(Vec<u8>, Vec<u8>)>,
    domain: Option<String>,
}

type OnEvent = Arc<dyn Fn(&LeaseEvent) + Send + Sync>;

/// Something that has happened to the lease of [`Locks::etcd`](crate::Locks::etcd).
///
/// `Display` writes it for a log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeaseEvent {
    /// There is a lease, so that locks can be had.
    #[non_exhaustive]
    Granted {
        /// The TTL that etcd has granted.
        ttl: Duration,
        /// Its number, which the names of all locks have in hexadecimal digits.
        lease: i64,
    },
    /// No lease can be had for now. It is tried again. Reported when the reason changes.
    #[non_exhaustive]
    Failed {
        /// The reason.
        why: String,
    },
    /// The lease has ended, and all locks with it.
    #[non_exhaustive]
    Lost {
        /// The reason.
        why: String,
    },
}

impl fmt::Display for LeaseEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Granted { ttl, lease } => {
                write!(f, "there is a lease of {} s ({lease:x})", ttl.as_secs())
            }
            Self::Failed { why } => write!(f, "there is no lease: {why}"),
            Self::Lost { why } => {
                write!(f, "the lease has ended, and all locks with it: {why}")
            }
        }
    }
}

impl EtcdLockOptions {
    /// Creates options with the endpoints of a cluster, such as `http://10.0.0.1:2379`, and the prefix of the
    /// keys of locks, such as `/locks/`. All processes that share locks have the same one, and nothing else
    /// is stored there.
    ///
    /// One endpoint is used at a time, and the next one when it fails.
    pub fn new<E: Into<String>>(
        endpoints: impl IntoIterator<Item = E>,
        prefix: impl Into<Vec<u8>>,
    ) -> Self {
        Self {
            endpoints: endpoints.into_iter().map(Into::into).collect(),
            prefix: prefix.into(),
            user: None,
            owner: format!("process {}", std::process::id()),
            ttl: Duration::from_secs(10),
            clock: Arc::new(BootClock::default()),
            accept_new_cluster: false,
            on_event: None,
            ca: None,
            identity: None,
            domain: None,
        }
    }

    /// Sets the user and the password. Default: none. The user needs the permission to read and write the
    /// keys with the prefix.
    #[must_use]
    pub fn user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.user = Some((name.into(), password.into()));
        self
    }

    /// Sets the certificate of the authority that the servers must have, as PEM. Default: those of the
    /// operating system.
    #[must_use]
    pub fn ca(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.ca = Some(pem.into());
        self
    }

    /// Sets the certificate of the client and its key, as PEM. Default: none.
    #[must_use]
    pub fn identity(mut self, certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.identity = Some((certificate.into(), key.into()));
        self
    }

    /// Sets the name that the certificate of the servers must have. Default: that of the endpoint.
    #[must_use]
    pub fn domain(mut self, name: impl Into<String>) -> Self {
        self.domain = Some(name.into());
        self
    }

    /// Sets the text that is stored with each lock, so that operators see who holds it; at most 256 bytes.
    /// Default: the number of the process.
    #[must_use]
    pub fn owner(mut self, name: impl Into<String>) -> Self {
        self.owner = name.into();
        self
    }

    /// Sets the TTL of the lease, from 2 s to an hour; etcd may grant a longer one. Default 10 s.
    ///
    /// If this process cannot reach etcd for as long, its locks are lost, and if it dies, others wait as long
    /// for them. The lease is renewed after each third of it.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// Sets the clock that measures the lease. Default: one that also counts the time for which the machine
    /// sleeps.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Sets whether locks go on in another cluster that answers at an endpoint, or in one that was wiped,
    /// whose tokens begin again. Default `false`: there is no lease then.
    #[must_use]
    pub fn accept_new_cluster(mut self, accept: bool) -> Self {
        self.accept_new_cluster = accept;
        self
    }

    /// Sets a function that is told what happens to the lease. It must not block. Default: none.
    ///
    /// ```
    /// use localmap_lease::EtcdLockOptions;
    ///
    /// let options = EtcdLockOptions::new(["http://a:2379"], "/locks/")
    ///     .on_event(|event| println!("{event}"));
    /// ```
    #[must_use]
    pub fn on_event(mut self, call: impl Fn(&LeaseEvent) + Send + Sync + 'static) -> Self {
        self.on_event = Some(Arc::new(call));
        self
    }

    /// Returns the settings of TLS for an endpoint.
    pub(super) fn tls(&self, endpoint: &str) -> Option<TlsOptions> {
        if !endpoint.starts_with("https://") {
            return None;
        }
        let mut tls = TlsOptions::new();
        tls = match &self.ca {
            Some(pem) => tls.ca_certificate(Certificate::from_pem(pem)),
            None => tls.with_native_roots(),
        };
        if let Some((certificate, key)) = &self.identity {
            tls = tls.identity(Identity::from_pem(certificate, key));
        }
        if let Some(domain) = &self.domain {
            tls = tls.domain_name(domain);
        }
        Some(tls)
    }

    /// Checks the ranges of all options.
    pub(super) fn check(&self) -> Result<(), EtcdError> {
        let error = |why: String| Err(EtcdError::new(why));
        if self.endpoints.is_empty() {
            return error("there must be at least one endpoint".to_owned());
        }
        if self.prefix.is_empty() || self.prefix.len() > MAX_PREFIX {
            return error(format!("the prefix of locks has 1 to {MAX_PREFIX} bytes"));
        }
        if self.owner.len() > MAX_OWNER {
            return error(format!("the owner has at most {MAX_OWNER} bytes"));
        }
        let range = Duration::from_secs(2)..=Duration::from_secs(3_600);
        if !range.contains(&self.ttl) {
            return error("the TTL of a lease is 2 s to 1 h".to_owned());
        }
        self.endpoints
            .iter()
            .try_for_each(|endpoint| self.check_endpoint(endpoint))
    }

    fn check_endpoint(&self, endpoint: &str) -> Result<(), EtcdError> {
        let error = |why: String| Err(EtcdError::new(why));
        let parts = endpoint.split_once("://");
        let Some((scheme @ ("http" | "https"), host)) = parts else {
            // It may have a password, which errors do not repeat.
            return error(match endpoint.contains('@') {
                true => "an endpoint begins with http:// or https://".to_owned(),
                false => format!("the endpoint `{endpoint}` must begin with http:// or https://"),
            });
        };
        if host.contains('@') {
            return error("an endpoint has a user: set it as an option instead".to_owned());
        }
        let host = host.strip_suffix('/').unwrap_or(host);
        if host.is_empty() || host.contains(['/', '?', '#']) {
            return error(format!(
                "the endpoint `{endpoint}` must be a host and a port, such as {scheme}://127.0.0.1:2379"
            ));
        }
        let tls = self.ca.is_some() || self.identity.is_some() || self.domain.is_some();
        if scheme == "http" && tls {
            return error(format!(
                "the endpoint `{endpoint}` must begin with https://, since there are options of TLS"
            ));
        }
        let parsed = Endpoint::from_shared(endpoint.to_owned());
        let checked = parsed.and_then(|parsed| match self.tls(endpoint) {
            Some(tls) => parsed.tls_config(tls),
            None => Ok(parsed),
        });
        match checked {
            Ok(_) => Ok(()),
            Err(why) => {
                let why = super::failure::Failure::from(etcd_client::Error::from(why));
                error(format!("the endpoint `{endpoint}` cannot be used: {why}"))
            }
        }
    }
}

impl fmt::Debug for EtcdLockOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither passwords nor keys, of which an endpoint that is wrong may have one too.
        let endpoint = |endpoint: &String| match endpoint.contains('@') {
            true => "(an endpoint with a user)".to_owned(),
            false => endpoint.clone(),
        };
        let endpoints: Vec<String> = self.endpoints.iter().map(endpoint).collect();
        f.debug_struct("EtcdLockOptions")
            .field("endpoints", &endpoints)
            .field("prefix", &String::from_utf8_lossy(&self.prefix))
            .field("user", &self.user.as_ref().map(|(name, _)| name))
            .field("owner", &self.owner)
            .field("ttl", &self.ttl)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(options: &EtcdLockOptions) -> String {
        options.check().expect_err("refused").to_string()
    }

    #[test]
    fn options_that_cannot_be_used_are_refused() {
        let options = || EtcdLockOptions::new(["http://a:2379"], "/locks/");
        assert_eq!(options().check(), Ok(()));
        let none: [&str; 0] = [];
        assert!(error(&EtcdLockOptions::new(none, "/")).contains("at least one"));
        assert!(error(&EtcdLockOptions::new(["http://a"], "")).contains("1 to 1024 bytes"));
        assert!(error(&options().owner("a".repeat(257))).contains("256 bytes"));
        assert!(error(&options().ttl(Duration::from_secs(1))).contains("2 s to 1 h"));
        assert!(error(&options().ttl(Duration::MAX)).contains("2 s to 1 h"));
        assert!(error(&options().ca("pem")).contains("https://"));
        let tls = EtcdLockOptions::new(["https://a"], "/").identity("nothing", "nothing");
        assert!(error(&tls).contains("cannot be used"), "{}", error(&tls));
        for endpoint in [
            "",
            "a:2379",
            "ftp://a",
            "http://",
            "http://a/b",
            "http://a b",
            "https://a?b",
        ] {
            let options = EtcdLockOptions::new(["http://b", endpoint], "/");
            assert!(error(&options).contains("endpoint"), "{endpoint}");
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        let options = EtcdLockOptions::new(["http://a:hidden@b:2379", "a:hidden@b"], "/");
        let options = options.user("a", "hidden").identity("hidden", "hidden");
        for text in [format!("{options:?}"), error(&options)] {
            assert!(!text.contains("hidden"), "{text}");
        }
    }
}
