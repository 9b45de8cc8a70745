//! What happens to locks when etcd or the network fails, and when the machine sleeps.

use super::{LOCKS, Session, TTL, names, none_is_left, value};
use crate::cluster::{Cluster, PATIENCE, Proxy, Setup, soon, until};
use localmap::ManualClock;
use localmap_lease::{
    AcquireError, EtcdLockOptions, FencedPutError, LockLimits, Locks, Mode, fenced_put,
};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How much later than its deadline a busy machine may notice it.
const SLACK: Duration = Duration::from_millis(1_500);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_that_is_cut_off_stops_before_the_next_begins() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    for silent in [true, false] {
        let proxy = Proxy::to(cluster.endpoint(0)).await;
        let (a, b) = (
            Session::at(vec![proxy.endpoint()]).await,
            Session::of(&cluster).await,
        );
        let hold = a.lock("k", Mode::Write).await;
        let lost = hold.lost();
        let began = Instant::now();
        match silent {
            true => proxy.freeze(),
            false => proxy.cut(),
        }
        let next = tokio::spawn(async move {
            let hold = b.lock("k", Mode::Write).await;
            (b, hold, Instant::now())
        });
        soon("it is lost", lost).await;
        let lost = Instant::now();
        hold.check().expect_err("it is lost");
        let (_b, next, acquired) = next.await.expect("no panic");
        assert!(lost < acquired, "{:?} too late", lost - acquired);
        assert!(lost - began <= TTL + SLACK, "{:?}", lost - began);
        assert!(
            acquired - began <= 2 * TTL + SLACK,
            "{:?}",
            acquired - began
        );
        // What was sent by another way is refused by etcd.
        let mut client = cluster.client().await;
        fenced_put(&mut client, next.fence(), "/k", "b")
            .await
            .expect("it is held");
        let late = fenced_put(&mut client, hold.fence(), "/k", "a").await;
        assert_eq!(late, Err(FencedPutError::Fenced));
        assert_eq!(value(&mut client, "/k").await, "b");
        let refused = a.try_lock("l", Mode::Write).await;
        assert!(refused.is_err(), "{refused:?}");
        // Afterwards there is another lease.
        proxy.open();
        until("another lease", || a.grants() == 2).await;
        drop((hold, next));
        a.lock("k", Mode::Write).await.check().expect("it is held");
        none_is_left(&cluster).await;
    }
}

