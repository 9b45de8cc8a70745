//! Endpoints that lead to another cluster than before, or to one that was wiped.

use super::observer::Fault;
use super::verify::verify;
use super::{MAX_STALE, etcd, fill, fresh, has, key, open, options};
use crate::cluster::{Cluster, Proxy, Setup, until};
use localmap_mirror::{MirrorState, ReadError};
use std::time::{Duration, Instant};

/// Starts two clusters, the first with a key that the second does not have.
async fn two() -> Option<(Cluster, Cluster)> {
    let (one, other) = (
        Cluster::start(Setup::one()).await?,
        Cluster::start(Setup::one()).await?,
    );
    fill(&mut one.client().await, "ours", 0..10, b"v").await;
    fill(&mut other.client().await, "theirs", 0..500, b"v").await;
    Some((one, other))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_cluster_is_refused() {
    let Some((one, other)) = two().await else {
        return;
    };
    let proxy = Proxy::to(one.endpoint(0)).await;
    let mirror = open(etcd([proxy.endpoint()]), options()).await;
    let ours = mirror.status().connection.expect("a connection").cluster_id;

    let fault = Fault::make(|| proxy.lead_to(other.endpoint(0)));
    // What it has is served for as long as it may be, and nothing of the other cluster.
    until("another cluster", || {
        mirror.status().state == MirrorState::OtherCluster
    })
    .await;
    if let Ok(read) = mirror.get("ours0") {
        assert!(read.found.is_some());
    }
    if let Ok(read) = mirror.get("theirs0") {
        assert!(read.found.is_none());
    }
    match fault.is_an_error(&mirror, MAX_STALE).await {
        ReadError::OtherCluster { why, .. } => {
            assert!(why.contains(&format!("{ours:x}")), "{why}");
            eprintln!("{why}");
        }
        error => panic!("{error}"),
    }
    proxy.lead_to(one.endpoint(0));
    fresh(&mirror).await;
    verify(&one, &mirror).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_cluster_is_followed_if_that_is_wanted() {
    let Some((one, other)) = two().await else {
        return;
    };
    let proxy = Proxy::to(one.endpoint(0)).await;
    let mirror = open(etcd([proxy.endpoint()]), options().accept_new_cluster(true)).await;
    proxy.lead_to(other.endpoint(0));
    let has_theirs = || mirror.get("theirs0").is_ok_and(|read| read.found.is_some());
    until("the other cluster", has_theirs).await;
    assert!(mirror.get("ours0").expect("a copy").found.is_none());
    verify(&other, &mirror).await;
}

/// A node that was wiped and has the same address and name has the same cluster id, and lower revisions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wiped_cluster_is_refused() {
    let Some(mut cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let mut client = cluster.client().await;
    for _ in 0..20 {
        fill(&mut client, "k", 0..10, b"v").await;
    }
    let mirror = open(etcd(cluster.endpoints()), options()).await;
    let accepting = open(
        etcd(cluster.endpoints()),
        options().accept_new_cluster(true),
    )
    .await;
    let fault = Fault::make(|| cluster.kill(0));
    cluster.wipe(0);
    cluster.restart(0).await;
    match fault.is_an_error(&mirror, MAX_STALE).await {
        // The node may need so long that this is found out later.
        ReadError::TooStale { .. } | ReadError::OtherCluster { .. } => {}
        error => panic!("{error}"),
    }
    until("another cluster", || {
        mirror.status().state == MirrorState::OtherCluster
    })
    .await;
    assert!(mirror.get("k0").is_err());
    eprintln!("{:?}", mirror.status().why);
    fresh(&accepting).await;
    let is_empty = || accepting.get("k0").is_ok_and(|read| read.found.is_none());
    until("the new cluster", is_empty).await;
    fill(&mut client, "new", 0..10, b"v").await;
    verify(&cluster, &accepting).await;
}

/// A cluster that was restored has the same id. When the mirror sees it again, it has gone on to later
/// revisions than the copy, and has as many keys.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_cluster_is_refused() {
    let Some(mut cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let proxy = Proxy::to(cluster.endpoint(0)).await;
    fill(&mut cluster.client().await, "k", 0..5, b"before").await;
    cluster.kill(0);
    cluster.back_up(0);
    cluster.restart(0).await;
    let mirror = open(etcd([proxy.endpoint()]), options()).await;
    let accepting = open(etcd([proxy.endpoint()]), options().accept_new_cluster(true)).await;
    // What is lost: a key, another one instead, and a value.
    let mut client = cluster.client().await;
    client.delete(key("k0"), None).await.expect("it is deleted");
    fill(&mut client, "lost", 0..1, b"lost").await;
    let revision = fill(&mut client, "k", 1..2, b"lost").await;
    has(&mirror, revision).await;
    has(&accepting, revision).await;

    proxy.cut();
    cluster.kill(0);
    cluster.restore(0);
    cluster.restart(0).await;
    let mut client = cluster.client().await;
    for number in 0..10 {
        let elsewhere = client.put(format!("/other/{number}"), "v", None).await;
        elsewhere.expect("it is stored");
    }
    proxy.open();
    let is_refused = || mirror.status().state == MirrorState::OtherCluster;
    until("another history", is_refused).await;
    let why = mirror.status().why.expect("a reason");
    assert!(why.contains("restored"), "{why}");
    let is_stale = || matches!(mirror.get("k1"), Err(ReadError::OtherCluster { .. }));
    until("an error", is_stale).await;
    fresh(&accepting).await;
    assert!(accepting.get("lost0").expect("a copy").found.is_none());
    verify(&cluster, &accepting).await;
}

/// A wiped cluster has as many revisions and keys as before when the mirror sees it again, and other values.
/// Only an audit finds that out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_was_wiped_and_filled_again_is_found_by_an_audit() {
    let Some(mut cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let proxy = Proxy::to(cluster.endpoint(0)).await;
    fill(&mut cluster.client().await, "k", 0..10, b"old").await;
    let options = options().audit(Some(Duration::from_secs(1)));
    let mirror = open(etcd([proxy.endpoint()]), options).await;
    until("an audit", || mirror.status().counts.audits > 0).await;
    assert_eq!(mirror.status().counts.differences, 0);
    proxy.cut();
    cluster.kill(0);
    cluster.wipe(0);
    cluster.restart(0).await;
    fill(&mut cluster.client().await, "k", 0..10, b"new").await;
    proxy.open();
    let is_new = || {
        let read = mirror.get("k0");
        read.is_ok_and(|read| read.found.is_some_and(|entry| entry.value == b"new"))
    };
    until("the new value", is_new).await;
    assert_eq!(mirror.status().counts.differences, 1);
    verify(&cluster, &mirror).await;
}

/// It had fewer revisions than the copy when it was seen first. That it has more later changes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wiped_cluster_that_grows_stays_refused() {
    let Some(mut cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let proxy = Proxy::to(cluster.endpoint(0)).await;
    fill(&mut cluster.client().await, "k", 0..10, b"old").await;
    let mirror = open(etcd([proxy.endpoint()]), options()).await;
    cluster.kill(0);
    cluster.wipe(0);
    cluster.restart(0).await;
    let is_refused = || mirror.status().state == MirrorState::OtherCluster;
    until("another cluster", is_refused).await;
    for _ in 0..20 {
        fill(&mut cluster.client().await, "new", 0..20, b"new").await;
    }
    let began = Instant::now();
    while began.elapsed() < MAX_STALE * 2 {
        if let Ok(read) = mirror.get("new0") {
            assert!(read.found.is_none(), "{read:?}");
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let error = mirror.get("new0").expect_err("it is refused");
    assert!(matches!(error, ReadError::OtherCluster { .. }), "{error}");
}
