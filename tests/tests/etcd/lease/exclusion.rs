//! Who has a lock when all is well.

use super::{LOCKS, Session, TTL, names, none_is_left, value};
use crate::cluster::{Cluster, PATIENCE, Setup, until};
use localmap_lease::{AcquireError, EtcdLockOptions, Mode, fenced_put};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::{JoinSet, yield_now};

/// 20 sessions count with a value of etcd, which they read and write under a lock, with readers between
/// them.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_sessions_never_meet_and_their_tokens_increase() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let inside = Arc::new(AtomicI32::new(0));
    let tokens = Arc::new(Mutex::new(Vec::new()));
    let mut sessions = JoinSet::new();
    for number in 0..20 {
        let session = Session::of(&cluster).await;
        let mut client = cluster.client().await;
        let (inside, tokens) = (Arc::clone(&inside), Arc::clone(&tokens));
        sessions.spawn(async move {
            let mut written = 0;
            for round in 0..5 {
                if (number + round) % 3 == 0 {
                    let _hold = session.lock("counter", Mode::Read).await;
                    assert!(inside.fetch_add(1, Ordering::SeqCst) >= 0);
                    yield_now().await;
                    assert!(inside.fetch_sub(1, Ordering::SeqCst) > 0);
                    continue;
                }
                let hold = session.lock("counter", Mode::Write).await;
                assert_eq!(inside.swap(-1, Ordering::SeqCst), 0);
                let count: u64 = value(&mut client, "/count").await.parse().unwrap_or(0);
                let next = (count + 1).to_string();
                let stored = fenced_put(&mut client, hold.fence(), "/count", next).await;
                stored.expect("the lock is held");
                tokens.lock().expect("no panic").push(hold.fence().token());
                written += 1;
                assert_eq!(inside.swap(0, Ordering::SeqCst), -1);
                hold.check().expect("it is still held");
            }
            session.locks.end().await;
            written
        });
    }
    let written: u64 = sessions.join_all().await.into_iter().sum();
    let tokens = tokens.lock().expect("no panic").clone();
    assert_eq!(tokens.len() as u64, written);
    assert!(
        tokens.windows(2).all(|pair| pair[0] < pair[1]),
        "{tokens:?}"
    );
    let mut client = cluster.client().await;
    assert_eq!(value(&mut client, "/count").await, written.to_string());
    // Those of sessions have gone too, with their leases.
    assert!(cluster.entries(LOCKS, None).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_share_a_lock_and_a_writer_that_waits_is_not_overtaken() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let (a, b, c) = (
        Session::of(&cluster).await,
        Session::of(&cluster).await,
        Session::of(&cluster).await,
    );
    let readers = (a.lock("k", Mode::Read).await, b.lock("k", Mode::Read).await);
    let refused = c.try_lock("k", Mode::Write).await;
    assert!(matches!(refused, Err(AcquireError::Held)), "{refused:?}");
    // Another key is free, also one that begins with the same text.
    for other in ["l", "k/", "kk"] {
        drop(c.try_lock(other, Mode::Write).await.expect("it is free"));
    }
    until("what was refused is gone", || names(&cluster).len() == 2).await;
    let writer = tokio::spawn(async move {
        let hold = c.lock("k", Mode::Write).await;
        (c, hold)
    });
    until("the writer waits", || names(&cluster).len() == 3).await;
    let late = a.try_lock("k", Mode::Read).await;
    assert!(matches!(late, Err(AcquireError::Held)), "{late:?}");
    drop(readers.0);
    let late = b.try_lock("k", Mode::Read).await;
    assert!(matches!(late, Err(AcquireError::Held)), "{late:?}");
    drop(readers.1);
    let (_c, hold) = writer.await.expect("no panic");
    assert!(hold.fence().lock_key().starts_with(b"/locks/k\0w"));
    drop(hold);
    drop(a.lock("k", Mode::Read).await);
    none_is_left(&cluster).await;
}

