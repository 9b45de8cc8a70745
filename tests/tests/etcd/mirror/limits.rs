//! Keys and values that a map cannot hold, maps that are full, and a machine that slept.

use super::verify::{held, verify};
use super::{MAX_STALE, begin, etcd, fill, fresh, has, key, open, options};
use crate::cluster::{Cluster, Proxy, Setup, until};
use etcd_client::DeleteOptions;
use localmap::{Limits, ManualClock};
use localmap_mirror::{MirrorState, OmittedReason, ReadError};
use std::time::Duration;

/// Stores a key, and returns the revision.
async fn put(cluster: &Cluster, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> u64 {
    let mut client = cluster.client().await;
    let stored = client.put(key, value, None).await.expect("it is stored");
    let revision = stored.header().expect("a header").revision();
    u64::try_from(revision).expect("a revision")
}

fn long(len: usize) -> String {
    "k".repeat(len)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_and_values_of_all_sizes_are_held_or_omitted_with_a_reason() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    // Some are listed and some are watched.
    for len in [0, 1, 127, 128] {
        put(&cluster, key(long(len)), "v").await;
    }
    put(&cluster, key("at"), vec![b'v'; 1_000]).await;
    put(&cluster, [key("").as_bytes(), &[255, 254]].concat(), "v").await;
    let limits = Limits::default().max_key(128).max_value(1_000);
    let mirror = open(etcd(cluster.endpoints()), options().limits(limits.clone())).await;
    for len in [129, 511, 512, 513, 5_000] {
        put(&cluster, key(long(len)), "v").await;
    }
    let revision = put(&cluster, key("over"), vec![b'v'; 1_001]).await;
    has(&mirror, revision).await;

    let reason = |key: &str| match mirror.get(key) {
        Err(ReadError::Omitted {
            index: 0, reason, ..
        }) => reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(reason(""), OmittedReason::EmptyKey);
    for len in [129, 511, 512, 513, 5_000] {
        let said = reason(&long(len));
        assert!(
            matches!(said, OmittedReason::KeyTooLong { len: is, max: 128, .. } if is == len),
            "{said}"
        );
    }
    let said = reason("over");
    assert!(
        matches!(
            said,
            OmittedReason::ValueTooLarge {
                len: 1_001,
                max: 1_000,
                ..
            }
        ),
        "{said}"
    );
    for key in [long(1), long(127), long(128), "at".to_owned()] {
        assert!(mirror.get(&key).expect("a copy").found.is_some(), "{key}");
    }
    assert!(mirror.get("absent").expect("a copy").found.is_none());
    let two = mirror
        .get_many(&["at", "over"])
        .expect_err("one is omitted");
    assert!(matches!(two, ReadError::Omitted { index: 1, .. }), "{two}");
    assert_eq!(mirror.status().omitted, 7);
    verify(&cluster, &mirror).await;

    // Longer keys are held by another mirror, up to the maximum of maps.
    let limits = Limits::default().max_key(512).utf8_keys(true);
    let wider = open(etcd(cluster.endpoints()), options().limits(limits)).await;
    assert!(wider.get(long(512)).expect("a copy").found.is_some());
    let too_long = wider.get(long(513)).expect_err("it is too long");
    assert!(matches!(too_long, ReadError::Omitted { .. }), "{too_long}");
    let not_utf8 = wider.get([255, 254]).expect_err("it is no text");
    assert!(
        matches!(
            not_utf8,
            ReadError::Omitted {
                reason: OmittedReason::NotUtf8,
                ..
            }
        ),
        "{not_utf8}"
    );
    verify(&cluster, &wider).await;

    // What fits later is held, and what is deleted is no longer omitted.
    put(&cluster, key("over"), "fits").await;
    put(&cluster, key("at"), vec![b'v'; 2_000]).await;
    let mut client = cluster.client().await;
    let options = DeleteOptions::new().with_prefix();
    let deleted = client.delete(key(long(129)), Some(options)).await;
    let revision = deleted
        .expect("deleted")
        .header()
        .expect("a header")
        .revision();
    has(&mirror, u64::try_from(revision).expect("a revision")).await;
    let over = mirror.get("over").expect("it fits").found;
    assert_eq!(over.expect("it is there").value, b"fits");
    assert!(mirror.get(long(513)).expect("it is gone").found.is_none());
    assert_eq!(held(&mirror).omitted.len(), 2);
    verify(&cluster, &mirror).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_map_that_is_full_is_an_error_until_there_is_room() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let mut client = cluster.client().await;
    fill(&mut client, "k", 0..90, b"v").await;
    let limits = Limits::default().max_entries(100);
    let mirror = open(etcd(cluster.endpoints()), options().limits(limits)).await;
    assert!(mirror.get("k0").expect("a copy").found.is_some());
    fill(&mut client, "more", 0..50, b"v").await;
    until("full", || mirror.status().state == MirrorState::DoesNotFit).await;
    // Not even what was there before, because it is no longer known what is.
    let error = mirror.get("k0").expect_err("it is full");
    match &error {
        ReadError::DoesNotFit { why, .. } => assert!(why.contains("100"), "{why}"),
        other => panic!("{other}"),
    }
    // It stays so while nothing changes.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(mirror.get("k0").is_err());
    let options = DeleteOptions::new().with_prefix();
    client
        .delete(key("more"), Some(options))
        .await
        .expect("they are deleted");
    fresh(&mirror).await;
    verify(&cluster, &mirror).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_prefix_is_a_copy_without_entries() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let mirror = open(etcd(cluster.endpoints()), options()).await;
    assert!(mirror.get("k").expect("a copy").found.is_none());
    // Only other prefixes change, and the copy stays fresh.
    let mut client = cluster.client().await;
    for _ in 0..300 {
        client
            .put("/other/k", "v", None)
            .await
            .expect("it is stored");
        assert!(mirror.get("k").is_ok());
    }
    fresh(&mirror).await;
    tokio::time::sleep(MAX_STALE).await;
    assert!(mirror.get("k").expect("a copy").freshness.is_fresh());
    verify(&cluster, &mirror).await;
}

/// A machine that sleeps for an hour: no read after it shows what was there before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_read_after_a_sleep_is_an_error() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let proxy = Proxy::to(cluster.endpoint(0)).await;
    let clock = ManualClock::new();
    let mirror = open(etcd([proxy.endpoint()]), options().clock(clock.clone())).await;
    fresh(&mirror).await;
    // No probe is answered between the sleep and the read.
    proxy.freeze();
    tokio::time::sleep(Duration::from_millis(50)).await;
    clock.advance(Duration::from_secs(3_600));
    let error = mirror.get("k").expect_err("an hour");
    assert!(
        matches!(error, ReadError::TooStale { age, .. } if age >= Duration::from_secs(3_600)),
        "{error}"
    );
    proxy.open();
    fresh(&mirror).await;
    verify(&cluster, &mirror).await;
}

/// Values of a megabyte: a page of them exceeds what a message may have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_that_are_too_large_for_a_message_are_divided() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let value = vec![b'v'; 1 << 20];
    for number in 0..12 {
        put(&cluster, key(format_args!("large{number}")), value.clone()).await;
    }
    let mirror = begin(etcd(cluster.endpoints()), options());
    fresh(&mirror).await;
    assert_eq!(held(&mirror).entries.len(), 12);
    verify(&cluster, &mirror).await;
}
