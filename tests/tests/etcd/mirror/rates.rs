//! Much work for a long time.

use super::observer::Observer;
use super::verify::verify;
use super::{MAX_STALE, etcd, fill, fresh, key, open, options};
use crate::cluster::{Cluster, Setup};
use std::time::{Duration, Instant};

/// Twenty thousand keys, of which five thousand a second are stored, for a minute. On a machine that cannot
/// do so much it is what it can.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes more than a minute: just chaos"]
async fn a_minute_of_5000_puts_a_second() {
    const KEYS: usize = 20_000;
    const RATE: u32 = 5_000;
    const TASKS: u32 = 32;
    const TIME: Duration = Duration::from_secs(60);
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    fill(&mut cluster.client().await, "k", 0..KEYS, &[b'v'; 64]).await;
    let mirror = open(etcd(cluster.endpoints()), options()).await;
    let observer = Observer::start(cluster.client().await, &mirror, MAX_STALE).await;
    let before = mirror.status().counts;
    let mut writers = Vec::new();
    let began = Instant::now();
    for task in 0..TASKS {
        let mut client = cluster.client().await;
        writers.push(tokio::spawn(async move {
            let mut random = fastrand::Rng::with_seed(u64::from(task));
            let mut written = 0_u32;
            while began.elapsed() < TIME {
                let due = Duration::from_secs(1) / (RATE / TASKS) * written;
                tokio::time::sleep(due.saturating_sub(began.elapsed())).await;
                let key = key(format_args!("k{}", random.usize(..KEYS)));
                client
                    .put(key, vec![random.u8(..); 64], None)
                    .await
                    .expect("it is stored");
                written += 1;
            }
            u64::from(written)
        }));
    }
    let mut written = 0;
    for writer in writers {
        written += writer.await.expect("no panic");
    }
    fresh(&mirror).await;
    let seen = observer.end().await;
    let after = mirror.status().counts;
    eprintln!(
        "{written} puts in {:?}, {seen:?}, {after:?}",
        began.elapsed()
    );
    assert_eq!(seen.errors, 0, "{seen:?}");
    assert_eq!(after.lists, before.lists, "{after:?}");
    assert!(after.events - before.events >= written, "{after:?}");
    verify(&cluster, &mirror).await;
}
