//! TLS for the connections of clients: the certificate and key of a server, and the handshake.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{Error, InconsistentKeys, ServerConfig};
use tokio_rustls::server::TlsStream;

/// The maximum time of a handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// What a private key with a password contains, in its current and in its older form.
const ENCRYPTED: [&[u8]; 2] = [b"ENCRYPTED PRIVATE KEY-----", b"Proc-Type: 4,ENCRYPTED"];

/// The certificate and the private key with which a [`Server`](crate::Server) speaks TLS 1.2 and
/// 1.3. Clients choose between HTTP/2, HTTP/1.1 and HTTP/1.0 during the handshake (ALPN). Those that
/// offer several get the newest, and those that offer none get HTTP/1. Clones share the same data.
///
/// ```no_run
/// use localmap_serve::{Handler, Server, TlsConfig};
///
/// # fn server(handler: Handler) -> Result<Server, Box<dyn std::error::Error>> {
/// let certificates = std::fs::read("fullchain.pem")?;
/// let key = std::fs::read("privkey.pem")?;
/// let server = Server::new(handler).tls(TlsConfig::from_pem(&certificates, &key)?);
/// # Ok(server)
/// # }
/// ```
#[derive(Clone)]
pub struct TlsConfig(Arc<ServerConfig>);

/// The reason why a certificate and a key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// There is no certificate.
    #[error(
        "there is no certificate: expected PEM, in which each begins with \
         `-----BEGIN CERTIFICATE-----`"
    )]
    NoCertificate,
    /// A certificate is malformed.
    #[error("the certificate is invalid: {cause}")]
    #[non_exhaustive]
    InvalidCertificate {
        /// The reason.
        cause: String,
    },
    /// There is no private key.
    #[error("there is no private key: expected PEM, such as `-----BEGIN PRIVATE KEY-----`")]
    NoKey,
    /// The private key has a password.
    #[error("the private key is encrypted: remove its password with `openssl pkey`")]
    EncryptedKey,
    /// The private key is malformed, or is neither RSA, ECDSA with P-256 or P-384, nor Ed25519.
    #[error("the private key is invalid, or of a kind that is not supported: {cause}")]
    #[non_exhaustive]
    InvalidKey {
        /// The reason.
        cause: String,
    },
    /// The private key is not that of the first certificate.
    #[error("the private key does not belong to the certificate, which must be the first one")]
    Mismatch,
}

impl TlsConfig {
    /// Creates a configuration from PEM: the certificate of the server, followed by those between
    /// it and its root, if any, and the private key in the form PKCS #8, PKCS #1 or SEC1. Other
    /// parts of the PEM are ignored. Whether the certificate has expired is not checked.
    ///
    /// See [`TlsConfig`] for an example.
    ///
    /// # Errors
    ///
    /// Returns [`TlsError::NoCertificate`] or [`NoKey`](TlsError::NoKey) if a part is missing,
    /// [`EncryptedKey`](TlsError::EncryptedKey) if the key has a password,
    /// [`InvalidCertificate`](TlsError::InvalidCertificate) or
    /// [`InvalidKey`](TlsError::InvalidKey) if a part is malformed or of a kind that is not
    /// supported, and [`Mismatch`](TlsError::Mismatch) if the key is that of another certificate.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let chain = CertificateDer::pem_slice_iter(certificates);
        let chain: Vec<_> = chain.collect::<Result<_, _>>().map_err(|error| {
            let cause = pem_cause(&error);
            TlsError::InvalidCertificate { cause }
        })?;
        if chain.is_empty() {
            return Err(TlsError::NoCertificate);
        }
        let key = private_key(key)?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(chain, key));
        let mut config = config.map_err(|error| refused(&error))?;
        // A client that offers protocols, but none of these, cannot connect.
        config.alpn_protocols = [&b"h2"[..], b"http/1.1", b"http/1.0"]
            .map(<[u8]>::to_vec)
            .to_vec();
        Ok(Self(Arc::new(config)))
    }

    /// Performs the handshake of a connection.
    pub(crate) async fn accept(self, stream: TcpStream) -> Handshake {
        let mut first = [0];
        match timeout(HANDSHAKE, stream.peek(&mut first)).await {
            Ok(Ok(1..)) if first[0].is_ascii_alphabetic() => return Handshake::Plain(stream),
            Ok(Ok(1..)) => {}
            // Probes of the port end like this.
            _ => return Handshake::Left,
        }
        let handshake = TlsAcceptor::from(self.0).accept(stream);
        match timeout(HANDSHAKE, handshake).await {
            Ok(Ok(stream)) => Handshake::Done(Box::new(stream)),
            Ok(Err(error)) => Handshake::Failed(format!("the TLS handshake failed: {error}")),
            Err(_) => Handshake::Failed(format!(
                "the TLS handshake timed out after {}",
                humantime::format_duration(HANDSHAKE)
            )),
        }
    }
}

