//! Users, rights, tokens and certificates.

use super::observer::Observer;
use super::verify::verify;
use super::{MAX_STALE, PREFIX, begin, etcd, fill, fresh, has, key, open, options};
use crate::cluster::{Cluster, PASSWORD, Setup, certificate, until};
use etcd_client::{Client, Permission, RoleRevokePermissionOptions};
use localmap_mirror::{Mirror, ReadError};
use std::fs;
use std::time::{Duration, Instant};

/// The user of mirrors, who may read [`PREFIX`].
const READER: &str = "reader";

/// Starts a cluster that asks for users. Passwords are checked quickly, because the machine is busy.
async fn guarded(setup: Setup) -> Option<Cluster> {
    let mut cluster = Cluster::start(setup.flags(&["--bcrypt-cost=4"])).await?;
    let mut client = cluster.client().await;
    client.role_add(READER).await.expect("a role");
    grant(&mut client).await;
    client
        .user_add(READER, PASSWORD, None)
        .await
        .expect("a user");
    client
        .user_grant_role(READER, READER)
        .await
        .expect("it is granted");
    cluster.enable_auth().await;
    Some(cluster)
}

async fn grant(client: &mut Client) {
    let may_read = Permission::read(PREFIX).with_prefix();
    let granted = client.role_grant_permission(READER, may_read).await;
    granted.expect("it is granted");
}

/// Waits until reads fail, which is at most half a second after the greatest age, and says why.
async fn fails_with(mirror: &Mirror, began: Instant, why: &str) {
    let mut error = None;
    let fails = || {
        error = mirror.get("number").err();
        error.is_some()
    };
    until("an error", fails).await;
    let took = began.elapsed();
    // The watch may go on, but the probe is refused.
    assert!(took <= MAX_STALE + Duration::from_millis(500), "{took:?}");
    match error {
        Some(ReadError::TooStale { why: said, .. } | ReadError::NotReady { why: said, .. }) => {
            assert!(said.contains(why), "{said}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rights_that_are_revoked_end_reads_and_begin_them_when_granted() {
    let Some(cluster) = guarded(Setup::one()).await else {
        return;
    };
    let etcd = etcd(cluster.endpoints()).user(READER, PASSWORD);
    let mirror = open(etcd, options()).await;
    let observer = Observer::start(cluster.client().await, &mirror, MAX_STALE).await;

    let mut client = cluster.client().await;
    let began = Instant::now();
    let options = RoleRevokePermissionOptions::new().with_prefix();
    let revoked = client
        .role_revoke_permission(READER, PREFIX, Some(options))
        .await;
    revoked.expect("it is revoked");
    fails_with(&mirror, began, "permission denied").await;

    grant(&mut client).await;
    fresh(&mirror).await;
    observer.end().await;
    verify(&cluster, &mirror).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_is_deleted_reads_no_more() {
    let Some(cluster) = guarded(Setup::one()).await else {
        return;
    };
    let etcd = etcd(cluster.endpoints()).user(READER, PASSWORD);
    let mirror = open(etcd, options()).await;
    let observer = Observer::start(cluster.client().await, &mirror, MAX_STALE).await;
    let began = Instant::now();
    let mut client = cluster.client().await;
    client.user_delete(READER).await.expect("it is deleted");
    // Either its token is no longer known, or its password.
    fails_with(&mirror, began, "auth").await;
    observer.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_named() {
    let Some(cluster) = guarded(Setup::one()).await else {
        return;
    };
    let began = Instant::now();
    let wrong = begin(
        etcd(cluster.endpoints()).user(READER, "tr0ub4dor"),
        options(),
    );
    let missing = begin(etcd(cluster.endpoints()), options());
    let knows_why = |mirror: &Mirror| mirror.status().why.is_some();
    until("a reason", || knows_why(&wrong) && knows_why(&missing)).await;
    fails_with(&wrong, began, "authentication failed").await;
    fails_with(&missing, Instant::now(), "user name is empty").await;
    assert!(
        !format!("{wrong:?}").contains("tr0ub4dor"),
        "a password is shown"
    );
}

/// Tokens do not survive a restart, so the mirror must get another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_starts_again_knows_no_token() {
    let Some(mut cluster) = guarded(Setup::one()).await else {
        return;
    };
    let etcd = etcd(cluster.endpoints()).user(READER, PASSWORD);
    let mirror = open(etcd, options()).await;
    cluster.kill(0);
    cluster.restart(0).await;
    fill(&mut cluster.client().await, "k", 0..10, b"v").await;
    fresh(&mirror).await;
    verify(&cluster, &mirror).await;
}

/// Tokens that live for less time than between two probes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a quarter of a minute: just chaos"]
async fn tokens_that_expire_are_renewed() {
    let Some(cluster) = guarded(Setup::one().flags(&["--auth-token-ttl=2"])).await else {
        return;
    };
    const PATIENT: Duration = Duration::from_secs(8);
    let etcd = etcd(cluster.endpoints()).user(READER, PASSWORD);
    let options = options().probe(Duration::from_secs(4)).max_stale(PATIENT);
    let mirror = open(etcd, options).await;
    let observer = Observer::start(cluster.client().await, &mirror, PATIENT).await;
    tokio::time::sleep(Duration::from_secs(13)).await;
    let seen = observer.end().await;
    assert_eq!(seen.errors, 0, "{seen:?}");
    let mut client = cluster.client().await;
    let put = client.put(key("k"), "v", None).await.expect("it is stored");
    let revision = put.header().expect("a header").revision();
    has(&mirror, u64::try_from(revision).expect("a revision")).await;
    verify(&cluster, &mirror).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_are_checked_on_both_sides() {
    let Some(cluster) = Cluster::start(Setup::one().tls()).await else {
        return;
    };
    let read = |name| fs::read(certificate(name)).expect("a file");
    let ours =
        |etcd: localmap_mirror::EtcdOptions| etcd.identity(read("client.pem"), read("client.key"));
    let good = ours(etcd(cluster.endpoints())).ca(read("ca.pem"));
    let mirror = open(good, options()).await;
    verify(&cluster, &mirror).await;

    let unknown_server = begin(ours(etcd(cluster.endpoints())), options());
    let no_client = begin(etcd(cluster.endpoints()).ca(read("ca.pem")), options());
    let other_name = ours(etcd(cluster.endpoints())).ca(read("ca.pem"));
    let other_name = begin(other_name.domain("elsewhere"), options());
    let text = [cluster.endpoint(0).replace("https", "http")];
    let text = begin(etcd(text), options());
    for mirror in [unknown_server, no_client, other_name, text] {
        until("a reason", || mirror.status().why.is_some()).await;
        let error = mirror.get("k").expect_err("there is no copy");
        assert!(matches!(error, ReadError::NotReady { .. }), "{error}");
        eprintln!("{error}");
    }
}
