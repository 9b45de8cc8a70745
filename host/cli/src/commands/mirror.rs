//! `localmap mirror`: keeps a copy of a prefix of etcd, and says how old it is.
//!
//! The mirror is the library `localmap-mirror`, which follows etcd on a thread of its own. This file has the
//! options and the actions; `follow` writes what becomes of the mirror, in the words of `text` or of `json`,
//! when `changes` says so. Without the feature `etcd`, there is only the help.

#[cfg(feature = "etcd")]
mod advice;
#[cfg(feature = "etcd")]
pub(super) mod changes;
#[cfg(feature = "etcd")]
mod follow;
#[cfg(feature = "etcd")]
mod json;
#[cfg(feature = "etcd")]
mod progress;
#[cfg(feature = "etcd")]
mod read;
#[cfg(feature = "etcd")]
mod start;
#[cfg(feature = "etcd")]
pub(super) mod telemetry;
#[cfg(feature = "etcd")]
pub(super) mod text;
#[cfg(feature = "etcd")]
mod until_signal;
#[cfg(feature = "etcd")]
mod verify;
#[cfg(feature = "etcd")]
mod wait;

use crate::args::cache::CacheArgs;
use crate::args::etcd::{EtcdArgs, parse_endpoint};
use crate::args::mirror::{MirrorArgs, short};
use crate::args::values::parse_duration;
use crate::commands::preflight;
use crate::exit_code::UNDECIDED;
use crate::terminal::stdio::complain;
use localmap_telemetry::AdminAddress;
use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

const EXAMPLE: &str = "\
Examples:
    localmap mirror --etcd http://10.0.0.1:2379,http://10.0.0.2:2379 --prefix /config/
    localmap mirror --etcd http://127.0.0.1:2379 --prefix /config/ --get color
    localmap mirror --etcd https://etcd:2379 --ca ca.pem --user-file user --prefix /config/ --verify";

/// Keeps a copy of a prefix of etcd, and says how old it is.
///
/// Without --get, --dump or --verify, it follows etcd until SIGINT (Ctrl-C) or SIGTERM, which end it with
/// exit code 0. It writes a line to standard output each time that its state changes: `fresh`, `stale`
/// with the age of the copy at most, or `error` once the copy is too old to be read. It is what
/// `serve --mirror` gives to guests; docs/mirror.md says what the states mean and what to do.
///
/// The exit code is 0 if all is well, 1 if the key of --get is absent or --verify finds a difference, 2
/// if this cannot be told, and also for a wrong option, and 141 if standard output was closed.
///
/// Only programs that are built with the feature `etcd` have mirrors.
#[derive(clap::Args)]
#[command(after_long_help = EXAMPLE, mut_args(short))]
#[cfg_attr(
    not(feature = "etcd"),
    allow(dead_code, reason = "without the feature, the options are only parsed")
)]
pub(crate) struct MirrorCommand {
    /// Endpoints of the cluster, such as http://10.0.0.1:2379, with commas between them; https:// with
    /// TLS. One at a time is used, and the next one if it fails
    #[arg(long = "etcd", value_name = "URL", required = true, value_delimiter = ',', value_parser = parse_endpoint)]
    endpoints: Vec<String>,

    /// Prefix of the keys to copy, which may be empty; the keys of the copy are those of etcd without it
    #[arg(long, value_name = "PREFIX")]
    prefix: OsString,

    /// Print the value of a key as it is, without a line end, and exit
    #[arg(long, value_name = "KEY", group = "action")]
    get: Option<OsString>,

    /// Print all entries in the order of their keys, with the revisions of their values, and exit; keys
    /// and values are quoted as in `localmap shell`
    #[arg(long, group = "action")]
    dump: bool,

    /// Compare the copy with etcd at one revision, print each difference, and exit
    #[arg(long, group = "action")]
    verify: bool,

    /// Maximum time until the copy can be read: then --get, --dump and --verify fail, and without them
    /// a line says what to check
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    timeout: Duration,

    /// Write the states as JSON, an object on a line for each change
    ///
    /// With --get, --dump or --verify, one object to standard error. The keys are time, state
    /// ("starting", "listing", "live", "reconnecting", "does-not-fit", "other-cluster" or "ended"),
    /// readable, fresh, age_ms, error (why it cannot be read, or null), why (the last failure, or
    /// null), revision, entries, bytes, omitted, listing (done and total, or null), endpoint,
    /// version, cluster_id, and the counts events, lists, disconnects, probes, audits and
    /// differences. What is unknown is null.
    #[arg(long)]
    status_json: bool,

    /// Show metrics at this address, over HTTP: 127.0.0.1:9090, [::1]:9090 or unix:PATH; port 0 picks a
    /// free port [default: nowhere]
    ///
    /// As --admin of `localmap serve`. /readyz says whether the copy can be read.
    #[arg(long, value_name = "ADDRESS", value_parser = str::parse::<AdminAddress>)]
    admin: Option<AdminAddress>,

    /// Export metrics to this collector, by OTLP over gRPC without TLS: http://127.0.0.1:4317 or
    /// unix:PATH; only if the program was built with the feature `otlp`
    #[arg(long, value_name = "URL")]
    otlp: Option<String>,

    #[command(flatten)]
    cache: CacheArgs,

    #[command(flatten)]
    etcd: EtcdArgs,

    #[command(flatten)]
    mirror: MirrorArgs,
}

impl MirrorCommand {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        // 1 would mean that a key is absent.
        self.start().or_else(|error| {
            complain(&preflight::explain(error));
            Ok(ExitCode::from(UNDECIDED))
        })
    }

    #[cfg(not(feature = "etcd"))]
    fn start(self) -> anyhow::Result<ExitCode> {
        Err(crate::args::mirror::needs_etcd("localmap mirror"))
    }
}
