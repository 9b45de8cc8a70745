//! `--tls-cert` and `--tls-key`: the certificate and the key of a server, and what is wrong with
//! them.

use anyhow::{Context, anyhow};
use localmap_serve::{TlsConfig, TlsError};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The maximum size of each file in bytes.
const MAX_FILE: u64 = 1 << 20;

#[derive(clap::Args)]
pub(super) struct TlsArgs {
    /// Serve HTTPS with this certificate, in PEM, followed by those between it and its root;
    /// requires --tls-key
    ///
    /// The files are read when the server starts. Restart it after the certificate is renewed.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// Private key of --tls-cert, in PEM and without a password
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

impl TlsArgs {
    /// Reads the certificate and the key. Returns `None` without these options.
    pub(super) fn load(&self) -> anyhow::Result<Option<TlsConfig>> {
        let (Some(cert), Some(key)) = (&self.tls_cert, &self.tls_key) else {
            return Ok(None);
        };
        let option = |of_key: bool| match of_key {
            false => format!("--tls-cert {}", cert.display()),
            true => format!("--tls-key {}", key.display()),
        };
        let certificates = read(cert).with_context(|| option(false))?;
        let private_key = read(key).with_context(|| option(true))?;
        let config = TlsConfig::from_pem(&certificates, &private_key).map_err(|error| {
            let of_key = !matches!(
                error,
                TlsError::NoCertificate | TlsError::InvalidCertificate { .. }
            );
            let cause = match error {
                TlsError::Mismatch => anyhow!(
                    "the private key does not belong to the first certificate of `{}`",
                    cert.display()
                ),
                other => other.into(),
            };
            cause.context(option(of_key))
        });
        config.map(Some)
    }
}

/// Reads a file, which may be a pipe.
fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let read = || -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?
            .take(MAX_FILE + 1)
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().context("cannot read the file")?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(anyhow!("the file is larger than {MAX_FILE} bytes"));
    }
    Ok(bytes)
}
