//! How a mirror begins, is bounded and ends.

use super::peer::{Copy, Peer};
use super::{Server, TENANT, none};
use localmap::{TenantClass, Ttl};
use localmap_sidecar::SidecarOptions;
use localmap_sidecar_proto::mirror_request::{Held, Kind, Nack, Open};
use std::time::Duration;
use tonic::{Code, Status};

const SECOND: Duration = Duration::from_secs(1);

async fn server(options: SidecarOptions) -> Server {
    Server::start(TenantClass::new("all"), options).await
}

impl Server {
    async fn open(&self, copy: &Copy) -> Peer {
        let opened = Peer::open(&self.client, TENANT, copy, true).await;
        opened.expect("a stream")
    }

    fn set(&self, key: &str, value: &str, ttl: Ttl) {
        let map = self.checkout();
        map.set(key.as_bytes(), value.as_bytes(), ttl)
            .expect("room");
    }
}

/// Returns the status with which a stream ends.
async fn end(peer: &mut Peer) -> Status {
    let mut copy = Copy::default();
    loop {
        match peer.next(&mut copy).await {
            Ok(response) => copy.apply(&response, &none(), Duration::ZERO),
            Err(status) => return status,
        }
    }
}

#[tokio::test]
async fn an_expiry_is_told_though_nobody_calls() {
    let server = server(SidecarOptions::new()).await;
    server.set("k", "v", Ttl::After(SECOND));
    let mut copy = Copy::default();
    let mut peer = server.open(&copy).await;
    peer.sync(&mut copy, || server.now()).await.expect("all");
    assert_eq!(copy.entries[&b"k"[..]].deadline, Some(SECOND));
    server.clock.advance(SECOND);
    let told = peer.sync(&mut copy, || server.now()).await.expect("it");
    assert_eq!(told[0].removed, ["k"]);
}

#[tokio::test]
async fn writes_of_the_embedder_are_told_too() {
    let server = server(SidecarOptions::new()).await;
    let mut copy = Copy::default();
    let mut peer = server.open(&copy).await;
    let first = peer.sync(&mut copy, || server.now()).await.expect("all");
    assert!(first.len() == 1 && first[0].reset && first[0].entries.is_empty());
    server.set("k", "v", Ttl::Never);
    peer.sync(&mut copy, || server.now()).await.expect("it");
    assert_eq!(copy.entries[&b"k"[..]].value, "v");
}

#[tokio::test]
async fn a_resumption_sends_what_has_changed_and_the_first_response_comes_at_once() {
    let server = server(SidecarOptions::new()).await;
    server.set("a", "1", Ttl::Never);
    server.set("b", "1", Ttl::Never);
    let mut copy = Copy::default();
    server
        .open(&copy)
        .await
        .sync(&mut copy, || server.now())
        .await
        .expect("all");
    server.set("b", "2", Ttl::Never);
    server
        .checkout()
        .touch(b"a", Ttl::After(SECOND))
        .expect("a map");
    let mut peer = server.open(&copy).await;
    let changes = peer.sync(&mut copy, || server.now()).await.expect("it");
    assert_eq!(changes.len(), 1);
    assert_eq!(
        (changes[0].entries.len(), changes[0].refreshed.len()),
        (1, 1)
    );
    let mut peer = server.open(&copy).await;
    let none = peer.sync(&mut copy, || server.now()).await.expect("it");
    assert!(none.len() == 1 && !none[0].reset && none[0].entries.is_empty());
}

#[tokio::test]
async fn after_clear_the_peer_is_asked_what_it_holds() {
    let server = server(SidecarOptions::new()).await;
    server.set("a", "1", Ttl::Never);
    let mut copy = Copy::default();
    let mut peer = server.open(&copy).await;
    peer.sync(&mut copy, || server.now()).await.expect("all");
    server.checkout().clear().expect("a map");
    let told = peer.sync(&mut copy, || server.now()).await.expect("it");
    assert!(!told[0].reset && copy.entries.is_empty());
}

#[tokio::test]
async fn mistakes_are_invalid_arguments() {
    let server = server(SidecarOptions::new()).await;
    let mistakes = [
        Kind::Ack(localmap_sidecar_proto::mirror_request::Ack { nonce: 7 }),
        Kind::Nack(Nack::default()),
        Kind::Held(Held::default()),
        Kind::Open(Open::default()),
    ];
    for mistake in mistakes {
        let mut peer = server.open(&Copy::default()).await;
        peer.send(mistake.clone()).await;
        let status = end(&mut peer).await;
        assert_eq!(
            status.code(),
            Code::InvalidArgument,
            "{mistake:?}: {status}"
        );
    }
}

