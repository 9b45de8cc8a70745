//! Partitions, by network namespaces: packets are lost in silence, and no connection ends.

use super::observer::{Fault, Observer};
use super::verify::verify;
use super::{MAX_STALE, etcd, fresh, open, options};
use crate::cluster::namespace::{self, Network};
use crate::cluster::{Cluster, Setup, until};
use localmap_mirror::{Mirror, ReadError};
use std::time::Duration;

async fn three() -> Option<(Network, Cluster)> {
    let network = Network::create(3);
    let progress = Duration::from_millis(200);
    let cluster = Cluster::start(Setup::three().namespaces().progress(progress)).await?;
    Some((network, cluster))
}

fn connected_to(mirror: &Mirror) -> String {
    let connection = mirror.status().connection;
    connection.map_or_else(String::new, |connection| connection.endpoint)
}

/// The follower still answers the mirror, and reports progress at its old revision.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs network namespaces: just chaos"]
async fn a_follower_that_is_cut_off_proves_nothing() {
    if !namespace::inside("mirror::network::a_follower_that_is_cut_off_proves_nothing") {
        return;
    }
    let Some((network, cluster)) = three().await else {
        return;
    };
    let leader = cluster.leader().await;
    let follower = (leader + 1) % 3;
    // Only this one: the mirror has no other node to turn to.
    let alone = open(etcd([cluster.endpoint(follower)]), options()).await;
    let mut endpoints = cluster.endpoints();
    endpoints.rotate_left(follower);
    let mirror = open(
        etcd(endpoints),
        options().max_stale(Duration::from_secs(10)),
    )
    .await;
    let lists = mirror.status().counts.lists;
    let writer = cluster.client_of(leader).await;
    let observers = [Observer::start(writer.clone(), &alone, MAX_STALE).await];
    assert_eq!(connected_to(&mirror), cluster.endpoint(follower));

    let fault = Fault::make(|| network.isolate(follower));
    until("another node", || {
        connected_to(&mirror) != cluster.endpoint(follower)
    })
    .await;
    fresh(&mirror).await;
    let error = fault.is_an_error(&alone, MAX_STALE).await;
    assert!(matches!(error, ReadError::TooStale { .. }), "{error}");
    eprintln!("{error}");
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(alone.get("number").is_err());

    network.join(follower);
    fresh(&alone).await;
    for observer in observers {
        observer.end().await;
    }
    assert_eq!(mirror.status().counts.lists, lists);
    verify(&cluster, &mirror).await;
    verify(&cluster, &alone).await;
}

/// A leader that is cut off with its clients: it answers nothing that needs the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs network namespaces: just chaos"]
async fn a_leader_that_is_cut_off_proves_nothing() {
    if !namespace::inside("mirror::network::a_leader_that_is_cut_off_proves_nothing") {
        return;
    }
    let Some((network, cluster)) = three().await else {
        return;
    };
    let leader = cluster.leader().await;
    let alone = open(etcd([cluster.endpoint(leader)]), options()).await;
    let writer = cluster.client_of((leader + 1) % 3).await;
    let observer = Observer::start(writer, &alone, MAX_STALE).await;
    let fault = Fault::make(|| network.isolate(leader));
    let error = fault.is_an_error(&alone, MAX_STALE).await;
    assert!(matches!(error, ReadError::TooStale { .. }), "{error}");
    // The others have a new leader, and go on.
    tokio::time::sleep(Duration::from_secs(4)).await;
    network.join(leader);
    fresh(&alone).await;
    observer.end().await;
    verify(&cluster, &alone).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs network namespaces: just chaos"]
async fn a_mirror_that_is_cut_off_from_all_nodes() {
    if !namespace::inside("mirror::network::a_mirror_that_is_cut_off_from_all_nodes") {
        return;
    }
    let Some((network, cluster)) = three().await else {
        return;
    };
    const PATIENT: Duration = Duration::from_secs(8);
    let mirror = open(etcd(cluster.endpoints()), options().max_stale(PATIENT)).await;
    let lists = mirror.status().counts.lists;
    let observer = Observer::start(cluster.client().await, &mirror, PATIENT).await;
    let fault = Fault::make(|| (0..3).for_each(|node| network.hide(node)));
    let error = fault.is_an_error(&mirror, PATIENT).await;
    assert!(matches!(error, ReadError::TooStale { .. }), "{error}");
    tokio::time::sleep(Duration::from_secs(7)).await;
    (0..3).for_each(|node| network.show(node));
    let took = fresh(&mirror).await;
    eprintln!("fresh {took:?} after the network was whole");
    observer.end().await;
    assert_eq!(mirror.status().counts.lists, lists);
    verify(&cluster, &mirror).await;
}

/// The mirror sees one node after the other, and the nodes lose each other in turn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs network namespaces: just chaos"]
async fn nodes_are_cut_off_in_turn() {
    if !namespace::inside("mirror::network::nodes_are_cut_off_in_turn") {
        return;
    }
    let Some((network, mut cluster)) = three().await else {
        return;
    };
    const PATIENT: Duration = Duration::from_secs(20);
    let mirror = open(etcd(cluster.endpoints()), options().max_stale(PATIENT)).await;
    let mut random = fastrand::Rng::with_seed(19);
    for _ in 0..6 {
        let (lost, hidden) = (random.usize(..3), random.usize(..3));
        let writer = (0..3).find(|&node| node != lost && node != hidden);
        let writer = cluster.client_of(writer.expect("a third one")).await;
        let observer = Observer::start(writer, &mirror, PATIENT).await;
        network.isolate(lost);
        network.hide(hidden);
        tokio::time::sleep(Duration::from_millis(random.u64(500..5_000))).await;
        network.join(lost);
        network.show(hidden);
        assert!(cluster.is_ready().await);
        observer.end().await;
        verify(&cluster, &mirror).await;
    }
}
