//! Mirrors: what they ask for, what they reply, and what they do when the stream is lost.

use crate::fake::{Fake, MirrorPeer, soon};
use localmap_sidecar_client::{Error, Freshness, ManualClock, Mirror, MirrorOptions, MirrorStatus};
use localmap_sidecar_proto::mirror_request::{Ack, Held, HeldEntry, Kind, Nack, Open};
use localmap_sidecar_proto::{Entry, MirrorResponse};
use std::sync::Arc;
use std::time::Duration;
use tonic::Status;

const PATIENCE: Duration = Duration::from_secs(20);

fn entry(key: &'static str, value: &'static str, version: u64) -> Entry {
    Entry {
        key: key.into(),
        value: value.into(),
        version,
        expires_in_nanos: None,
    }
}

fn response(nonce: u64, revision: u64, entries: Vec<Entry>) -> MirrorResponse {
    MirrorResponse {
        epoch: 7,
        nonce,
        revision,
        entries,
        ..MirrorResponse::default()
    }
}

fn opened(epoch: u64, revision: u64) -> Kind {
    Kind::Open(Open {
        tenant: "t".to_owned(),
        epoch,
        revision,
        can_compare: true,
    })
}

/// Opens a mirror that holds `k`, at revision 3.
async fn mirror(fake: &mut Fake, options: MirrorOptions) -> (Mirror, MirrorPeer) {
    let tenant = fake.client().tenant("t");
    let accepting = async {
        let mut peer = fake.mirror().await;
        assert_eq!(peer.kind().await, opened(0, 0));
        peer.send(MirrorResponse {
            reset: true,
            ..response(1, 3, vec![entry("k", "v", 3)])
        })
        .await;
        peer
    };
    let (mirror, mut peer) = tokio::join!(Mirror::open(&tenant, options), accepting);
    let mirror = mirror.expect("a mirror");
    assert_eq!(peer.kind().await, Kind::Ack(Ack { nonce: 1 }));
    let synced = mirror.wait_until_synced(PATIENCE).await;
    assert!(synced.is_ok(), "{synced:?}");
    (mirror, peer)
}

async fn wait_for(mirror: &Mirror, what: impl FnMut(&MirrorStatus) -> bool) -> MirrorStatus {
    let mut changes = mirror.changes();
    let status = soon(changes.wait_for(what)).await.expect("it lives");
    status.clone()
}

#[tokio::test]
async fn a_mirror_applies_and_acknowledges() {
    let mut fake = Fake::start();
    let (mirror, mut peer) = mirror(&mut fake, MirrorOptions::new()).await;
    assert_eq!(mirror.get("k").as_deref(), Some(&b"v"[..]));
    let status = mirror.status();
    assert_eq!(
        (status.epoch, status.revision, status.entries),
        (7, Some(3), 1)
    );
    peer.send(MirrorResponse {
        removed: vec!["k".into()],
        more: true,
        ..response(2, 4, vec![entry("a", "1", 4), entry("b", "2", 5)])
    })
    .await;
    assert_eq!(peer.kind().await, Kind::Ack(Ack { nonce: 2 }));
    assert!(matches!(mirror.status().freshness, Freshness::CatchingUp));
    let view = mirror.view();
    assert_eq!(view.iter().count(), 2);
    assert_eq!(view.get("k"), None);
    assert_eq!(view.get_entry("b").map(|entry| entry.version), Some(5));
}

#[tokio::test]
async fn a_lost_stream_is_resumed_at_its_revision() {
    let mut fake = Fake::start();
    let (mirror, peer) = mirror(&mut fake, MirrorOptions::new()).await;
    peer.fail(Status::unavailable("the sidecar is ending"))
        .await;
    let mut peer = fake.mirror().await;
    assert_eq!(peer.kind().await, opened(7, 3));
    assert_eq!(mirror.get("k").as_deref(), Some(&b"v"[..]));
    peer.send(response(1, 3, Vec::new())).await;
    assert_eq!(peer.kind().await, Kind::Ack(Ack { nonce: 1 }));
    wait_for(&mirror, |status| status.freshness.is_synced()).await;
}

#[tokio::test]
async fn a_restarted_sidecar_begins_from_nothing() {
    let mut fake = Fake::start();
    let (mirror, peer) = mirror(&mut fake, MirrorOptions::new()).await;
    drop(peer);
    fake.restart().await;
    let lost = |status: &MirrorStatus| matches!(status.freshness, Freshness::Disconnected { .. });
    wait_for(&mirror, lost).await;
    assert_eq!(mirror.get("k").as_deref(), Some(&b"v"[..]));
    let mut peer = fake.mirror().await;
    assert_eq!(peer.kind().await, opened(7, 3));
    peer.send(MirrorResponse {
        epoch: 8,
        reset: true,
        ..response(1, 0, Vec::new())
    })
    .await;
    let status = wait_for(&mirror, |status| status.epoch == 8).await;
    assert!(status.freshness.is_synced());
    assert_eq!((status.revision, status.entries), (Some(0), 0));
    assert_eq!(mirror.get("k"), None);
}

#[tokio::test]
async fn a_partial_copy_says_so_and_is_not_resumed_as_whole() {
    let mut fake = Fake::start();
    let (mirror, mut peer) = mirror(&mut fake, MirrorOptions::new()).await;
    peer.send(MirrorResponse {
        reset: true,
        more: true,
        ..response(2, 0, vec![entry("a", "1", 1)])
    })
    .await;
    assert_eq!(peer.kind().await, Kind::Ack(Ack { nonce: 2 }));
    assert_eq!(mirror.status().revision, None);
    peer.fail(Status::unavailable("the map has terminated"))
        .await;
    let mut peer = fake.mirror().await;
    assert_eq!(peer.kind().await, opened(7, 0));
}

