//! The locks of one process: a fair lock for each key that somebody holds or waits for.
//!
//! tokio's `RwLock` gives a lock to those that wait in the order in which they came, and loses nothing if
//! one of them goes away. A key is in the table while it has users, so an idle key takes no memory.

use crate::limits::LockLimits;
#[cfg(feature = "etcd")]
use crate::lock_name::LockName;
use crate::mode::Mode;
use localmap::lock;
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};
use tokio::time::{Instant, timeout_at};

/// The number of parts of the table, each with a lock of its own. A power of two.
const SHARDS: usize = 64;

/// The locks of a process.
pub(crate) struct Table {
    shards: Vec<Mutex<Shard>>,
    /// Chooses the shard of a key. Keys come from clients, so it is seeded.
    hasher: RandomState,
    limits: LockLimits,
    waiting: AtomicU32,
}

type Shard = HashMap<Arc<str>, Slot>;

/// The lock of a key.
struct Slot {
    lock: Arc<RwLock<()>>,
    /// Those that hold it, wait for it, or clean up after it.
    users: u32,
    waiting: u32,
    /// The names of ended holds that are still elsewhere: see [`User::add_stale`].
    #[cfg(feature = "etcd")]
    stale: Vec<Arc<LockName>>,
}

/// The reason why a lock cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoLock {
    /// Others hold it for longer than one may wait.
    Held,
    /// Too many wait for it, or for all locks.
    TooManyWaiters,
}

/// A user of a key, which keeps it in the table.
pub(crate) struct User {
    table: Arc<Table>,
    key: Arc<str>,
    shard: usize,
}

/// A lock that is held.
pub(crate) struct Held {
    // Dropped first: the key stays in the table until its lock is free.
    _guard: Guard,
    user: User,
}

enum Guard {
    Read(#[expect(dead_code, reason = "it is held")] OwnedRwLockReadGuard<()>),
    Write(#[expect(dead_code, reason = "it is held")] OwnedRwLockWriteGuard<()>),
}

impl Table {
    pub(crate) fn new(limits: LockLimits) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            limits,
            waiting: AtomicU32::new(0),
        }
    }

    /// Acquires a lock without waiting; `None` if it must wait.
    pub(crate) fn try_acquire(self: &Arc<Self>, key: &Arc<str>, mode: Mode) -> Option<Held> {
        let (user, lock) = self.enter(key);
        let _guard = try_lock(lock, mode)?;
        Some(Held { _guard, user })
    }

    /// Acquires a lock. Waits for it until `until`, behind those that wait already.
    pub(crate) async fn acquire(
        self: &Arc<Self>,
        key: &Arc<str>,
        mode: Mode,
        until: Instant,
    ) -> Result<Held, NoLock> {
        let (user, lock) = self.enter(key);
        let _guard = match try_lock(Arc::clone(&lock), mode) {
            Some(guard) => guard,
            None => {
                let _waiting = user.wait()?;
                let acquired = timeout_at(until, async {
                    match mode {
                        Mode::Read => Guard::Read(lock.read_owned().await),
                        Mode::Write => Guard::Write(lock.write_owned().await),
                    }
                });
                acquired.await.map_err(|_| NoLock::Held)?
            }
        };
        Ok(Held { _guard, user })
    }

    fn enter(self: &Arc<Self>, key: &Arc<str>) -> (User, Arc<RwLock<()>>) {
        let hash = self.hasher.hash_one(&**key);
        #[expect(clippy::cast_possible_truncation, reason = "some of its bits")]
        let shard = hash as usize % SHARDS;
        let user = User {
            table: Arc::clone(self),
            key: Arc::clone(key),
            shard,
        };
        let mut slots = self.shard(shard);
        let slot = slots.entry(Arc::clone(key)).or_insert_with(|| Slot {
            lock: Arc::new(RwLock::new(())),
            users: 0,
            waiting: 0,
            #[cfg(feature = "etcd")]
            stale: Vec::new(),
        });
        slot.users = slot.users.saturating_add(1);
        let lock = Arc::clone(&slot.lock);
        drop(slots);
        (user, lock)
    }

    fn shard(&self, shard: usize) -> MutexGuard<'_, Shard> {
        // The index is that of a shard.
        lock(&self.shards[shard % SHARDS])
    }

    /// Returns the number of keys with users.
    pub(crate) fn keys(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// Returns the number of those that wait.
    pub(crate) fn waiting(&self) -> u32 {
        self.waiting.load(Ordering::Relaxed)
    }
}

