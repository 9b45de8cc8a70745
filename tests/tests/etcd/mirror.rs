//! Mirrors of a real etcd: what they hold equals it after each fault, and no read is older than it says.

mod access;
mod cli;
mod compaction;
mod faults;
mod gap;
mod large;
mod leases;
mod limits;
mod network;
mod numbers;
mod observer;
mod other_cluster;
mod process;
mod progress;
mod rates;
mod serve;
mod slow_way;
mod torn;
mod verify;
mod writes;

use crate::cluster::soon;
use etcd_client::{Client, Txn, TxnOp};
use localmap::Host;
use localmap_mirror::{EtcdOptions, Mirror, MirrorOptions};
use std::sync::LazyLock;
use std::time::Duration;

/// The prefix of all mirrors.
const PREFIX: &str = "/config/";

/// The greatest age of most mirrors, and the time between their probes.
const MAX_STALE: Duration = Duration::from_secs(2);
const PROBE: Duration = Duration::from_millis(100);

static HOST: LazyLock<Host> = LazyLock::new(|| Host::new().expect("a host"));

/// Returns options with short times.
fn options() -> MirrorOptions {
    MirrorOptions::new().max_stale(MAX_STALE).probe(PROBE)
}

/// Returns the options of a mirror of [`PREFIX`].
fn etcd<E: Into<String>>(endpoints: impl IntoIterator<Item = E>) -> EtcdOptions {
    EtcdOptions::new(endpoints, PREFIX)
}

/// Opens a mirror, without waiting.
fn begin(etcd: EtcdOptions, options: MirrorOptions) -> Mirror {
    Mirror::open(&HOST, etcd, options).expect("a mirror")
}

/// Opens a mirror, and waits until it has a copy.
async fn open(etcd: EtcdOptions, options: MirrorOptions) -> Mirror {
    let mirror = begin(etcd, options);
    let ready = soon("a copy", mirror.until_ready()).await;
    ready.expect("a copy");
    mirror
}

/// Returns a key of etcd.
fn key(name: impl std::fmt::Display) -> String {
    format!("{PREFIX}{name}")
}

/// Stores the keys `{name}{number}` of these numbers, each with the same value, in transactions of at most
/// 128 puts. Returns the last revision.
async fn fill(
    client: &mut Client,
    name: &str,
    numbers: std::ops::Range<usize>,
    value: &[u8],
) -> u64 {
    let numbers: Vec<usize> = numbers.collect();
    let mut revision = 0;
    for numbers in numbers.chunks(128) {
        let puts = numbers
            .iter()
            .map(|number| TxnOp::put(key(format_args!("{name}{number}")), value, None));
        let stored = client.txn(Txn::new().and_then(puts.collect::<Vec<_>>()));
        let stored = stored.await.expect("they are stored");
        revision = stored.header().expect("a header").revision();
    }
    u64::try_from(revision).expect("a revision")
}

/// Waits until the mirror is fresh, and returns how long that took.
async fn fresh(mirror: &Mirror) -> Duration {
    let is_fresh = || matches!(&mirror.status().freshness, Ok(age) if age.is_fresh());
    crate::cluster::until("fresh", is_fresh).await
}

/// Waits until the copy has a revision.
async fn has(mirror: &Mirror, revision: u64) {
    let changed = soon("a revision", mirror.changed(revision)).await;
    changed.expect("a revision");
}
