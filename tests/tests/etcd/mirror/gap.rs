//! Mirrors that are far behind: they list again, which is quicker than to catch up.

use super::observer::Observer;
use super::verify::verify;
use super::{PREFIX, etcd, fill, fresh, has, key, open, options};
use crate::cluster::{Cluster, Proxy, Setup, until};
use etcd_client::{Client, WatchOptions};
use localmap_mirror::MirrorState;
use std::time::{Duration, Instant};

/// Puts one key after the other, from several tasks, until so many were stored.
async fn put_one_by_one(cluster: &Cluster, keys: usize, puts: usize) {
    let mut tasks = Vec::new();
    for task in 0..16 {
        let mut client = cluster.client().await;
        tasks.push(tokio::spawn(async move {
            for put in 0..puts / 16 {
                let key = key(format_args!("k{}", (put * 16 + task) % keys));
                client
                    .put(key, put.to_string(), None)
                    .await
                    .expect("it is stored");
            }
        }));
    }
    for task in tasks {
        task.await.expect("no panic");
    }
}

/// Watches from a revision on, until the watch shows `last`. Returns the time that this took.
async fn catch_up(mut client: Client, from: u64, last: u64) -> Duration {
    let began = Instant::now();
    let from = i64::try_from(from).expect("a revision");
    let options = WatchOptions::new().with_prefix().with_start_revision(from);
    let mut watch = client.watch(PREFIX, Some(options)).await.expect("a watch");
    loop {
        let message = watch
            .message()
            .await
            .expect("a message")
            .expect("a message");
        let events = message.events().iter();
        let revisions = events
            .filter_map(|event| event.kv())
            .map(|kv| kv.mod_revision());
        if revisions.max() >= i64::try_from(last).ok() {
            return began.elapsed();
        }
    }
}

/// After a gap of so many revisions, the mirror is live sooner than a watch shows the last of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute: just chaos"]
async fn a_gap_of_60000_revisions_is_not_caught_up() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let proxy = Proxy::to(cluster.endpoint(0)).await;
    let before = fill(&mut cluster.client().await, "k", 0..5_000, &[b'v'; 64]).await;
    let mirror = open(
        etcd([proxy.endpoint()]),
        options().max_stale(Duration::from_secs(120)),
    )
    .await;
    let lists = mirror.status().counts.lists;
    proxy.cut();
    put_one_by_one(&cluster, 5_000, 60_000).await;
    let last = fill(&mut cluster.client().await, "k", 0..1, b"last").await;
    proxy.open();
    // It waits a little before it connects again.
    let is_back = || {
        let status = mirror.status();
        status.state == MirrorState::Listing || status.counts.lists > lists
    };
    let waited = until("a list", is_back).await;
    let began = Instant::now();
    has(&mirror, last).await;
    fresh(&mirror).await;
    let by_list = began.elapsed();
    let by_watch = catch_up(cluster.client().await, before + 1, last).await;
    eprintln!("connected after {waited:?}, live {by_list:?} later; by watch {by_watch:?}");
    assert_eq!(mirror.status().counts.lists, lists + 1);
    assert!(by_list < by_watch / 10, "{by_list:?}, {by_watch:?}");
    verify(&cluster, &mirror).await;
}

/// A mirror that gets its messages slowly lists again, instead of falling further and further behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes half a minute: just chaos"]
async fn a_slow_connection_lists_again() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    const PATIENT: Duration = Duration::from_secs(30);
    const KEYS: usize = 300;
    let proxy = Proxy::to(cluster.endpoint(0)).await;
    fill(&mut cluster.client().await, "k", 0..KEYS, &[b'v'; 64]).await;
    let mirror = open(etcd([proxy.endpoint()]), options().max_stale(PATIENT)).await;
    let observer = Observer::start(cluster.client().await, &mirror, PATIENT).await;
    let before = mirror.status().counts;
    // An event of these keys has about 50 bytes, so this is much less than what is written.
    proxy.limit(20_000);
    let began = Instant::now();
    put_one_by_one(&cluster, KEYS, 60_000).await;
    let took = began.elapsed();
    proxy.limit(0);
    fresh(&mirror).await;
    let seen = observer.end().await;
    let after = mirror.status().counts;
    let lists = after.lists - before.lists;
    eprintln!("{took:?} of writes, {lists} lists, {seen:?}");
    assert!(lists > 0, "{after:?}");
    assert!(after.events - before.events < 60_000, "{after:?}");
    verify(&cluster, &mirror).await;
}