impl fmt::Debug for TlsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsConfig").finish_non_exhaustive()
    }
}

/// The end of a handshake.
pub(crate) enum Handshake {
    Done(Box<TlsStream<TcpStream>>),
    /// The client has sent nothing.
    Left,
    /// The client sends text, such as HTTP, of which nothing has been read.
    Plain(TcpStream),
    /// The reason why the client cannot be served.
    Failed(String),
}

fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    let has = |text: &[u8]| pem.windows(text.len()).any(|part| part == text);
    if ENCRYPTED.iter().any(|text| has(text)) {
        return Err(TlsError::EncryptedKey);
    }
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
        pem::Error::NoItemsFound => TlsError::NoKey,
        error => {
            let cause = pem_cause(&error);
            TlsError::InvalidKey { cause }
        }
    })
}

/// Formats an error of PEM without the bytes of the file, which may be those of a key.
fn pem_cause(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => "its END line is missing",
        pem::Error::IllegalSectionStart { .. } => "its BEGIN line is malformed",
        pem::Error::Base64Decode(_) => "it is not base64",
        _ => "it is not PEM",
    }
    .to_owned()
}

/// Returns the reason why rustls has refused a certificate and its key.
fn refused(error: &Error) -> TlsError {
    let cause = error.to_string();
    match error {
        Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsError::Mismatch,
        Error::InvalidCertificate(_) => TlsError::InvalidCertificate { cause },
        _ => TlsError::InvalidKey { cause },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn data(name: &str) -> Vec<u8> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/tls/");
        fs::read(format!("{folder}{name}")).expect("it is there")
    }

    #[test]
    fn a_certificate_and_its_key_are_found_among_other_text() {
        let certificates = [b"a comment\n", &data("localhost.pem")[..], &data("ca.pem")].concat();
        let both = [&certificates[..], &data("localhost.key")].concat();
        for (certificates, key) in [(&certificates, &data("localhost.key")), (&both, &both)] {
            let config = TlsConfig::from_pem(certificates, key).expect("it is valid");
            assert_eq!(config.0.alpn_protocols[0], b"h2");
        }
    }

    #[test]
    fn what_is_wrong_with_a_certificate_or_a_key_is_named() {
        let (certificate, key) = (data("localhost.pem"), data("localhost.key"));
        let half = certificate[..certificate.len() / 2].to_vec();
        let section = |label: &str, text: &str| {
            format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n").into_bytes()
        };
        let refused = |certificate: &[u8], key: &[u8]| {
            let error = TlsConfig::from_pem(certificate, key).expect_err("it is invalid");
            format!("{error:?}").split(' ').next().map(str::to_owned)
        };
        for (certificate, key, wanted) in [
            (&b""[..], &key[..], "NoCertificate"),
            (&key, &certificate, "NoCertificate"),
            (&half, &key, "InvalidCertificate"),
            (&section("CERTIFICATE", "AAAA"), &key, "InvalidCertificate"),
            (&section("CERTIFICATE", "?"), &key, "InvalidCertificate"),
            (&certificate, b"", "NoKey"),
            (&certificate, &certificate, "NoKey"),
            (
                &certificate,
                &section("ENCRYPTED PRIVATE KEY", "AAAA"),
                "EncryptedKey",
            ),
            (
                &certificate,
                &section("RSA PRIVATE KEY", "Proc-Type: 4,ENCRYPTED\n\nAAAA"),
                "EncryptedKey",
            ),
            (&certificate, &section("PRIVATE KEY", "AAAA"), "InvalidKey"),
            (&certificate, &section("PRIVATE KEY", "?"), "InvalidKey"),
            (&data("ca.pem"), &key, "Mismatch"),
        ] {
            assert_eq!(refused(certificate, key).as_deref(), Some(wanted));
        }
    }
}
