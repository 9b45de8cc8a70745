//! How commands find etcd: its endpoints, its URL with a prefix, and what it asks of clients.

#![cfg_attr(
    not(feature = "etcd"),
    allow(dead_code, reason = "without the feature, the options are only parsed")
)]

use anyhow::{Context, anyhow, bail};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The maximum size of each file in bytes.
const MAX_FILE: u64 = 1 << 20;

/// What etcd asks of clients. All mirrors and guards of a command share it.
#[derive(clap::Args)]
#[command(next_help_heading = "etcd")]
pub(crate) struct EtcdArgs {
    /// File whose first line is USER:PASSWORD, for an etcd with authentication
    ///
    /// It is read when the program starts. Let only its owner, or its group, read it.
    #[arg(long, value_name = "FILE")]
    etcd_user_file: Option<PathBuf>,

    /// Certificate of the authority that has signed those of the servers, in PEM [default: the
    /// authorities of the operating system]
    #[arg(long, value_name = "FILE")]
    etcd_ca: Option<PathBuf>,

    /// Certificate with which this program identifies itself, in PEM
    #[arg(long, value_name = "FILE", requires = "etcd_key")]
    etcd_cert: Option<PathBuf>,

    /// Private key of that certificate, in PEM and without a password
    #[arg(long, value_name = "FILE", requires = "etcd_cert")]
    etcd_key: Option<PathBuf>,
}

/// The contents of the files that [`EtcdArgs`] names.
#[derive(Default)]
pub(crate) struct EtcdAccess {
    /// The user and the password.
    pub(crate) user: Option<(String, String)>,
    /// The certificate of the authority.
    pub(crate) ca: Option<Vec<u8>>,
    /// The certificate of the client, and its key.
    pub(crate) identity: Option<(Vec<u8>, Vec<u8>)>,
    /// What its user should know.
    pub(crate) warning: Option<String>,
}

impl EtcdArgs {
    /// Returns `true` if one of these options was given.
    pub(crate) fn given(&self) -> bool {
        [
            &self.etcd_user_file,
            &self.etcd_ca,
            &self.etcd_cert,
            &self.etcd_key,
        ]
        .into_iter()
        .any(Option::is_some)
    }

    /// Reads the files. `options` is what the names of these options begin with, such as `--etcd-`.
    pub(crate) fn load(&self, options: &str) -> anyhow::Result<EtcdAccess> {
        let read = |name: &str, path: &Option<PathBuf>| match path {
            None => Ok(None),
            Some(path) => {
                let bytes = read(path);
                let bytes = bytes.with_context(|| format!("{options}{name} {}", path.display()));
                bytes.map(Some)
            }
        };
        let pem =
            |name: &str, path: &Option<PathBuf>, check: fn(&str) -> Result<(), &'static str>| {
                let bytes = read(name, path)?;
                if let (Some(bytes), Some(path)) = (&bytes, path)
                    && let Err(fault) = check(&String::from_utf8_lossy(bytes))
                {
                    bail!("{options}{name} {}: {fault}", path.display());
                }
                Ok(bytes)
            };
        let mut warning = None;
        let user = match read("user-file", &self.etcd_user_file)? {
            Some(line) => {
                let path = self.etcd_user_file.as_deref().unwrap_or(Path::new(""));
                let option = format!("{options}user-file {}", path.display());
                warning = others_can_read(path).then(|| {
                    format!("Warning: {option}: all users of this machine can read the password: chmod 600")
                });
                Some(user(&line).context(option)?)
            }
            None => None,
        };
        let ca = pem("ca", &self.etcd_ca, certificate)?;
        let cert = pem("cert", &self.etcd_cert, certificate)?;
        Ok(EtcdAccess {
            user,
            ca,
            identity: cert.zip(pem("key", &self.etcd_key, private_key)?),
            warning,
        })
    }
}

/// A prefix of etcd's keys, and the endpoints of the cluster that has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EtcdUrl {
    /// Each with its scheme and port, such as `http://10.0.0.1:2379`.
    pub(crate) endpoints: Vec<String>,
    /// The prefix, in bytes.
    pub(crate) prefix: Vec<u8>,
}

impl FromStr for EtcdUrl {
    type Err = String;

    #[cfg(feature = "etcd")]
    fn from_str(text: &str) -> Result<Self, String> {
        let form = "write it as etcd://HOST:PORT,HOST:PORT/PREFIX/, or with etcds:// for TLS";
        let options: localmap_mirror::EtcdOptions = text
            .parse()
            .map_err(|error| format!("{}; {form}", fault(&error)))?;
        if options.user_name().is_some() {
            // Each user of the machine can see it.
            return Err("a user does not belong into the URL: use --etcd-user-file".to_owned());
        }
        Ok(Self {
            endpoints: options.endpoints().to_vec(),
            prefix: options.prefix().to_vec(),
        })
    }

    /// Accepts anything. What the URL is for is refused.
    #[cfg(not(feature = "etcd"))]
    fn from_str(_: &str) -> Result<Self, String> {
        Ok(Self {
            endpoints: Vec::new(),
            prefix: Vec::new(),
        })
    }
}

/// Returns what is wrong with a URL, without the form that the library has, which is longer.
#[cfg(feature = "etcd")]
fn fault(error: &localmap_mirror::UrlError) -> String {
    let text = error.to_string();
    match text.split_once("; write it as ") {
        Some((fault, _)) => fault.to_owned(),
        None => text,
    }
}