/// A transaction that has waited somewhere creates a lock of which nobody knows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_arrives_after_its_end_leaves_no_lock() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let proxy = Proxy::to(cluster.endpoint(0)).await;
    let long = EtcdLockOptions::new([proxy.endpoint()], LOCKS).ttl(Duration::from_secs(60));
    let a = Session::with(long);
    a.ready().await;
    drop(a.lock("k", Mode::Write).await);
    none_is_left(&cluster).await;
    proxy.freeze();
    let waits = Duration::from_millis(300);
    let acquired = a.locks.acquire("k", Mode::Write, waits).await;
    assert!(
        matches!(acquired, Err(AcquireError::Unavailable { .. })),
        "{acquired:?}"
    );
    let acquire = a.locks.acquire("l", Mode::Read, PATIENCE);
    let given_up = tokio::time::timeout(waits, acquire).await;
    assert!(given_up.is_err());
    proxy.open();
    let b = Session::of(&cluster).await;
    for key in ["k", "l"] {
        // It may be there for a moment.
        b.lock(key, Mode::Write).await.check().expect("it is held");
    }
    none_is_left(&cluster).await;
    drop(a.lock("k", Mode::Write).await);
    none_is_left(&cluster).await;
    assert_eq!(a.grants(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_survives_a_short_failure_of_etcd() {
    let Some(mut cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let options = EtcdLockOptions::new(cluster.endpoints(), LOCKS).ttl(Duration::from_secs(20));
    let a = Session::with(options);
    let hold = a.lock("k", Mode::Write).await;
    cluster.stop(0);
    let refused = a.try_lock("l", Mode::Write).await;
    assert!(
        matches!(refused, Err(AcquireError::Unavailable { .. })),
        "{refused:?}"
    );
    cluster.resume(0);
    a.lock("l", Mode::Write).await.check().expect("it is held");
    cluster.kill(0);
    cluster.restart(0).await;
    hold.check().expect("it is still held");
    a.lock("l", Mode::Write).await.check().expect("it is held");
    let mut client = cluster.client().await;
    fenced_put(&mut client, hold.fence(), "/k", "a")
        .await
        .expect("it is held");
    drop(hold);
    none_is_left(&cluster).await;
    assert_eq!(a.grants(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_node_takes_over() {
    let Some(mut cluster) = Cluster::start(Setup::three()).await else {
        return;
    };
    let options = EtcdLockOptions::new(cluster.endpoints(), LOCKS).ttl(Duration::from_secs(20));
    let a = Session::with(options);
    let hold = a.lock("k", Mode::Write).await;
    // The session uses the first node.
    cluster.kill(0);
    a.lock("l", Mode::Write).await.check().expect("it is held");
    hold.check().expect("it is still held");
    cluster.restart(0).await;
    let leader = cluster.leader().await;
    cluster.stop(leader);
    let waits = a.lock("m", Mode::Write).await;
    cluster.resume(leader);
    waits.check().expect("it is held");
    hold.check().expect("it is still held");
    assert_eq!(a.grants(), 1);
}

/// The machine has slept: the clock of leases has gone on, while no task has run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_ends_the_lease_at_once() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let clock = ManualClock::new();
    let options = EtcdLockOptions::new(cluster.endpoints(), LOCKS)
        .ttl(Duration::from_secs(600))
        .clock(clock.clone());
    let a = Session::with(options);
    let hold = a.lock("k", Mode::Write).await;
    clock.advance(Duration::from_secs(599));
    hold.check().expect("it is still held");
    clock.advance(Duration::from_secs(1));
    hold.check().expect_err("it is lost");
    a.event("did not run in time").await;
    until("another lease", || a.grants() == 2).await;
    // etcd has the lock of the lease that this process no longer counts on.
    let refused = a.try_lock("k", Mode::Write).await;
    assert!(matches!(refused, Err(AcquireError::Held)), "{refused:?}");
    drop(hold);
    drop(a.try_lock("l", Mode::Write).await.expect("it is free"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_etcd_does_not_know_is_lost() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let a = Session::of(&cluster).await;
    let hold = a.lock("k", Mode::Write).await;
    let mut client = cluster.client().await;
    let leases = client.leases().await.expect("an answer");
    let lease = leases.leases().first().expect("a lease").id();
    client.lease_revoke(lease).await.expect("it is revoked");
    soon("it is lost", hold.lost()).await;
    until("another lease", || a.grants() == 2).await;
    drop(hold);
    drop(a.try_lock("k", Mode::Write).await.expect("it is free"));
    // One that acquires notices it as well, before the next renewal.
    let options = EtcdLockOptions::new(cluster.endpoints(), LOCKS).ttl(Duration::from_secs(600));
    let b = Session::with(options);
    let hold = b.lock("l", Mode::Write).await;
    let name = String::from_utf8_lossy(hold.fence().lock_key()).into_owned();
    let id = name.rsplit(['w', '-']).nth(1).expect("a lease in the name");
    let lease = i64::from_str_radix(id, 16).expect("a number");
    client.lease_revoke(lease).await.expect("it is revoked");
    b.lock("m", Mode::Write).await.check().expect("it is held");
    hold.check().expect_err("it is lost");
    assert_eq!(b.grants(), 2);
}

/// The lease ends while a request waits for its turn: it must not take the empty folder for its turn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_waits_loses_its_place_with_its_lease() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let proxy = Proxy::to(cluster.endpoint(0)).await;
    let (a, b) = (
        Session::of(&cluster).await,
        Session::at(vec![proxy.endpoint()]).await,
    );
    let hold = a.lock("k", Mode::Write).await;
    let waiting = tokio::spawn(async move {
        let acquired = b.locks.acquire("k", Mode::Write, PATIENCE).await;
        (b, acquired)
    });
    until("it waits", || names(&cluster).len() == 2).await;
    proxy.freeze();
    until("its place is gone", || names(&cluster).len() == 1).await;
    drop(hold);
    let (_b, acquired) = waiting.await.expect("no panic");
    assert!(
        matches!(acquired, Err(AcquireError::NoLease { .. })),
        "{acquired:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_was_wiped_is_refused_unless_it_is_accepted() {
    let Some(mut cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let strict = Session::of(&cluster).await;
    let options = EtcdLockOptions::new(cluster.endpoints(), LOCKS).ttl(TTL);
    let lenient = Session::with(options.accept_new_cluster(true));
    for session in [&strict, &lenient] {
        for _ in 0..20 {
            session
                .lock("k", Mode::Write)
                .await
                .check()
                .expect("it is held");
        }
    }
    cluster.kill(0);
    cluster.wipe(0);
    cluster.restart(0).await;
    until("another lease", || lenient.grants() == 2).await;
    lenient
        .lock("k", Mode::Write)
        .await
        .check()
        .expect("it is held");
    strict.event("restart the process to accept it").await;
    // Nobody waits for what cannot come.
    let refused = strict.locks.acquire("k", Mode::Write, 100 * PATIENCE);
    let refused = soon("it is refused", refused).await;
    assert!(
        matches!(refused, Err(AcquireError::NoLease { .. })),
        "{refused:?}"
    );
    assert_eq!(strict.grants(), 1);
}

/// Those who wait for etcd wait like those who wait for others, and no more of them may.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn few_wait_for_an_etcd_that_does_not_answer() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let options = EtcdLockOptions::new(cluster.endpoints(), LOCKS).ttl(TTL);
    let locks = Locks::etcd(options, LockLimits::default().max_waiters(2));
    let locks = locks.expect("the options are valid");
    let first = locks.acquire("a", Mode::Write, PATIENCE).await;
    drop(first.expect("it is free"));
    cluster.stop(0);
    let mut asking = JoinSet::new();
    for number in 0..6 {
        let locks = locks.clone();
        asking.spawn(async move {
            let key = format!("key-{number}");
            locks.acquire(&key, Mode::Write, PATIENCE).await.map(drop)
        });
    }
    for _ in 0..4 {
        let refused = asking.join_next().await.expect("a task");
        let refused = refused.expect("no panic");
        assert_eq!(refused, Err(AcquireError::TooManyWaiters));
    }
    assert_eq!(locks.waiting(), 2);
    cluster.resume(0);
    while let Some(asked) = asking.join_next().await {
        asked.expect("no panic").expect("etcd answers again");
    }
    let status = locks.status();
    assert_eq!((status.waiting, status.too_many_waiters), (0, 4));
    assert!(status.available);
}

/// A cluster that is restored from a copy may have the lease, and yet not the locks that were taken since: another
/// can take them, with a token that was given before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_was_restored_ends_the_lease_however_far_it_has_grown() {
    let Some(mut cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    for grows in [false, true] {
        // The lease is long, so that it is in the copy and lasts.
        let options = EtcdLockOptions::new(cluster.endpoints(), LOCKS).ttl(Duration::from_secs(6));
        let (a, b) = (Session::with(options.clone()), Session::with(options));
        drop((
            a.lock("k", Mode::Write).await,
            b.lock("l", Mode::Write).await,
        ));
        none_is_left(&cluster).await;
        cluster.kill(0);
        cluster.back_up(0);
        cluster.restart(0).await;
        let hold = a.lock("k", Mode::Write).await;
        let mut client = cluster.client().await;
        // Until a has written its session at least once since the copy.
        let beaten = cluster
            .entries(LOCKS, None)
            .values()
            .map(|entry| entry.mod_revision)
            .max();
        until("the session is written", || {
            let entries = cluster.entries(LOCKS, None);
            let sessions = entries.iter().filter(|(name, _)| name.starts_with(b"\0l"));
            sessions
                .map(|(_, entry)| Some(entry.mod_revision))
                .all(|revision| revision > beaten)
        })
        .await;
        for _ in 0..20 {
            client.put("/other", "x", None).await.expect("stored");
        }
        cluster.kill(0);
        cluster.restore(0);
        cluster.restart(0).await;
        if grows {
            let mut client = cluster.client().await;
            for _ in 0..200 {
                client.put("/other", "x", None).await.expect("stored");
            }
        }
        soon("it is lost", hold.lost()).await;
        a.event("the cluster has lost its history").await;
        a.event("restart the process to accept it").await;
        for session in [&a, &b] {
            let refused = session.try_lock("m", Mode::Write).await;
            assert!(
                matches!(refused, Err(AcquireError::NoLease { .. })),
                "{refused:?}"
            );
        }
        assert_eq!(a.grants(), 1);
        let mut client = cluster.client().await;
        let late = fenced_put(&mut client, hold.fence(), "/k", "a").await;
        assert_eq!(late, Err(FencedPutError::Fenced));
    }
}
