//! Each response without `more` is the map at one instant, between two operations.

use super::peer::{Copy, Entries, Peer};
use super::{Server, TENANT, many, none, small};
use bytes::Bytes;
use localmap::{Change, LocalMap, Policy, Ttl, lock};
use localmap_sidecar::SidecarOptions;
use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::time::Duration;

/// The keys of a map, with the versions of their values.
type Versions = BTreeMap<Bytes, u64>;

/// All states that a map has had.
type States = Mutex<HashSet<Versions>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_map_that_refuses() {
    each_state_was_the_map(Policy::Refuse, 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_map_that_evicts_the_least_recently_used() {
    each_state_was_the_map(Policy::Lru, 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_map_that_evicts_by_frequency() {
    each_state_was_the_map(Policy::S3Fifo, 7).await;
}

/// The key that is written last.
const END: &[u8] = b"end";

/// Writes to a map and notes each state of it, while a mirror, whose stream is cut from time to time,
/// compares its copies with the states.
async fn each_state_was_the_map(policy: Policy, seed: u64) {
    let server = Server::start(small(policy), SidecarOptions::new().journal_bytes(20_000)).await;
    let states = States::default();
    let ((), copy) = tokio::join!(
        write(&server, &states, fastrand::Rng::with_seed(seed)),
        mirror(&server, &states, fastrand::Rng::with_seed(seed + 1)),
    );
    assert_eq!(Some(copy.revision), server.stats().await.revision);
    // Time has gone on between the reads of the sidecar and those of the mirror.
    assert_eq!(versions(&copy.entries), versions(&server.scan().await));
}

async fn write(server: &Server, states: &States, mut random: fastrand::Rng) {
    let map = server.checkout().shared().expect("one map");
    note(&mut lock(&map), states);
    for round in 0..many(2_000) {
        {
            let mut map = lock(&map);
            change(&mut map, server, &mut random);
            note(&mut map, states);
        }
        // The map is written to behind the back of the sidecar. This wakes it.
        if round % 3 == 0 {
            server.wake().await;
        }
    }
    {
        let mut map = lock(&map);
        let mut key = 0;
        while map.set(END, b"", Ttl::Never).is_err() {
            map.delete(&name(key)).expect("a map");
            note(&mut map, states);
            key += 1;
        }
        note(&mut map, states);
    }
    server.wake().await;
}

/// Mirrors the map until it has the last key, and compares each whole copy.
async fn mirror(server: &Server, states: &States, mut random: fastrand::Rng) -> Copy {
    let (mut copy, mut equal) = (Copy::default(), 0);
    loop {
        let opened = Peer::open(&server.client, TENANT, &copy, random.bool()).await;
        let mut peer = opened.expect("a stream");
        for _ in 0..random.usize(1..100) {
            let response = peer.next(&mut copy).await.expect("a response");
            copy.apply(&response, &none(), server.now());
            if !response.more {
                assert!(lock(states).contains(&versions(&copy.entries)));
                equal += 1;
                if copy.entries.contains_key(END) {
                    assert!(equal > 20, "only {equal} states were compared");
                    return copy;
                }
            }
            peer.ack(response.nonce).await;
        }
    }
}

fn versions(entries: &Entries) -> Versions {
    let entries = entries.iter();
    entries
        .map(|(key, stored)| (key.clone(), stored.version))
        .collect()
}

fn name(key: usize) -> Vec<u8> {
    format!("key {key}").into_bytes()
}

/// Makes a random change, of one key or of several.
fn change(map: &mut LocalMap, server: &Server, random: &mut fastrand::Rng) {
    let key = name(random.usize(..300));
    let ttl = match random.bool() {
        true => Ttl::Never,
        false => Ttl::After(Duration::from_millis(random.u64(1..400))),
    };
    // A map that is full rejects writes, which change nothing.
    match random.u32(..100) {
        0 => map.clear().expect("a map"),
        1..10 => {
            let keys: Vec<_> = (0..5).map(|_| name(random.usize(..300))).collect();
            let set = |key| Change::Set {
                key,
                value: b"batch",
                ttl,
            };
            let _ = map.apply(&keys.iter().map(|key| set(key)).collect::<Vec<_>>());
        }
        10..50 => {
            let len = if random.u32(..50) == 0 { 50_000 } else { 20 };
            let _ = map.set(&key, &vec![b'v'; len], ttl);
        }
        50..65 => drop(map.touch(&key, ttl)),
        65..75 => drop(map.take(&key).expect("a map")),
        // A use, by which the policy chooses.
        75..90 => drop(map.get(&key).expect("a map")),
        _ => server
            .clock
            .advance(Duration::from_millis(random.u64(..20))),
    }
}

/// Notes the present state of the map.
fn note(map: &mut LocalMap, states: &States) {
    let mut versions = Versions::new();
    let visited = map.visit(b"", |found| {
        versions.insert(found.key.into(), found.entry.version);
        ControlFlow::Continue(())
    });
    visited.expect("a map");
    lock(states).insert(versions);
}