fn try_lock(lock: Arc<RwLock<()>>, mode: Mode) -> Option<Guard> {
    match mode {
        Mode::Read => lock.try_read_owned().ok().map(Guard::Read),
        Mode::Write => lock.try_write_owned().ok().map(Guard::Write),
    }
}

impl Held {
    #[cfg(feature = "etcd")]
    pub(crate) fn user(&self) -> &User {
        &self.user
    }

    pub(crate) fn key(&self) -> &Arc<str> {
        &self.user.key
    }
}

impl User {
    /// Takes a place among those that wait for the key, until the result is dropped.
    pub(crate) fn wait(&self) -> Result<Waiting<'_>, NoLock> {
        Waiting::begin(self)
    }

    /// Calls with the slot of the key.
    fn with<R>(&self, call: impl FnOnce(&mut Slot) -> R) -> Option<R> {
        self.table.shard(self.shard).get_mut(&self.key).map(call)
    }
}

/// What a back end outside of the process still has of ended holds. The next hold of the key removes it
/// together with its own request.
#[cfg(feature = "etcd")]
impl User {
    /// Notes that an ended hold is still known elsewhere by this name.
    pub(crate) fn add_stale(&self, name: &Arc<LockName>) {
        self.with(|slot| slot.stale.push(Arc::clone(name)));
    }

    /// Notes that it no longer is.
    pub(crate) fn remove_stale(&self, name: &Arc<LockName>) {
        self.with(|slot| slot.stale.retain(|stale| !Arc::ptr_eq(stale, name)));
    }

    /// Returns at most `max` of the names.
    pub(crate) fn stale(&self, max: usize) -> Vec<Arc<LockName>> {
        let stale = self.with(|slot| slot.stale.iter().take(max).cloned().collect());
        stale.unwrap_or_default()
    }
}

impl Clone for User {
    fn clone(&self) -> Self {
        self.with(|slot| slot.users = slot.users.saturating_add(1));
        Self {
            table: Arc::clone(&self.table),
            key: Arc::clone(&self.key),
            shard: self.shard,
        }
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let mut slots = self.table.shard(self.shard);
        if let Some(slot) = slots.get_mut(&self.key) {
            slot.users = slot.users.saturating_sub(1);
            if slot.users == 0 {
                let removed = slots.remove_entry(&self.key);
                drop(slots);
                // Freed without the lock.
                drop(removed);
            }
        }
    }
}

/// One that waits, until this is dropped.
pub(crate) struct Waiting<'a>(&'a User);

impl<'a> Waiting<'a> {
    fn begin(user: &'a User) -> Result<Self, NoLock> {
        let table = &user.table;
        let per_key = table.limits.waiters_per_key;
        let waits = user.with(|slot| {
            let waits = slot.waiting < per_key
                && table
                    .waiting
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |waiting| {
                        (waiting < table.limits.waiters).then_some(waiting + 1)
                    })
                    .is_ok();
            slot.waiting += u32::from(waits);
            waits
        });
        match waits {
            Some(true) => Ok(Self(user)),
            _ => Err(NoLock::TooManyWaiters),
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0
            .with(|slot| slot.waiting = slot.waiting.saturating_sub(1));
        self.0.table.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicI32;
    use std::time::Duration;
    use tokio::task::{JoinSet, yield_now};

    fn table(limits: LockLimits) -> Arc<Table> {
        Arc::new(Table::new(limits))
    }

    fn far() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[tokio::test]
    async fn writers_are_alone_and_readers_are_not() {
        let table = table(LockLimits::default());
        let key: Arc<str> = "k".into();
        let readers = [Mode::Read; 3].map(|mode| table.try_acquire(&key, mode));
        assert!(readers.iter().all(Option::is_some));
        assert!(table.try_acquire(&key, Mode::Write).is_none());
        drop(readers);
        let writer = table.try_acquire(&key, Mode::Write);
        assert!(writer.is_some());
        assert!(table.try_acquire(&key, Mode::Read).is_none());
        let other: Arc<str> = "l".into();
        assert!(table.try_acquire(&other, Mode::Write).is_some());
        drop(writer);
        assert!(table.try_acquire(&key, Mode::Read).is_some());
        assert_eq!(table.keys(), 0);
    }

    /// Readers and writers of a few keys, of which some give up at any point.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn many_tasks_never_meet_a_writer_and_leave_nothing_behind() {
        let table = table(LockLimits::default());
        let inside: Arc<Vec<AtomicI32>> = Arc::new((0..4).map(|_| AtomicI32::new(0)).collect());
        let mut tasks = JoinSet::new();
        for task in 0..64_usize {
            let (table, inside) = (Arc::clone(&table), Arc::clone(&inside));
            tasks.spawn(async move {
                let mut held = 0;
                for round in 0..200_usize {
                    let at = (task + round) % inside.len();
                    let key: Arc<str> = format!("key-{at}").into();
                    let mode = match (task * 7 + round) % 3 {
                        0 => Mode::Write,
                        _ => Mode::Read,
                    };
                    let acquire = table.acquire(&key, mode, far());
                    // Dropped after a few polls.
                    let patience = (task + round) % 5;
                    let hold = tokio::select! {
                        biased;
                        hold = acquire => hold.ok(),
                        () = yields(patience), if patience > 0 => None,
                    };
                    let Some(_hold) = hold else { continue };
                    held += 1;
                    match mode {
                        Mode::Write => {
                            assert_eq!(inside[at].swap(-1, Ordering::SeqCst), 0);
                            yield_now().await;
                            assert_eq!(inside[at].swap(0, Ordering::SeqCst), -1);
                        }
                        Mode::Read => {
                            assert!(inside[at].fetch_add(1, Ordering::SeqCst) >= 0);
                            yield_now().await;
                            assert!(inside[at].fetch_sub(1, Ordering::SeqCst) > 0);
                        }
                    }
                }
                held
            });
        }
        let held: i32 = tasks.join_all().await.into_iter().sum();
        assert!(held > 1_000, "{held}");
        assert_eq!((table.keys(), table.waiting()), (0, 0));
    }

