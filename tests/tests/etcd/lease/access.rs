//! Users, their rights, and TLS.

use super::{LOCKS, Session, TTL};
use crate::cluster::{Cluster, PASSWORD, Setup, certificate};
use etcd_client::{Permission, PermissionType};
use localmap_lease::{AcquireError, EtcdLockOptions, Mode};
use std::fs;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_needs_a_password_and_the_rights_to_the_folder() {
    let Some(mut cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let mut client = cluster.client().await;
    for (role, folder) in [("locks", LOCKS), ("other", "/other/")] {
        client.role_add(role).await.expect("a role");
        let permission = Permission::new(PermissionType::Readwrite, folder).with_prefix();
        client
            .role_grant_permission(role, permission)
            .await
            .expect("a permission");
        client.user_add(role, PASSWORD, None).await.expect("a user");
        client.user_grant_role(role, role).await.expect("a role");
    }
    cluster.enable_auth().await;
    let options = || EtcdLockOptions::new(cluster.endpoints(), LOCKS).ttl(TTL);
    let a = Session::with(options().user("locks", PASSWORD));
    a.lock("k", Mode::Write).await.check().expect("it is held");
    for (options, why) in [
        (options().user("locks", "wrong"), "authentication failed"),
        (options().user("other", PASSWORD), "permission denied"),
        (options(), "user name is empty"),
    ] {
        let session = Session::with(options);
        session.event(why).await;
        let refused = session
            .locks
            .acquire("k", Mode::Write, Duration::ZERO)
            .await;
        let Err(AcquireError::NoLease { why: told, .. }) = refused else {
            panic!("{refused:?}");
        };
        assert!(told.contains(why), "{told}");
    }
    // The rights are taken away: the lease stays, and locks cannot be had.
    let mut root = cluster.client().await;
    root.user_revoke_role("locks", "locks")
        .await
        .expect("it is revoked");
    let refused = a.try_lock("k", Mode::Write).await;
    let Err(AcquireError::Unavailable { why, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert!(why.contains("permission denied"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_with_a_certificate_of_the_client() {
    let Some(cluster) = Cluster::start(Setup::one().tls()).await else {
        return;
    };
    let read = |name| fs::read(certificate(name)).expect("a file");
    let options = EtcdLockOptions::new(cluster.endpoints(), LOCKS)
        .ttl(TTL)
        .ca(read("ca.pem"));
    let a = Session::with(
        options
            .clone()
            .identity(read("client.pem"), read("client.key")),
    );
    a.lock("k", Mode::Write).await.check().expect("it is held");
    let without = Session::with(options);
    without.event("there is no lease").await;
    let other = EtcdLockOptions::new(cluster.endpoints(), LOCKS).ca(read("client.pem"));
    Session::with(other).event("there is no lease").await;
}
