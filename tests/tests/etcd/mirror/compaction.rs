//! Revisions that etcd no longer has.

use super::observer::Observer;
use super::verify::{held, verify};
use super::{begin, etcd, fill, fresh, key, open, options};
use crate::cluster::{Cluster, Proxy, Setup, soon, until};
use etcd_client::DeleteOptions;
use localmap_mirror::{MirrorState, ReadError};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_deleted_before_a_compaction_is_gone() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    compact_behind(cluster, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_deleted_before_a_compaction_and_a_crash_is_gone() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    compact_behind(cluster, true).await;
}

/// Deletes keys and compacts while the mirror is cut off.
async fn compact_behind(mut cluster: Cluster, crash: bool) {
    let proxy = Proxy::to(cluster.endpoint(0)).await;
    let mut client = cluster.client().await;
    fill(&mut client, "old", 0..300, b"v").await;
    let mirror = open(etcd([proxy.endpoint()]), options()).await;
    let before = mirror.status().counts;

    proxy.cut();
    for round in 0..20 {
        let value = format!("{round}");
        fill(&mut client, "old", 100..300, value.as_bytes()).await;
    }
    for number in 0..100 {
        let deleted = client.delete(key(format_args!("old{number}")), None).await;
        deleted.expect("it is deleted");
    }
    let revision = fill(&mut client, "new", 0..300, b"v").await;
    cluster
        .compact(i64::try_from(revision).expect("a revision"))
        .await;
    if crash {
        cluster.kill(0);
        cluster.restart(0).await;
    }
    proxy.open();
    fresh(&mirror).await;
    let ours = held(&mirror);
    assert!(!ours.entries.contains_key(&b"old0"[..]));
    assert_eq!(ours.entries.len(), 500);
    verify(&cluster, &mirror).await;
    let after = mirror.status().counts;
    assert_eq!(after.lists, before.lists + 1, "{after:?}");
}

/// A list of many pages stops in the middle, its revision is compacted, and what it has listed is deleted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compaction_between_two_pages() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let proxy = Proxy::to(cluster.endpoint(0)).await;
    let mut client = cluster.client().await;
    let revision = fill(&mut client, "k", 0..2_000, &[b'v'; 100]).await;
    proxy.freeze_after(60_000);
    let mirror = begin(
        etcd([proxy.endpoint()]).page(50),
        options().max_stale(Duration::from_secs(20)),
    );
    soon("a part of the list", proxy.frozen()).await;
    let listing = mirror.status();
    assert_eq!(listing.state, MirrorState::Listing);
    let error = mirror.get("k0").expect_err("no half of a list is read");
    assert!(matches!(error, ReadError::NotReady { .. }), "{error}");
    let options = DeleteOptions::new().with_prefix();
    client
        .delete(key("k1"), Some(options))
        .await
        .expect("they are deleted");
    cluster
        .compact(i64::try_from(revision).expect("a revision") + 1)
        .await;
    proxy.open();
    fresh(&mirror).await;
    assert!(
        held(&mirror)
            .entries
            .keys()
            .all(|key| !key.starts_with(b"k1"))
    );
    verify(&cluster, &mirror).await;
}

/// Lists begin while etcd compacts all the time, up to the present revision: between pages, and between a
/// list and its watch. The old copy is served meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_compactions_ends_in_a_copy() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    const PATIENT: Duration = Duration::from_secs(30);
    let proxy = Proxy::to(cluster.endpoint(0)).await;
    let mut client = cluster.client().await;
    fill(&mut client, "k", 0..500, &[b'v'; 100]).await;
    let mirror = open(
        etcd([proxy.endpoint()]).page(100),
        options().max_stale(PATIENT),
    )
    .await;
    let observer = Observer::start(cluster.client().await, &mirror, PATIENT).await;
    for round in 0..60 {
        if round % 12 == 0 {
            // The next watch begins at a revision that is gone.
            proxy.cut();
            proxy.open();
        }
        let number = round % 500;
        let deleted = client.delete(key(format_args!("k{number}")), None).await;
        let revision = deleted
            .expect("it is deleted")
            .header()
            .expect("a header")
            .revision();
        cluster.compact(revision).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let seen = observer.end().await;
    assert_eq!(seen.errors, 0, "{seen:?}");
    until("live", || mirror.status().state == MirrorState::Live).await;
    verify(&cluster, &mirror).await;
}