    async fn yields(count: usize) {
        for _ in 0..count {
            yield_now().await;
        }
    }

    #[tokio::test]
    async fn those_that_wait_get_the_lock_in_their_order() {
        let table = table(LockLimits::default());
        let key: Arc<str> = "k".into();
        let first = table.try_acquire(&key, Mode::Write).expect("free");
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        for number in 0..10_u32 {
            let (of, key, order) = (Arc::clone(&table), Arc::clone(&key), Arc::clone(&order));
            let mode = match number % 4 {
                0 => Mode::Write,
                _ => Mode::Read,
            };
            tasks.spawn(async move {
                let _hold = of.acquire(&key, mode, far()).await.expect("its turn");
                lock(&order).push(number);
            });
            while table.waiting() <= number {
                yield_now().await;
            }
        }
        // One that comes later does not overtake them, even if it could share the lock.
        drop(first);
        assert!(table.try_acquire(&key, Mode::Read).is_none());
        tasks.join_all().await;
        assert_eq!(*lock(&order), (0..10).collect::<Vec<_>>());
        assert_eq!((table.keys(), table.waiting()), (0, 0));
    }

    #[tokio::test]
    async fn the_number_of_those_that_wait_is_bounded() {
        let limits = LockLimits::default().max_waiters(3).max_waiters_per_key(2);
        let table = table(limits);
        let keys: [Arc<str>; 2] = ["k".into(), "l".into()];
        let holds = keys
            .clone()
            .map(|key| table.try_acquire(&key, Mode::Write).expect("free"));
        let mut tasks = JoinSet::new();
        let mut refused = 0;
        for key in [&keys[0], &keys[0], &keys[0], &keys[1], &keys[1]] {
            let (of, key) = (Arc::clone(&table), Arc::clone(key));
            let before = (table.waiting(), tasks.len());
            tasks.spawn(async move { of.acquire(&key, Mode::Read, far()).await.err() });
            while table.waiting() == before.0 && tasks.len() > before.1 {
                if let Some(ended) = tasks.try_join_next() {
                    assert_eq!(ended.expect("no panic"), Some(NoLock::TooManyWaiters));
                    refused += 1;
                }
                yield_now().await;
            }
        }
        assert_eq!((refused, table.waiting()), (2, 3));
        drop(holds);
        assert!(tasks.join_all().await.iter().all(Option::is_none));
        assert_eq!((table.keys(), table.waiting()), (0, 0));
    }

    #[tokio::test]
    async fn one_that_waits_in_vain_leaves_its_place() {
        let table = table(LockLimits::default());
        let key: Arc<str> = "k".into();
        let hold = table.try_acquire(&key, Mode::Read).expect("free");
        let past = Instant::now();
        let refused = table.acquire(&key, Mode::Write, past).await;
        assert_eq!(refused.err(), Some(NoLock::Held));
        // Readers need not wait behind it any more.
        assert!(table.try_acquire(&key, Mode::Read).is_some());
        drop(hold);
        assert_eq!((table.keys(), table.waiting()), (0, 0));
    }
}
