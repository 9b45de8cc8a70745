//! The options of a mirror of etcd: the servers, the prefix and the user.

use crate::error::OpenError;
use etcd_client::{Certificate, Identity, TlsOptions};
use std::fmt;
use tonic::transport::Endpoint;

/// The keys of a page of a list, at most.
const DEFAULT_PAGE: u32 = 20_000;

/// The servers, the prefix and the user of a [`Mirror`](crate::Mirror).
///
/// ```
/// use localmap_mirror::EtcdOptions;
///
/// let options = EtcdOptions::new(["http://a:2379", "http://b:2379"], "/config/")
///     .user("config", "secret");
///
/// let same: EtcdOptions = "etcd://config@a:2379,b:2379/config/".parse()?;
/// let same = same.password("secret");
/// # Ok::<(), localmap_mirror::UrlError>(())
/// ```
#[derive(Clone)]
pub struct EtcdOptions {
    pub(crate) endpoints: Vec<String>,
    pub(crate) prefix: Vec<u8>,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
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
    /// the keys. The keys of the mirror are those of etcd without the prefix. An empty prefix means all
    /// keys.
    ///
    /// The mirror uses one endpoint at a time and goes on to the next one when it fails.
    ///
    /// These options can also be parsed from a URL: `etcd://user@host:2379,host:2379/prefix/`, or `etcds:`
    /// for TLS. Its prefix begins with the `/` after the hosts; one without it is written as
    /// `etcd://host:2379/?prefix=config/`. Bytes can be percent-encoded.
    pub fn new<E: Into<String>>(
        endpoints: impl IntoIterator<Item = E>,
        prefix: impl Into<Vec<u8>>,
    ) -> Self {
        Self {
            endpoints: endpoints.into_iter().map(Into::into).collect(),
            prefix: prefix.into(),
            user: None,
            password: None,
            tls: Tls::default(),
            page: DEFAULT_PAGE,
        }
    }

    /// Sets the user and the password. Default: none.
    #[must_use]
    pub fn user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.user = Some(name.into());
        self.password(password)
    }

    /// Sets the password of the user that a URL has named.
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
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

    /// Sets the maximum number of keys of a page of a list, at least 1. Default 20,000. Pages of large
    /// entries have fewer keys: about 4 MiB.
    #[must_use]
    pub fn page(mut self, keys: u32) -> Self {
        self.page = keys;
        self
    }

    /// Returns the endpoints.
    #[must_use]
    pub fn endpoints(&self) -> &[String] {
        &self.endpoints
    }

    /// Returns the prefix.
    #[must_use]
    pub fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// Returns the name of the user.
    #[must_use]
    pub fn user_name(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Returns the user and the password.
    pub(crate) fn login(&self) -> Option<(&str, &str)> {
        Some((self.user.as_deref()?, self.password.as_deref()?))
    }

    /// Returns the settings of TLS for an endpoint; `None` if it is not to be used.
    pub(crate) fn tls(&self, endpoint: &str) -> Option<TlsOptions> {
        if !endpoint.starts_with("https://") {
            return None;
        }
        let mut tls = match &self.tls.ca {
            Some(ca) => TlsOptions::new().ca_certificate(Certificate::from_pem(ca)),
            None => TlsOptions::new().with_enabled_roots(),
        };
        if let Some((certificate, key)) = &self.tls.identity {
            tls = tls.identity(Identity::from_pem(certificate, key));
        }
        if let Some(domain) = &self.tls.domain {
            tls = tls.domain_name(domain);
        }
        Some(tls)
    }

    /// Checks the options.
    pub(crate) fn check(&self) -> Result<(), OpenError> {
        let error = |what: String| Err(OpenError::Option { what });
        if self.endpoints.is_empty() {
            return error(
                "there must be at least one endpoint, such as http://127.0.0.1:2379".into(),
            );
        }
        if self.page == 0 {
            return error("a page must have at least 1 key".into());
        }
        match (&self.user, &self.password) {
            (Some(user), None) => return error(format!("the user {user:?} needs a password")),
            (None, Some(_)) => return error("there is a password without a user".into()),
            _ => {}
        }
        if self.user.as_deref().is_some_and(str::is_empty) {
            return error("the name of the user is empty".into());
        }
        if let Some(ca) = &self.tls.ca
            && !ca
                .windows(27)
                .any(|part| part == b"-----BEGIN CERTIFICATE-----")
        {
            return error("the authority has no certificate in PEM".into());
        }
        self.endpoints
            .iter()
            .try_for_each(|endpoint| self.check_endpoint(endpoint))
    }

    fn check_endpoint(&self, endpoint: &str) -> Result<(), OpenError> {
        let error = |what: String| Err(OpenError::Option { what });
        let Some((scheme, rest)) = endpoint.split_once("://") else {
            // It may have a password, which errors do not repeat.
            return error(match endpoint.contains('@') {
                true => "an endpoint must begin with http:// or https://".into(),
                false => format!("the endpoint {endpoint:?} must begin with http:// or https://"),
            });
        };
        if rest.contains('@') {
            return error("an endpoint has a user: set it as an option instead".into());
        }
        if !matches!(scheme, "http" | "https") {
            return error(format!(
                "the endpoint {endpoint:?} must begin with http:// or https://"
            ));
        }
        let host = rest.strip_suffix('/').unwrap_or(rest);
        if host.is_empty() || host.contains(['/', '?', '#']) {
            return error(format!(
                "the endpoint {endpoint:?} must be a host and a port, such as {scheme}://127.0.0.1:2379"
            ));
        }
        let Tls {
            ca,
            identity,
            domain,
        } = &self.tls;
        if scheme == "http" && (ca.is_some() || identity.is_some() || domain.is_some()) {
            return error(format!(
                "the endpoint {endpoint:?} must begin with https://, since there are options of TLS"
            ));
        }
        let parsed = Endpoint::from_shared(endpoint.to_owned());
        let checked = parsed.and_then(|parsed| match self.tls(endpoint) {
            None => Ok(parsed),
            Some(tls) => parsed.tls_config(tls),
        });
        match checked {
            Ok(_) => Ok(()),
            Err(reason) => {
                let reason = super::failure::with_sources(&reason);
                error(format!(
                    "the endpoint {endpoint:?} cannot be used: {reason}"
                ))
            }
        }
    }
}

