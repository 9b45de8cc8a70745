//! Reports of progress: they are no proof of an age, and before etcd 3.4.31 and 3.5.13 they overtake events.

use super::observer::Observer;
use super::verify::verify;
use super::{MAX_STALE, etcd, fill, fresh, key, open, options};
use crate::cluster::{Cluster, Proxy, Setup};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Writes as fast as etcd can, from several tasks, for a time.
async fn write(cluster: &Cluster, tasks: usize, time: Duration) -> u64 {
    let stop = Arc::new(AtomicBool::new(false));
    let mut writers = Vec::new();
    for task in 0..tasks {
        let (mut client, stop) = (cluster.client().await, Arc::clone(&stop));
        writers.push(tokio::spawn(async move {
            let mut written = 0_u64;
            while !stop.load(Ordering::SeqCst) {
                let key = key(format_args!("k{}", (written * 31 + task as u64) % 5_000));
                client
                    .put(key, written.to_string(), None)
                    .await
                    .expect("it is stored");
                written += 1;
            }
            written
        }));
    }
    tokio::time::sleep(time).await;
    stop.store(true, Ordering::SeqCst);
    let mut written = 0;
    for writer in writers {
        written += writer.await.expect("no panic");
    }
    written
}

/// The mirror gets its messages slowly, so that reports of progress, if it asks for any, come long before the
/// events up to their revision.
async fn lag(tasks: usize, time: Duration) {
    let setup = Setup::one().progress(Duration::from_millis(100));
    let Some(cluster) = Cluster::start(setup).await else {
        return;
    };
    let proxy = Proxy::to(cluster.endpoint(0)).await;
    fill(&mut cluster.client().await, "k", 0..5_000, b"v").await;
    let mirror = open(etcd([proxy.endpoint()]), options()).await;
    assert_eq!(
        mirror.status().connection.expect("a connection").version,
        cluster.version()
    );
    let observer = Observer::start(cluster.client().await, &mirror, MAX_STALE).await;
    // Less than a tenth of what is written.
    proxy.limit(5_000);
    let mut written = write(&cluster, tasks, time / 2).await;
    proxy.limit(0);
    written += write(&cluster, tasks, time / 2).await;
    fresh(&mirror).await;
    let seen = observer.end().await;
    eprintln!("{written} puts, {seen:?}");
    assert!(written > 500, "{written}");
    verify(&cluster, &mirror).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_event_is_lost_by_a_mirror_that_lags() {
    lag(4, Duration::from_secs(4)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a quarter of a minute: just chaos"]
async fn no_event_of_32_writers_is_lost() {
    lag(32, Duration::from_secs(10)).await;
}

/// While only other prefixes change, the mirror stays fresh, with reports of progress and without.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quiet_prefix_of_a_busy_cluster_stays_fresh() {
    let every = Duration::from_millis(100);
    for setup in [Setup::one(), Setup::one().progress(every)] {
        let Some(cluster) = Cluster::start(setup).await else {
            return;
        };
        fill(&mut cluster.client().await, "k", 0..1_000, b"v").await;
        let mirror = open(etcd(cluster.endpoints()), options()).await;
        let before = mirror.status().counts;
        let mut client = cluster.client().await;
        let began = std::time::Instant::now();
        let mut oldest = Duration::ZERO;
        while began.elapsed() < Duration::from_secs(3) {
            client
                .put("/other/k", "v", None)
                .await
                .expect("it is stored");
            let read = mirror.get("k0").expect("a copy that is not too old");
            oldest = oldest.max(read.freshness.age());
        }
        assert!(oldest < MAX_STALE / 2, "{oldest:?}");
        let after = mirror.status().counts;
        assert_eq!((after.lists, after.events), (before.lists, before.events));
        verify(&cluster, &mirror).await;
    }
}
