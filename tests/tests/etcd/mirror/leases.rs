//! Keys that end with a lease: one revision of any size.

use super::verify::verify;
use super::{PROBE, etcd, has, key, open, options};
use crate::cluster::{Cluster, Setup, until};
use etcd_client::{PutOptions, Txn, TxnOp};
use localmap_mirror::MirrorReader;
use std::ops::ControlFlow;
use std::thread;
use std::time::Duration;

/// Stores keys under a lease, and lets it expire while a reader counts them. Returns the connections that
/// the mirror has lost, and the lists that it has made.
async fn expire(cluster: &Cluster, keys: usize, probe: Duration) -> (u64, u64) {
    const PATIENT: Duration = Duration::from_secs(30);
    let mut client = cluster.client().await;
    // It is kept alive until all keys are stored.
    let lease = client.lease_grant(3, None).await.expect("a lease");
    let id = lease.id();
    let (mut keeper, mut answers) = client.lease_keep_alive(id).await.expect("a stream");
    let options = options().probe(probe).max_stale(PATIENT);
    let mirror = open(etcd(cluster.endpoints()), options).await;
    let mut revision = 0;
    for first in (0..keys).step_by(125) {
        let puts = (first..keys.min(first + 125)).map(|number| {
            let options = PutOptions::new().with_lease(id);
            // Long keys, so that the revision in which all of them end is large.
            TxnOp::put(key(format_args!("leased{number:060}")), "v", Some(options))
        });
        let stored = client
            .txn(Txn::new().and_then(puts.collect::<Vec<_>>()))
            .await;
        revision = stored
            .expect("stored")
            .header()
            .expect("a header")
            .revision();
        keeper.keep_alive().await.expect("it is sent");
        let answer = answers.message().await.expect("an answer");
        assert!(
            answer.expect("an answer").ttl() > 0,
            "the lease has expired too soon"
        );
    }
    drop(keeper);
    has(&mirror, u64::try_from(revision).expect("a revision")).await;
    let before = mirror.status().counts;

    let reader = mirror.reader();
    let reads = thread::spawn(move || count(&reader, keys));
    until("the end of the lease", || reads.is_finished()).await;
    let reads = reads.join().expect("no panic");
    assert!(reads > 10, "{reads}");
    verify(cluster, &mirror).await;
    let after = mirror.status().counts;
    (
        after.disconnects - before.disconnects,
        after.lists - before.lists,
    )
}

/// Its revision is larger than what many clients take in one message, and keeps etcd busy for seconds, so the
/// mirror may lose patience once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes half a minute: just chaos"]
async fn a_lease_of_60000_keys_is_no_poison() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let (disconnects, lists) = expire(&cluster, 60_000, Duration::from_secs(1)).await;
    eprintln!("{disconnects} connections were lost, {lists} lists");
    assert!(disconnects <= 1 && lists <= 1, "{disconnects}, {lists}");
}

/// The keys disappear at once: they are one revision, although a transaction has at most 128 of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_of_3000_keys_ends_at_one_instant() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let lost_and_listed = expire(&cluster, 3_000, PROBE).await;
    assert_eq!(lost_and_listed, (0, 0));
}

/// Counts the keys that a reader sees, which are all of them until there are none. Returns the reads.
fn count(reader: &MirrorReader, all: usize) -> u64 {
    let mut reads = 0;
    loop {
        let mut keys = 0;
        let visited = reader.visit(|key, _| {
            keys += usize::from(key.starts_with(b"leased"));
            ControlFlow::Continue(())
        });
        // While etcd is busy with the lease it may not answer, which is said.
        if visited.is_ok() {
            if keys == 0 {
                return reads;
            }
            assert_eq!(keys, all, "a part of a revision, after {reads} reads");
        }
        reads += 1;
        thread::sleep(Duration::from_micros(200));
    }
}
