//! Sessions whose connections, and whose etcd, fail at random, for half a minute: no two hold a lock at the same
//! time, and no write that is fenced is lost.

use super::{LOCKS, Session, TTL, none_is_left, value};
use crate::cluster::{Cluster, Proxy, Setup, soon};
use localmap_lease::{EtcdLockOptions, FencedPutError, Mode, fenced_put};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::sleep;

const SESSIONS: usize = 6;
const TIME: Duration = Duration::from_secs(30);

/// The time for which a session knew that it held the lock.
struct Held {
    mode: Mode,
    token: u64,
    from: Instant,
    until: Instant,
}

/// What a session has done.
#[derive(Default)]
struct Done {
    held: Vec<Held>,
    stored: u64,
    unknown: u64,
    fenced: u64,
    refused: u64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes half a minute: just chaos"]
async fn no_two_hold_a_lock_whatever_fails() {
    let Some(mut cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let stop = Arc::new(AtomicBool::new(false));
    let mut sessions = JoinSet::new();
    let mut proxies = Vec::new();
    for number in 0..SESSIONS {
        let proxy = Proxy::to(cluster.endpoint(0)).await;
        let options = EtcdLockOptions::new([proxy.endpoint()], LOCKS).ttl(TTL);
        let session = Session::with(options);
        session.ready().await;
        proxies.push(proxy);
        let client = cluster.client().await;
        sessions.spawn(work(session, client, number as u64, Arc::clone(&stop)));
    }
    let mut random = fastrand::Rng::with_seed(7);
    let began = Instant::now();
    while began.elapsed() < TIME {
        sleep(Duration::from_millis(random.u64(50..400))).await;
        let proxy = &proxies[random.usize(..SESSIONS)];
        match random.u8(..20) {
            0..6 => proxy.freeze(),
            6..8 => proxy.cut(),
            8..10 => proxy.freeze_after(random.u64(1..300)),
            10 => {
                cluster.stop(0);
                sleep(Duration::from_millis(random.u64(100..3_000))).await;
                cluster.resume(0);
            }
            11 => {
                cluster.kill(0);
                cluster.restart(0).await;
            }
            _ => proxies.iter().for_each(Proxy::open),
        }
    }
    proxies.iter().for_each(Proxy::open);
    stop.store(true, Ordering::SeqCst);
    let done = soon("the sessions end", sessions.join_all()).await;
    let sum = |of: fn(&Done) -> u64| done.iter().map(of).sum::<u64>();
    let (stored, unknown) = (sum(|done| done.stored), sum(|done| done.unknown));
    eprintln!(
        "{stored} stored, {unknown} unknown, {} fenced, {} without a lock",
        sum(|done| done.fenced),
        sum(|done| done.refused)
    );
    let mut held: Vec<&Held> = done.iter().flat_map(|done| &done.held).collect();
    held.sort_by_key(|held| held.from);
    for (at, first) in held.iter().enumerate() {
        for second in held[at + 1..]
            .iter()
            .take_while(|other| other.from < first.until)
        {
            let shared = first.mode == Mode::Read && second.mode == Mode::Read;
            assert!(shared, "{} and {}", first.token, second.token);
        }
    }
    let mut writers = held.iter().filter(|held| held.mode == Mode::Write);
    let mut last = 0;
    assert!(writers.all(|held| std::mem::replace(&mut last, held.token) < held.token));
    let mut client = cluster.client().await;
    let count: u64 = value(&mut client, "/count")
        .await
        .parse()
        .expect("a number");
    assert!(
        (stored..=stored + unknown).contains(&count),
        "{count} of {stored}"
    );
    assert!(stored > 20, "{stored}");
    none_is_left(&cluster).await;
}

/// Counts with a value of etcd under a lock, until it is stopped.
async fn work(
    session: Session,
    mut client: etcd_client::Client,
    seed: u64,
    stop: Arc<AtomicBool>,
) -> Done {
    let mut done = Done::default();
    let mut random = fastrand::Rng::with_seed(seed);
    while !stop.load(Ordering::SeqCst) {
        let mode = match random.u8(..3) {
            0 => Mode::Read,
            _ => Mode::Write,
        };
        let wait = Duration::from_millis(random.u64(0..4_000));
        let Ok(hold) = session.locks.acquire("k", mode, wait).await else {
            done.refused += 1;
            sleep(Duration::from_millis(5)).await;
            continue;
        };
        let from = Instant::now();
        let mut until = from;
        let found = client.get("/count", None).await;
        if random.u8(..4) == 0 {
            // Longer than some leases last.
            sleep(Duration::from_millis(random.u64(0..3_000))).await;
        }
        if let (Mode::Write, Ok(found)) = (mode, found) {
            let count = found.kvs().first().map(|entry| entry.value().to_vec());
            let count = String::from_utf8(count.unwrap_or_default()).expect("UTF-8");
            let next = count.parse::<u64>().unwrap_or(0) + 1;
            match fenced_put(&mut client, hold.fence(), "/count", next.to_string()).await {
                Ok(_) => done.stored += 1,
                Err(FencedPutError::Fenced) => done.fenced += 1,
                Err(_) => done.unknown += 1,
            }
        }
        let now = Instant::now();
        if hold.check().is_ok() {
            until = now;
        }
        done.held.push(Held {
            mode,
            token: hold.fence().token(),
            from,
            until,
        });
    }
    done
}