#[tokio::test]
async fn a_comparison_sends_what_is_held() {
    let mut fake = Fake::start();
    let (mirror, mut peer) = mirror(&mut fake, MirrorOptions::new()).await;
    peer.send(MirrorResponse {
        compare: true,
        ..response(0, 0, Vec::new())
    })
    .await;
    let held = HeldEntry {
        key: "k".into(),
        version: 3,
        never_expires: true,
    };
    let held = Held {
        entries: vec![held],
        last: true,
    };
    assert_eq!(peer.kind().await, Kind::Held(held));
    // It had no nonce.
    peer.send(response(2, 9, vec![entry("k", "w", 8)])).await;
    assert_eq!(peer.kind().await, Kind::Ack(Ack { nonce: 2 }));
    assert_eq!(mirror.get("k").as_deref(), Some(&b"w"[..]));
}

#[tokio::test]
async fn what_is_not_accepted_is_refused() {
    let mut fake = Fake::start();
    let options = MirrorOptions::new().accept(|key, _| match key {
        b"secret" => Err("no secrets".to_owned()),
        _ => Ok(()),
    });
    let (mirror, mut peer) = mirror(&mut fake, options).await;
    let entries = vec![entry("secret", "s", 4), entry("a", "1", 5)];
    peer.send(response(2, 5, entries)).await;
    let refusal = Nack {
        nonce: 2,
        keys: vec!["secret".into()],
        message: "no secrets".to_owned(),
        resync: false,
    };
    assert_eq!(peer.kind().await, Kind::Nack(refusal));
    assert_eq!((mirror.get("secret"), mirror.status().refused), (None, 1));
    assert_eq!(mirror.get("a").as_deref(), Some(&b"1"[..]));
}

#[tokio::test]
async fn a_check_that_panics_ends_the_mirror() {
    let mut fake = Fake::start();
    let options = MirrorOptions::new().accept(|key, _| {
        assert_ne!(key, b"poison");
        Ok(())
    });
    let (mirror, peer) = mirror(&mut fake, options).await;
    peer.send(response(2, 4, vec![entry("poison", "", 4)]))
        .await;
    let failed = |status: &MirrorStatus| matches!(status.freshness, Freshness::Failed { .. });
    wait_for(&mirror, failed).await;
    assert_eq!(mirror.get("k").as_deref(), Some(&b"v"[..]));
    let error = mirror.wait_until_synced(PATIENCE).await;
    assert!(matches!(error, Err(Error::MirrorEnded)), "{error:?}");
}

#[tokio::test]
async fn a_nonce_out_of_order_ends_the_stream() {
    let mut fake = Fake::start();
    let (mirror, peer) = mirror(&mut fake, MirrorOptions::new()).await;
    peer.send(response(3, 4, vec![entry("k", "w", 4)])).await;
    let mut again = fake.mirror().await;
    assert_eq!(again.kind().await, opened(7, 3));
    assert_eq!(mirror.get("k").as_deref(), Some(&b"v"[..]));
}

#[tokio::test]
async fn a_map_that_is_too_large_ends_the_mirror() {
    let mut fake = Fake::start();
    let options = MirrorOptions::new().max_bytes(1000);
    let (mirror, peer) = mirror(&mut fake, options).await;
    let mut large = entry("large", "", 4);
    large.value = vec![0; 1000].into();
    peer.send(response(2, 4, vec![large])).await;
    let failed = |status: &MirrorStatus| matches!(status.freshness, Freshness::Failed { .. });
    let status = wait_for(&mirror, failed).await;
    assert_eq!((status.entries, status.bytes), (0, 0));
    assert_eq!(mirror.get("k"), None);
    let error = mirror.wait_until_synced(PATIENCE).await;
    assert!(
        matches!(
            error,
            Err(Error::MirrorTooLarge {
                max_bytes: 1000,
                ..
            })
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn entries_expire_while_the_sidecar_is_away() {
    let mut fake = Fake::start();
    let clock = Arc::new(ManualClock::new());
    let options = MirrorOptions::new().clock(clock.clone());
    let (mirror, mut peer) = mirror(&mut fake, options).await;
    let mut expiring = entry("e", "x", 4);
    expiring.expires_in_nanos = Some(1_000);
    peer.send(response(2, 4, vec![expiring])).await;
    assert_eq!(peer.kind().await, Kind::Ack(Ack { nonce: 2 }));
    drop(fake);
    clock.advance(Duration::from_nanos(999));
    let left = mirror.get_entry("e").and_then(|entry| entry.expires_in);
    assert_eq!(left, Some(Duration::from_nanos(1)));
    clock.advance(Duration::from_nanos(1));
    assert_eq!(mirror.get("e"), None);
    assert_eq!(mirror.view().iter().count(), 1);
}

#[tokio::test]
async fn a_mirror_that_is_refused_at_first_is_an_error() {
    let mut fake = Fake::start();
    let tenant = fake.client().tenant("t");
    let refusing = async {
        let peer = fake.mirror().await;
        peer.fail(Status::resource_exhausted("limit of 16 mirrors reached"))
            .await;
    };
    let (mirror, ()) = tokio::join!(Mirror::open(&tenant, MirrorOptions::new()), refusing);
    let error = mirror.expect_err("refused");
    assert!(matches!(error, Error::LimitReached { .. }), "{error:?}");
}

#[tokio::test]
async fn a_mirror_that_is_dropped_ends_its_stream() {
    let mut fake = Fake::start();
    let (mirror, mut peer) = mirror(&mut fake, MirrorOptions::new()).await;
    drop(mirror);
    let ended = soon(peer.requests.message()).await;
    assert!(!matches!(ended, Ok(Some(_))), "{ended:?}");
}