impl fmt::Debug for EtcdOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither passwords nor keys, of which an endpoint that is wrong may have one too.
        let endpoint = |endpoint: &String| match endpoint.contains('@') {
            true => "(an endpoint with a user)".to_owned(),
            false => endpoint.clone(),
        };
        let endpoints: Vec<String> = self.endpoints.iter().map(endpoint).collect();
        f.debug_struct("EtcdOptions")
            .field("endpoints", &endpoints)
            .field("prefix", &String::from_utf8_lossy(&self.prefix))
            .field("user", &self.user)
            .field("page", &self.page)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(options: &EtcdOptions) -> String {
        options.check().expect_err("refused").to_string()
    }

    #[test]
    fn usable_options_are_accepted() {
        for endpoints in [
            vec!["http://127.0.0.1:2379"],
            vec!["http://[::1]:2379/", "http://etcd-0.etcd"],
            vec!["https://etcd.example:2379"],
        ] {
            let options = EtcdOptions::new(endpoints, "/config/").user("a", "");
            options.check().expect("usable");
        }
    }

    #[test]
    fn endpoints_that_cannot_be_used_are_refused() {
        let none: [&str; 0] = [];
        assert!(error(&EtcdOptions::new(none, "")).contains("at least one endpoint"));
        for endpoint in [
            "",
            "a:2379",
            "ftp://a",
            "http://",
            "http://a/b",
            "http://a b",
            "https://a?b",
        ] {
            let options = EtcdOptions::new(["http://b", endpoint], "");
            assert!(error(&options).contains("endpoint"), "{endpoint}");
        }
    }

    #[test]
    fn options_that_contradict_each_other_are_refused() {
        let options = || EtcdOptions::new(["http://a"], "/");
        assert!(error(&options().page(0)).contains("at least 1 key"));
        assert!(error(&options().password("b")).contains("without a user"));
        assert!(error(&options().user("", "b")).contains("is empty"));
        assert!(error(&options().ca("nothing")).contains("no certificate"));
        assert!(error(&options().domain("a")).contains("https://"));
        let tls = EtcdOptions::new(["https://a"], "/").identity("nothing", "nothing");
        assert!(error(&tls).contains("cannot be used"), "{}", error(&tls));
    }

    #[test]
    fn passwords_are_not_shown() {
        let options =
            EtcdOptions::new(["http://a:hidden@b:2379", "a:hidden@b"], "/").user("a", "hidden");
        for text in [format!("{options:?}"), error(&options)] {
            assert!(!text.contains("hidden"), "{text}");
        }
        let options = EtcdOptions::new(["a:hidden@b"], "/");
        assert!(!error(&options).contains("hidden"));
    }
}
