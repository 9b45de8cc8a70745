//! Nodes that are killed, that stand still, and that are replaced by others.

use super::observer::{Fault, Observer};
use super::verify::verify;
use super::{MAX_STALE, etcd, fill, fresh, open, options};
use crate::cluster::{Cluster, Proxy, Setup, until};
use localmap_mirror::{Mirror, MirrorState, ReadError};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_node_is_awaited() {
    let Some(mut cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let mirror = open(etcd(cluster.endpoints()), options()).await;
    let observer = Observer::start(cluster.client().await, &mirror, MAX_STALE).await;
    let before = mirror.status().counts;

    let fault = Fault::make(|| cluster.kill(0));
    let is_stale = || matches!(&mirror.status().freshness, Ok(age) if !age.is_fresh());
    until("stale", is_stale).await;
    let error = fault.is_an_error(&mirror, MAX_STALE).await;
    assert!(matches!(error, ReadError::TooStale { .. }), "{error}");
    assert_eq!(mirror.status().state, MirrorState::Reconnecting);

    cluster.restart(0).await;
    fill(&mut cluster.client().await, "meanwhile", 0..500, b"v").await;
    fresh(&mirror).await;
    let seen = observer.end().await;
    assert!(seen.errors > 0, "{seen:?}");
    verify(&cluster, &mirror).await;
    let after = mirror.status().counts;
    // The watch has gone on where it was.
    assert_eq!(after.lists, before.lists, "{after:?}");
    assert!(after.disconnects > before.disconnects, "{after:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_stands_still_is_an_error_in_time() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    stand_still(&cluster, MAX_STALE + Duration::from_secs(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes half a minute: just chaos"]
async fn a_node_that_stands_still_for_half_a_minute() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    stand_still(&cluster, Duration::from_secs(30)).await;
}

async fn stand_still(cluster: &Cluster, time: Duration) {
    let mirror = open(etcd(cluster.endpoints()), options()).await;
    let observer = Observer::start(cluster.client().await, &mirror, MAX_STALE).await;
    let before = mirror.status().counts;

    let fault = Fault::make(|| cluster.stop(0));
    let error = fault.is_an_error(&mirror, MAX_STALE).await;
    assert!(matches!(error, ReadError::TooStale { .. }), "{error}");
    tokio::time::sleep(time.saturating_sub(MAX_STALE)).await;
    assert!(mirror.get("number").is_err());

    cluster.resume(0);
    fresh(&mirror).await;
    observer.end().await;
    verify(cluster, &mirror).await;
    let after = mirror.status().counts;
    assert_eq!(after.lists, before.lists, "{after:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_stands_still_is_replaced() {
    let Some(cluster) = Cluster::start(Setup::three()).await else {
        return;
    };
    const PATIENT: Duration = Duration::from_secs(15);
    let leader = cluster.leader().await;
    // The mirror begins with the leader.
    let mut endpoints = cluster.endpoints();
    endpoints.rotate_left(leader);
    let mirror = open(etcd(endpoints), options().max_stale(PATIENT)).await;
    let writer = cluster.client_of((leader + 1) % 3).await;
    let observer = Observer::start(writer, &mirror, PATIENT).await;
    assert_eq!(connected_to(&mirror), cluster.endpoint(leader));
    let before = mirror.status().counts;

    cluster.stop(leader);
    // The old leader still stands still.
    until("another node", || {
        connected_to(&mirror) != cluster.endpoint(leader)
    })
    .await;
    fresh(&mirror).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    cluster.resume(leader);
    let seen = observer.end().await;
    // There was a new leader in time, so no read has failed.
    assert_eq!(seen.errors, 0, "{seen:?}");
    assert!(seen.stale > 0, "{seen:?}");
    verify(&cluster, &mirror).await;
    let after = mirror.status().counts;
    assert_eq!(after.lists, before.lists, "{after:?}");
}

fn connected_to(mirror: &Mirror) -> String {
    let connection = mirror.status().connection;
    connection.map_or_else(String::new, |connection| connection.endpoint)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mirror_without_its_node_turns_to_the_next_and_fails_without_any() {
    let Some(cluster) = Cluster::start(Setup::three()).await else {
        return;
    };
    let mut proxies = Vec::new();
    for endpoint in cluster.endpoints() {
        proxies.push(Proxy::to(&endpoint).await);
    }
    let endpoints: Vec<String> = proxies.iter().map(Proxy::endpoint).collect();
    let mirror = open(etcd(endpoints.clone()), options()).await;
    let observer = Observer::start(cluster.client().await, &mirror, MAX_STALE).await;
    let before = mirror.status().counts;
    assert_eq!(connected_to(&mirror), endpoints[0]);

    proxies[0].freeze();
    until("another node", || connected_to(&mirror) != endpoints[0]).await;
    fresh(&mirror).await;

    let fault = Fault::make(|| proxies.iter().for_each(Proxy::freeze));
    let error = fault.is_an_error(&mirror, MAX_STALE).await;
    assert!(matches!(error, ReadError::TooStale { .. }), "{error}");

    proxies.iter().for_each(Proxy::open);
    fresh(&mirror).await;
    let seen = observer.end().await;
    assert!(seen.errors > 0, "{seen:?}");
    verify(&cluster, &mirror).await;
    let after = mirror.status().counts;
    assert_eq!(after.lists, before.lists, "{after:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_not_there_at_first_is_awaited() {
    let Some(mut cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    fill(&mut cluster.client().await, "before", 0..10, b"v").await;
    cluster.kill(0);
    let mirror = super::begin(etcd(cluster.endpoints()), options());
    tokio::time::sleep(Duration::from_millis(300)).await;
    let error = mirror.get("before0").expect_err("there is no copy");
    assert!(matches!(error, ReadError::NotReady { .. }), "{error}");
    cluster.restart(0).await;
    fresh(&mirror).await;
    verify(&cluster, &mirror).await;
}

/// Nodes are killed, stopped and started in turn, for a minute, while others write.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes more than a minute: just chaos"]
async fn nodes_fail_in_turn() {
    let Some(mut cluster) = Cluster::start(Setup::three()).await else {
        return;
    };
    const PATIENT: Duration = Duration::from_secs(10);
    let mirror = open(etcd(cluster.endpoints()), options().max_stale(PATIENT)).await;
    let mut random = fastrand::Rng::with_seed(19);
    for round in 0..12 {
        let victim = random.usize(..3);
        let writer = cluster.client_of((victim + 1) % 3).await;
        let observer = Observer::start(writer.clone(), &mirror, PATIENT).await;
        let is_killed = random.bool();
        match is_killed {
            true => cluster.kill(victim),
            false => cluster.stop(victim),
        }
        tokio::time::sleep(Duration::from_millis(random.u64(200..4_000))).await;
        match is_killed {
            true => cluster.launch(victim),
            false => cluster.resume(victim),
        }
        assert!(cluster.is_ready().await);
        fill(&mut writer.clone(), &format!("round{round}-"), 0..500, b"v").await;
        observer.end().await;
        verify(&cluster, &mirror).await;
    }
}
