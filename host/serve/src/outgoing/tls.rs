//! TLS for requests of guests, with the root certificates of the operating system.
//!
//! These include those that a company has added, and `SSL_CERT_FILE` and `SSL_CERT_DIR` replace
//! them.

use std::sync::{Arc, OnceLock};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// The settings of TLS, created for the first request that needs them.
#[derive(Default)]
pub(super) struct Tls(OnceLock<Arc<ClientConfig>>);

impl Tls {
    /// Returns a connector, or the reason why there is none.
    pub(super) fn connector(&self) -> Result<TlsConnector, String> {
        if let Some(config) = self.0.get() {
            return Ok(Arc::clone(config).into());
        }
        let config = config()?;
        Ok(Arc::clone(self.0.get_or_init(|| config)).into())
    }
}

fn config() -> Result<Arc<ClientConfig>, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Certificates that rustls cannot read are those that no server should have any more.
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let errors = found.errors.iter();
        let errors: String = errors.map(|error| format!(": {error}")).collect();
        return Err(format!(
            "there are no root certificates on this machine; install ca-certificates, or name a \
             file in SSL_CERT_FILE{errors}"
        ));
    }
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
