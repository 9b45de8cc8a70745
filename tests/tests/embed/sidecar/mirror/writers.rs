//! Two peers write at the same time. Whenever they pause, each mirror equals the map: all keys, values,
//! versions and remaining times.

use super::peer::{Copy, Peer};
use super::{Server, TENANT, many, none, small};
use bytes::Bytes;
use localmap::Policy;
use localmap_sidecar::SidecarOptions;
use localmap_sidecar_proto::change::{Delete, Increment, Kind, Set, Touch};
use localmap_sidecar_proto::mirror_request::Nack;
use localmap_sidecar_proto::{
    ApplyRequest, Change, DeleteRequest, IncrementRequest, MirrorResponse, SetRequest, TakeRequest,
    TouchRequest, Ttl, ttl,
};
use std::collections::BTreeSet;
use std::time::Duration;

const ROUNDS: u64 = 8;

/// The operations of a writer in a round.
const OPERATIONS: usize = 150;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_map_that_refuses() {
    mirrors_equal_the_map(Policy::Refuse, 8 << 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_map_that_evicts_the_least_recently_used() {
    mirrors_equal_the_map(Policy::Lru, 8 << 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_map_that_evicts_by_frequency() {
    mirrors_equal_the_map(Policy::S3Fifo, 8 << 20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_tiny_journal() {
    mirrors_equal_the_map(Policy::Lru, 1_500).await;
}

async fn mirrors_equal_the_map(policy: Policy, journal_bytes: usize) {
    let options = SidecarOptions::new().journal_bytes(journal_bytes);
    let server = Server::start(small(policy), options).await;
    // One mirror that compares, and one that cannot.
    let mut copies = [Copy::default(), Copy::default()];
    for round in 1..=many(ROUNDS) {
        let [one, other] = &mut copies;
        let end = format!("end {round}");
        tokio::join!(
            async {
                tokio::join!(write(&server, 2 * round), write(&server, 2 * round + 1));
                server.end(&end).await;
            },
            mirror(&server, one, true, &end, round),
            mirror(&server, other, false, &end, 100 + round),
        );
        for copy in &copies {
            assert_eq!(Some(copy.revision), server.stats().await.revision);
            server.assert_equals(copy).await;
        }
        server.clock.advance(Duration::from_millis(100));
    }
    let stats = server.stats().await;
    assert!(
        stats.refused_by_mirrors > 0 && stats.mirrors <= 2,
        "{stats:?}"
    );
}

/// Mirrors the map until it has a key, over streams that are cut, and refuses entries and whole copies.
async fn mirror(server: &Server, copy: &mut Copy, can_compare: bool, end: &str, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    loop {
        let opened = Peer::open(&server.client, TENANT, copy, can_compare).await;
        let mut peer = opened.expect("a stream");
        let mut may_resync = true;
        for _ in 0..random.usize(1..60) {
            let response = peer.next(copy).await.expect("a response");
            let refuses = match random.u32(..8) {
                0 => some_keys(&response, &mut random),
                _ => none(),
            };
            copy.apply(&response, &refuses, server.now());
            if !response.more && copy.entries.contains_key(end.as_bytes()) {
                return;
            }
            // From the second time on it would wait.
            let resync = may_resync && random.u32(..40) == 0;
            may_resync &= !resync;
            if resync || !refuses.is_empty() {
                let nack = Nack {
                    nonce: response.nonce,
                    keys: refuses.into_iter().collect(),
                    message: "a test".to_owned(),
                    resync,
                };
                peer.nack(nack).await;
            } else {
                peer.ack(response.nonce).await;
            }
        }
    }
}

/// Returns some of the keys whose entries are sent, but none of those that end a round.
fn some_keys(response: &MirrorResponse, random: &mut fastrand::Rng) -> BTreeSet<Bytes> {
    let entries = response.entries.iter().map(|entry| &entry.key);
    let refreshed = response.refreshed.iter().map(|refresh| &refresh.key);
    let keys = entries.chain(refreshed);
    let keys = keys.filter(|key| !key.starts_with(b"end") && random.u32(..3) == 0);
    keys.cloned().collect()
}

/// Writes over a stream of calls. What the map rejects has changed nothing.
async fn write(server: &Server, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut client = server.client.clone();
    let tenant = || TENANT.to_owned();
    for _ in 0..OPERATIONS {
        let key = name(&mut random);
        let ttl = some_ttl(&mut random);
        let written = match random.u32(..10) {
            0..4 => {
                let len = if random.u32(..20) == 0 { 100_000 } else { 20 };
                let set = SetRequest {
                    tenant: tenant(),
                    key,
                    value: vec![random.u8(..); len].into(),
                    ttl,
                };
                client.set(set).await.map(drop)
            }
            4 => {
                let increment = IncrementRequest {
                    tenant: tenant(),
                    key: Bytes::from_static(b"counter"),
                    delta: 1,
                    ttl,
                };
                client.increment(increment).await.map(drop)
            }
            5..7 => {
                let touch = TouchRequest {
                    tenant: tenant(),
                    key,
                    ttl,
                };
                client.touch(touch).await.map(drop)
            }
            7 => {
                let take = TakeRequest {
                    tenant: tenant(),
                    key,
                };
                client.take(take).await.map(drop)
            }
            8 => {
                let delete = DeleteRequest {
                    tenant: tenant(),
                    key,
                    version: None,
                };
                client.delete(delete).await.map(drop)
            }
            _ => {
                let changes = (0..6).map(|_| some_change(&mut random)).collect();
                let apply = ApplyRequest {
                    tenant: tenant(),
                    changes,
                };
                client.apply(apply).await.map(drop)
            }
        };
        written.expect("a map");
    }
}

fn name(random: &mut fastrand::Rng) -> Bytes {
    format!("key \u{0} {}", random.u32(..250)).into()
}

fn some_ttl(random: &mut fastrand::Rng) -> Option<Ttl> {
    let millis = random.u64(1..500);
    let kind = match random.bool() {
        true => ttl::Kind::Never(true),
        false => ttl::Kind::AfterNanos(millis * 1_000_000),
    };
    Some(Ttl { kind: Some(kind) })
}

fn some_change(random: &mut fastrand::Rng) -> Change {
    let (key, ttl) = (name(random), some_ttl(random));
    let kind = match random.u32(..4) {
        0 => Kind::Set(Set {
            key,
            value: "batch".into(),
            ttl,
            condition: None,
        }),
        1 => Kind::Touch(Touch { key, ttl }),
        2 => Kind::Increment(Increment {
            key: "another counter".into(),
            delta: 1,
            ttl,
        }),
        _ => Kind::Delete(Delete { key, version: None }),
    };
    Change { kind: Some(kind) }
}