/// Parses an endpoint, such as `http://10.0.0.1:2379`. Returns it with its port.
pub(crate) fn parse_endpoint(text: &str) -> Result<String, String> {
    const FORM: &str = "write it as http://HOST:PORT, or with https:// for TLS";
    let host = text.strip_suffix('/').unwrap_or(text);
    let url = match host.split_once("://") {
        Some(("http", host)) => format!("etcd://{host}/"),
        Some(("https", host)) => format!("etcds://{host}/"),
        _ => return Err(FORM.to_owned()),
    };
    if host.contains('@') {
        return Err("a user does not belong into the URL: use --user-file".to_owned());
    }
    let url: EtcdUrl = url.parse().map_err(|error: String| {
        let fault = error.split_once("; ").map_or(&*error, |(fault, _)| fault);
        format!("{fault}; {FORM}")
    })?;
    match &url.endpoints[..] {
        [endpoint] if url.prefix == b"/" => Ok(endpoint.clone()),
        [] => Ok(text.to_owned()),
        _ => Err(format!("a URL of an endpoint has no path; {FORM}")),
    }
}

/// Parses a line `USER:PASSWORD`, at which the file ends, or which another line follows.
fn user(file: &[u8]) -> anyhow::Result<(String, String)> {
    let line = file.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = std::str::from_utf8(line).context("the first line is not UTF-8")?;
    match line.split_once(':') {
        Some((user, password)) if !user.is_empty() && !password.is_empty() => {
            Ok((user.to_owned(), password.to_owned()))
        }
        // The line may be the password.
        _ => Err(anyhow!("the first line must be USER:PASSWORD")),
    }
}

/// Reads a file, which may be a pipe.
fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes));
    read.context("cannot read the file")?;
    if bytes.len() as u64 > MAX_FILE {
        bail!("the file is larger than {MAX_FILE} bytes");
    }
    Ok(bytes)
}

/// Returns `true` if a file can be read by users other than its owner and its group.
#[cfg(unix)]
fn others_can_read(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let metadata = std::fs::metadata(path);
    metadata.is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o004 != 0)
}

#[cfg(not(unix))]
fn others_can_read(_: &Path) -> bool {
    false
}

/// Checks that a file has a certificate.
fn certificate(pem: &str) -> Result<(), &'static str> {
    match pem.contains("-----BEGIN CERTIFICATE-----") {
        true => Ok(()),
        false => Err("the file has no certificate in PEM: a line `-----BEGIN CERTIFICATE-----`"),
    }
}

/// Checks that a file has a private key that can be read without a password.
fn private_key(pem: &str) -> Result<(), &'static str> {
    if pem.contains("BEGIN ENCRYPTED PRIVATE KEY") || pem.contains("Proc-Type: 4,ENCRYPTED") {
        return Err("the private key is encrypted: remove its password with `openssl pkey`");
    }
    match pem.contains("PRIVATE KEY-----") {
        true => Ok(()),
        false => Err("the file has no private key in PEM: a line `-----BEGIN PRIVATE KEY-----`"),
    }
}

/// Adds the options that are at fault to the error of a mirror that cannot begin. `options` is what their names
/// begin with, such as `--etcd-`.
#[cfg(feature = "etcd")]
pub(crate) fn explain_open(error: localmap_mirror::OpenError, options: &str) -> anyhow::Error {
    let text = error.to_string();
    if text.contains("KeyMismatch") {
        return anyhow!("the private key of {options}key does not belong to {options}cert");
    }
    if text.contains("since there are options of TLS") {
        let scheme = if options == "--" { "https" } else { "etcds" };
        return anyhow!(
            "{options}ca, {options}cert and {options}key are for TLS: write {scheme}:// in the URL"
        );
    }
    error.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "etcd")]
    #[test]
    fn an_endpoint_has_a_scheme_and_a_port() {
        let ok = |endpoint: &str| Ok(endpoint.to_owned());
        assert_eq!(parse_endpoint("http://a"), ok("http://a:2379"));
        assert_eq!(parse_endpoint("https://[::1]:1/"), ok("https://[::1]:1"));
        for bad in [
            "",
            "a:2379",
            "ftp://a",
            "http://",
            "http://a/b",
            "http://a?b",
            "http://a,b",
            "http://u:p@a",
        ] {
            assert!(parse_endpoint(bad).is_err(), "{bad}");
        }
        let form = "; write it as http://HOST:PORT, or with https:// for TLS";
        let error = parse_endpoint("http://a:99999").expect_err("no port");
        assert!(
            error.ends_with(form) && !error.contains("etcd://"),
            "{error}"
        );
        for bad in ["etcd://u:p@a/c/", "etcd://a", "etcd://a:0/c/"] {
            let error = bad.parse::<EtcdUrl>().expect_err(bad);
            assert!(!error.contains("user@"), "{error}");
        }
    }

    #[test]
    fn a_file_of_another_kind_is_told_from_a_certificate_and_a_key() {
        let plain = "-----BEGIN PRIVATE KEY-----\nAA\n-----END PRIVATE KEY-----\n";
        let old = "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nAA\n";
        let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA\n";
        let public = "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n";
        assert_eq!((certificate(public), private_key(plain)), (Ok(()), Ok(())));
        assert!(certificate(plain).is_err() && certificate("").is_err());
        assert!(private_key(public).is_err_and(|fault| fault.contains("no private key")));
        for key in [old, encrypted] {
            assert!(private_key(key).is_err_and(|fault| fault.contains("openssl pkey")));
        }
    }

    #[test]
    fn the_user_is_what_stands_before_the_first_colon() {
        let named = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(user(b"a:b").ok(), named("a", "b"));
        assert_eq!(user(b"a:b:c \r\nd:e\n").ok(), named("a", "b:c "));
        for bad in [&b""[..], b"a", b":b", b"a:", b"\na:b", b"\xff:b"] {
            let error = user(bad).expect_err("it is no user");
            assert!(error.to_string().starts_with("the first line"), "{error}");
        }
    }
}
