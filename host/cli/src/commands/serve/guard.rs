//! The guard of `serve`: its rules, and its locks in the process or in etcd.

use super::log::Log;
use crate::args::etcd::{EtcdAccess, EtcdUrl};
#[cfg(not(feature = "etcd"))]
use crate::args::mirror::needs_etcd;
use anyhow::{Context, anyhow};
use localmap_lease::{Guard, Locks, Rules};
use localmap_telemetry::{GuardSample, Telemetry};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::timeout;

/// The maximum size of the file in bytes.
const MAX_SIZE: u64 = 1 << 20;
/// The maximum time to wait for the first lease.
const FIRST_LEASE: Duration = Duration::from_secs(5);

/// Which requests take turns. By default, all are handled at once.
#[derive(clap::Args)]
#[command(next_help_heading = "The guard")]
pub(super) struct GuardArgs {
    /// File with rules, in TOML, that say which requests lock which key, as one writer or with other
    /// readers; see docs/leases.md
    ///
    /// A request that waits for its lock for too long is answered with 423. GUEST finds the token of the
    /// lock in the header localmap-fence, which clients cannot set.
    #[arg(long, value_name = "FILE")]
    guard: Option<PathBuf>,

    /// Keep the locks of --guard in etcd, where all servers with the same URL share them
    ///
    /// The URL names the servers and the folder of the locks: etcd://HOST:PORT,HOST:PORT/FOLDER/, or
    /// etcds:// with TLS. The server has one lease, with the TTL of the rules, and writes a line when it
    /// gets one or loses it. Without a lease, requests that need a lock are answered with 503. Only programs
    /// that are built with the feature `etcd` have such locks.
    #[arg(long, value_name = "URL", requires = "guard", value_parser = folder)]
    guard_etcd: Option<EtcdUrl>,
}

/// Parses the URL of a folder of locks.
fn folder(text: &str) -> Result<EtcdUrl, String> {
    let form = "write it as etcd://HOST:2379,HOST:2379/FOLDER/, or with etcds:// for TLS";
    let hosts = text.split_once("://").map_or(text, |(_, hosts)| hosts);
    if hosts.contains('@') {
        return Err("a user does not belong into the URL: use --etcd-user-file".to_owned());
    }
    if !hosts.contains('/') {
        return Err(format!("the URL names no folder for the locks: {form}"));
    }
    let url: EtcdUrl = text.parse()?;
    // Without the feature, the URL is not read.
    if cfg!(feature = "etcd") && !(url.prefix.len() > 1 && url.prefix.ends_with(b"/")) {
        return Err(format!(
            "a folder of locks has a name and ends with `/`, so that no other begins like it: {form}"
        ));
    }
    Ok(url)
}

/// A guard that is being served.
pub(super) struct ServedGuard(Option<Guard>);

impl GuardArgs {
    /// Reads the rules, if there is a guard.
    pub(super) fn rules(&self) -> anyhow::Result<Option<Rules>> {
        #[cfg(not(feature = "etcd"))]
        if self.in_etcd() {
            return Err(needs_etcd("--guard-etcd"));
        }
        let Some(path) = &self.guard else {
            return Ok(None);
        };
        let rules = read(path).with_context(|| format!("--guard {}", path.display()));
        rules.map(Some)
    }

    /// Returns `true` if the locks are in etcd.
    pub(super) fn in_etcd(&self) -> bool {
        self.guard_etcd.is_some()
    }

    /// Creates the guard of these rules, if there are any. Must be called within the runtime of the server.
    pub(super) fn open(
        &self,
        rules: Option<Rules>,
        access: &EtcdAccess,
        log: &Log,
    ) -> anyhow::Result<ServedGuard> {
        let Some(rules) = rules else {
            return Ok(ServedGuard(None));
        };
        let locks = match &self.guard_etcd {
            Some(url) => in_etcd(url, &rules, access, log)?,
            None => Locks::in_process(rules.lock_limits()),
        };
        Ok(ServedGuard(Some(Guard::new(locks, rules))))
    }
}

impl ServedGuard {
    pub(super) fn get(&self) -> Option<&Guard> {
        self.0.as_ref()
    }

    /// Shows its metrics.
    pub(super) fn watch(&self, telemetry: &Telemetry) {
        let Some(guard) = &self.0 else {
            return;
        };
        let locks = guard.locks().clone();
        telemetry.watch_guard(move || {
            let status = locks.status();
            GuardSample {
                available: status.available,
                keys: status.keys,
                waiting: status.waiting.into(),
                acquired: status.acquired,
                held: status.held,
                too_many_waiters: status.too_many_waiters,
                no_lease: status.no_lease,
                unavailable: status.unavailable,
                leases: status.leases,
                leases_lost: status.leases_lost,
            }
        });
    }

    /// Waits for the first lease, but not for long.
    pub(super) async fn first_lease(&self) {
        if let Some(guard) = &self.0 {
            // The line that says why there is none has been written.
            let _ = timeout(FIRST_LEASE, guard.locks().ready()).await;
        }
    }

    /// Gives the lease back.
    pub(super) async fn end(&self) {
        if let Some(guard) = &self.0 {
            guard.locks().end().await;
        }
    }
}

#[cfg(feature = "etcd")]
fn in_etcd(url: &EtcdUrl, rules: &Rules, access: &EtcdAccess, log: &Log) -> anyhow::Result<Locks> {
    use localmap_lease::EtcdLockOptions;
    use std::time::SystemTime;
    let log = log.clone();
    let mut options = EtcdLockOptions::new(url.endpoints.iter().cloned(), url.prefix.clone())
        .ttl(rules.lease_ttl())
        .on_event(move |event| {
            let time = humantime::format_rfc3339_millis(SystemTime::now());
            log.line(format!("{time} The guard: {event}"));
        });
    if let Some((name, password)) = &access.user {
        options = options.user(name, password);
    }
    if let Some(pem) = &access.ca {
        options = options.ca(pem.clone());
    }
    if let Some((certificate, key)) = &access.identity {
        options = options.identity(certificate.clone(), key.clone());
    }
    // For those who look at the locks. In a container, it is the name of the pod.
    #[cfg(unix)]
    {
        let system = rustix::system::uname();
        let host = system.nodename().to_string_lossy();
        options = options.owner(format!("{host}, process {}", std::process::id()));
    }
    Locks::etcd(options, rules.lock_limits()).context("--guard-etcd")
}

/// Is not called: the options have been checked.
#[cfg(not(feature = "etcd"))]
fn in_etcd(_: &EtcdUrl, _: &Rules, _: &EtcdAccess, _: &Log) -> anyhow::Result<Locks> {
    Err(needs_etcd("--guard-etcd"))
}

fn read(path: &Path) -> anyhow::Result<Rules> {
    let mut text = String::new();
    let file = File::open(path)?;
    file.take(MAX_SIZE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_SIZE {
        return Err(anyhow!("it is larger than {MAX_SIZE} bytes"));
    }
    Ok(Rules::from_toml(&text)?)
}