#[tokio::test]
async fn a_peer_that_does_not_acknowledge_is_cut_off_and_resumes() {
    let server = server(SidecarOptions::new().ack_timeout(SECOND / 20)).await;
    let mut copy = Copy::default();
    let mut peer = server.open(&copy).await;
    let status = end(&mut peer).await;
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(status.message(), "no ACK of nonce 1 within 50ms");
    let mut peer = server.open(&copy).await;
    peer.sync(&mut copy, || server.now()).await.expect("all");
}

#[tokio::test]
async fn a_map_has_so_many_mirrors_and_the_place_of_one_that_is_gone_is_free() {
    let server = server(SidecarOptions::new().max_mirrors(2)).await;
    let mut copy = Copy::default();
    let mut peers = [server.open(&copy).await, server.open(&copy).await];
    for peer in &mut peers {
        peer.sync(&mut copy, || server.now()).await.expect("all");
    }
    let status = end(&mut server.open(&copy).await).await;
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    assert_eq!(server.stats().await.mirrors, 2);
    drop(peers);
    while server.stats().await.mirrors > 0 {
        tokio::task::yield_now().await;
    }
    let mut peer = server.open(&copy).await;
    peer.sync(&mut copy, || server.now()).await.expect("all");
}

#[tokio::test]
async fn all_maps_have_so_many_mirrors() {
    let server = server(SidecarOptions::new().max_all_mirrors(1)).await;
    let mut copy = Copy::default();
    let mut peer = server.open(&copy).await;
    peer.sync(&mut copy, || server.now()).await.expect("all");
    let other = Peer::open(&server.client, "another", &copy, true).await;
    let status = end(&mut other.expect("a stream")).await;
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
}

#[tokio::test]
async fn the_end_of_a_map_ends_its_mirrors_and_the_next_begins_again() {
    let server = server(SidecarOptions::new()).await;
    server.set("k", "v", Ttl::Never);
    let mut copy = Copy::default();
    for ends in [
        (|server: &Server| server.checkout().cancel_handle().cancel()) as fn(&Server),
        |server| assert!(server.tenants.remove(TENANT.as_bytes())),
    ] {
        let mut peer = server.open(&copy).await;
        let all = peer.sync(&mut copy, || server.now()).await.expect("all");
        assert!(all[0].reset);
        ends(&server);
        let status = end(&mut peer).await;
        assert_eq!(status.code(), Code::Unavailable, "{status}");
    }
}

#[tokio::test]
async fn a_cancelled_class_ends_mirrors() {
    let server = server(SidecarOptions::new()).await;
    let mut copy = Copy::default();
    let mut peer = server.open(&copy).await;
    peer.sync(&mut copy, || server.now()).await.expect("all");
    server
        .tenants
        .class_handle("all")
        .expect("a class")
        .cancel();
    assert_eq!(end(&mut peer).await.code(), Code::Unavailable);
}

#[tokio::test]
async fn a_tenant_with_a_mirror_is_not_idle() {
    let class = TenantClass::new("all").idle_timeout(SECOND);
    let server = Server::start(class, SidecarOptions::new()).await;
    let mut copy = Copy::default();
    let mut peer = server.open(&copy).await;
    peer.sync(&mut copy, || server.now()).await.expect("all");
    server.clock.advance(10 * SECOND);
    assert!(server.tenants.sweep().is_empty());
    drop(peer);
    while !server.tenants.is_empty() {
        server.clock.advance(SECOND);
        drop(server.tenants.sweep());
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_tenant_with_shards_has_no_mirrors() {
    let class = TenantClass::new("all").shards_per_tenant(2);
    let server = Server::start(class, SidecarOptions::new()).await;
    let status = end(&mut server.open(&Copy::default()).await).await;
    assert_eq!(status.code(), Code::Unimplemented, "{status}");
}

#[tokio::test]
async fn statistics_have_an_epoch_while_there_is_a_journal() {
    let server = server(SidecarOptions::new()).await;
    let stats = server.stats().await;
    assert_eq!(
        (stats.epoch, stats.revision, stats.mirrors),
        (None, None, 0)
    );
    let mut copy = Copy::default();
    let mut peer = server.open(&copy).await;
    let response = peer.next(&mut copy).await.expect("all");
    server.set("k", "v", Ttl::Never);
    let stats = server.stats().await;
    assert_eq!(stats.epoch, Some(response.epoch));
    assert_eq!(stats.revision, Some(response.revision + 1));
}