/// What was released goes along with the next lock, of the same key or of another one.
#[tokio::test]
async fn a_lock_after_another_costs_etcd_one_write() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    // It writes nothing to renew its lease meanwhile.
    let options = EtcdLockOptions::new(cluster.endpoints(), LOCKS).ttl(Duration::from_secs(60));
    let session = Session::with(options);
    session.ready().await;
    let (mut tokens, mut names) = (Vec::new(), BTreeSet::new());
    for key in ["a", "b", "b", "c", "a", "a"].repeat(3) {
        let hold = session.lock(key, Mode::Write).await;
        tokens.push(hold.fence().token());
        names.insert(hold.fence().lock_key().to_vec());
    }
    // etcd has not been given a name each time, since it walks those of deleted keys too.
    assert!(names.len() <= 6, "{names:?}");
    // Each is the revision at which a lock was created.
    let expected: Vec<u64> = (tokens[0]..).take(tokens.len()).collect();
    assert_eq!(tokens, expected);
    none_is_left(&cluster).await;
    let readers = [
        session.lock("a", Mode::Read).await,
        session.lock("a", Mode::Read).await,
        session.lock("b", Mode::Write).await,
    ];
    let last = readers[2].fence().token();
    drop(readers);
    // All of them with one write.
    let next = session.lock("c", Mode::Write).await.fence().token();
    assert_eq!(next, last + 1);
    none_is_left(&cluster).await;
}

/// The sessions of a folder in another one are not taken for locks of that one.
#[tokio::test]
async fn a_session_is_no_lock_of_a_folder_around_it() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let outer = Session::of(&cluster).await;
    let folder = format!("{LOCKS}k/");
    let inner = Session::with(EtcdLockOptions::new(cluster.endpoints(), folder).ttl(TTL));
    inner.ready().await;
    for mode in [Mode::Write, Mode::Read] {
        let hold = outer.try_lock("k/", mode).await;
        hold.expect("nobody has it").check().expect("it is held");
        drop(inner.try_lock("a", mode).await.expect("it is free"));
    }
}

/// A request may end at any point of its way to the lock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_gives_up_leaves_nothing_behind() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let (a, b) = (Session::of(&cluster).await, Session::of(&cluster).await);
    for micros in (0..100).map(|step| step * 37) {
        for (session, key) in [(&a, "k"), (&b, "k"), (&b, "l")] {
            let mode = if micros % 2 == 0 {
                Mode::Write
            } else {
                Mode::Read
            };
            let acquire = session.locks.acquire(key, mode, PATIENCE);
            let _ = tokio::time::timeout(Duration::from_micros(micros), acquire).await;
        }
    }
    none_is_left(&cluster).await;
    for session in [&a, &b] {
        drop(
            session
                .try_lock("k", Mode::Write)
                .await
                .expect("it is free"),
        );
        until("it is released", || names(&cluster).is_empty()).await;
    }
    assert_eq!((a.grants(), b.grants()), (1, 1));
}

/// The next holder in the same process need not wait for the answer to the delete of the one before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn holders_of_one_process_follow_each_other_at_once() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let session = Session::of(&cluster).await;
    let mut last = 0;
    for round in 0..200 {
        let hold = session.try_lock("k", Mode::Write).await;
        let hold = hold.unwrap_or_else(|error| panic!("{round}: {error}"));
        assert!(hold.fence().token() > last);
        last = hold.fence().token();
    }
    none_is_left(&cluster).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_session_frees_its_locks_at_once() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let long = EtcdLockOptions::new(cluster.endpoints(), LOCKS).ttl(Duration::from_secs(600));
    let a = Session::with(long);
    let b = Session::of(&cluster).await;
    let hold = a.lock("k", Mode::Write).await;
    a.locks.end().await;
    hold.check().expect_err("it is lost");
    drop(hold);
    drop(b.try_lock("k", Mode::Write).await.expect("it is free"));
    let refused = a.try_lock("k", Mode::Write).await;
    assert!(
        matches!(refused, Err(AcquireError::NoLease { .. })),
        "{refused:?}"
    );
    // One that is dropped with all of its locks ends too.
    let c = Session::with(EtcdLockOptions::new(cluster.endpoints(), LOCKS).ttl(TTL));
    let hold = c.lock("l", Mode::Write).await;
    drop(c);
    hold.check().expect("the lock keeps the lease");
    drop(hold);
    drop((a, b));
    until("all is gone", || cluster.entries(LOCKS, None).is_empty()).await;
}
