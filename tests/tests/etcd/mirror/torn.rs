//! Readers see whole revisions, while much is written.

use super::verify::verify;
use super::{etcd, fill, has, key, open, options};
use crate::cluster::{Cluster, Setup};
use etcd_client::{Client, Txn, TxnOp};
use localmap_mirror::{Mirror, MirrorReader};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The puts of a transaction: etcd's maximum.
const PUTS: usize = 128;

/// Writes transactions, each of which stores the same number under all keys.
async fn write(mut client: Client, stop: Arc<AtomicBool>, pause: Duration) -> u64 {
    let mut number = 0_u64;
    while !stop.load(Ordering::SeqCst) {
        number += 1;
        let puts = (0..PUTS).map(|index| TxnOp::put(key(index), number.to_be_bytes(), None));
        let txn = Txn::new().and_then(puts.collect::<Vec<_>>());
        client.txn(txn).await.expect("it is stored");
        tokio::time::sleep(pause).await;
    }
    number
}

/// Reads the first and the last key of transactions, and all of them now and then. Returns the times that
/// reads took.
fn read(reader: &MirrorReader, stop: &AtomicBool) -> Vec<Duration> {
    let pair = [b"0".to_vec(), (PUTS - 1).to_string().into_bytes()];
    let all: Vec<String> = (0..PUTS).map(|index| index.to_string()).collect();
    let mut took = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        let began = Instant::now();
        let read = reader.get_many(&pair).expect("a copy");
        took.push(began.elapsed());
        let [Some(first), Some(last)] = &read.found[..] else {
            panic!("{read:?}");
        };
        assert_eq!(first, last, "a half of revision {}", read.as_of);
        if took.len() % 64 == 0 {
            let read = reader.get_many(&all).expect("a copy");
            let first = &read.found[0];
            assert!(
                first.is_some() && read.found.iter().all(|entry| entry == first),
                "{read:?}"
            );
            // The machine has few cores, and etcd needs one.
            thread::sleep(Duration::from_micros(100));
        }
    }
    took
}

/// Reads for a time beside a writer. Returns the transactions, and the reads and their 99th percentile.
async fn measure(
    cluster: &Cluster,
    mirror: &Mirror,
    time: Duration,
    pause: Option<Duration>,
) -> (u64, usize, Duration) {
    let stop = Arc::new(AtomicBool::new(false));
    let writer = match pause {
        Some(pause) => {
            let client = cluster.client().await;
            Some(tokio::spawn(write(client, Arc::clone(&stop), pause)))
        }
        None => None,
    };
    let (reader, stopped) = (mirror.reader(), Arc::clone(&stop));
    let reads = thread::spawn(move || read(&reader, &stopped));
    tokio::time::sleep(time).await;
    stop.store(true, Ordering::SeqCst);
    let written = match writer {
        Some(writer) => writer.await.expect("no panic"),
        None => 0,
    };
    let mut took = reads.join().expect("no panic");
    took.sort_unstable();
    (written, took.len(), took[took.len() * 99 / 100])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_read_sees_a_part_of_a_transaction() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let revision = fill(&mut cluster.client().await, "", 0..PUTS, &[0; 8]).await;
    let mirror = open(etcd(cluster.endpoints()), options()).await;
    has(&mirror, revision).await;
    let time = Duration::from_secs(2);
    let (written, reads, _) =
        measure(&cluster, &mirror, time, Some(Duration::from_millis(2))).await;
    assert!(
        written > 50 && reads > 1_000,
        "{written} transactions, {reads} reads"
    );
    verify(&cluster, &mirror).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes half a minute: just chaos"]
async fn reads_beside_many_transactions_are_whole_and_quick() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let revision = fill(&mut cluster.client().await, "", 0..PUTS, &[0; 8]).await;
    let mirror = open(etcd(cluster.endpoints()), options()).await;
    has(&mirror, revision).await;
    let time = Duration::from_secs(10);
    let (_, idle_reads, idle) = measure(&cluster, &mirror, time, None).await;
    // About a hundred transactions in a second: 12,800 puts.
    let pause = Some(Duration::from_millis(8));
    let (written, reads, busy) = measure(&cluster, &mirror, time, pause).await;
    eprintln!(
        "idle: {idle_reads} reads, p99 {idle:?}; beside {written} transactions: {reads}, p99 {busy:?}"
    );
    assert!(
        busy < idle * 10,
        "p99 of a read: {busy:?}, and {idle:?} when nothing is written"
    );
    verify(&cluster, &mirror).await;
}
