//! The readers of a snapshot.

use crate::contract::entry::Entry;
use crate::contract::error::MapTerminated;
use crate::snapshot::publisher::{Published, State};
use crate::snapshot::view::SnapshotView;
use std::fmt;
use std::sync::Arc;

/// Reads the published entries of a map, from any thread, without a lock and without entering the
/// sandbox.
///
/// [`LocalMap::snapshot`](crate::LocalMap::snapshot) copies the entries of the map as they are at
/// one instant, and returns a reader of them. Writes to the map change nothing here until its owner
/// [publishes](crate::LocalMap::publish) the entries again; then all readers see the new ones.
/// An entry expires at its deadline, in the snapshot as in the map, because readers compare it with
/// the map's [clock](crate::Clock). They read the clock only for entries that have a deadline.
///
/// Clones are cheap and read the same entries. [`read`](Self::read), [`contains`](Self::contains)
/// and, if the buffer is large enough, [`get_into`](Self::get_into) allocate nothing.
/// (The first read of a thread allocates a few hundred bytes, which the thread keeps.)
///
/// Reads are not counted in the [statistics](crate::Stats) of the map, and its
/// [policy](crate::Policy) does not see them.
///
/// ```
/// use localmap::{Host, MapOptions, Ttl};
/// use std::thread;
///
/// let mut map = Host::new()?.map(&MapOptions::new())?;
/// map.set(b"route", b"a", Ttl::Never)?;
/// let snapshot = map.snapshot()?;
/// thread::scope(|scope| {
///     for _ in 0..2 {
///         let snapshot = snapshot.clone();
///         scope.spawn(move || {
///             let route = snapshot.get(b"route").expect("the map has not ended");
///             assert_eq!(route.as_deref(), Some(&b"a"[..]));
///         });
///     }
/// });
/// map.set(b"route", b"b", Ttl::Never)?;
/// assert_eq!(snapshot.get(b"route")?.as_deref(), Some(&b"a"[..]));
/// map.publish()?;
/// assert_eq!(snapshot.get(b"route")?.as_deref(), Some(&b"b"[..]));
///
/// drop(map);
/// assert!(snapshot.get(b"route").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # The end of the map
///
/// A snapshot ends with its map: when the map is dropped or [terminates](MapTerminated), the
/// entries are freed, even if readers live longer, and each further read returns the cause and the
/// time. Only a [`read`](Self::read) that is running keeps the entries until it returns.
///
/// # Memory
///
/// The entries are in the memory of your program, in addition to the map's own. A snapshot
/// takes no more bytes than the map reports as [`Stats::bytes`](crate::Stats#structfield.bytes).
/// While new entries are being published, the old ones take memory as well. Dropping the last reader
/// frees them.
///
/// # Panics
///
/// A read panics if the map's [clock](crate::Clock) panics. This does not affect the map.
#[derive(Clone)]
pub struct Snapshot {
    published: Arc<Published>,
}

impl Snapshot {
    pub(crate) fn new(published: Arc<Published>) -> Self {
        Self { published }
    }

    /// Returns the value of `key`; `None` if it is absent. See [`Snapshot`] for an example.
    ///
    /// # Errors
    ///
    /// Returns [`MapTerminated`] if the map has ended.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, MapTerminated> {
        self.read(|view| Some(view.get(key)?.value.to_vec()))
    }

    /// Appends the value of `key` to `buffer` and returns its length in bytes; `None` if the key
    /// is absent. Reuse the buffer to save the allocation.
    ///
    /// ```
    /// # use localmap::{Host, MapOptions, Ttl};
    /// # let mut map = Host::new()?.map(&MapOptions::new())?;
    /// map.set(b"k", b"value", Ttl::Never)?;
    /// let snapshot = map.snapshot()?;
    /// let mut buffer = Vec::new();
    /// assert_eq!(snapshot.get_into(b"k", &mut buffer)?, Some(5));
    /// assert_eq!(buffer, b"value");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`MapTerminated`] if the map has ended. In this case the buffer is unchanged.
    pub fn get_into(
        &self,
        key: &[u8],
        buffer: &mut Vec<u8>,
    ) -> Result<Option<usize>, MapTerminated> {
        self.read(|view| {
            let value = view.get(key)?.value;
            buffer.extend_from_slice(value);
            Some(value.len())
        })
    }

    /// Returns the value of `key` with its version and remaining time; `None` if it is absent.
    ///
    /// ```
    /// # use localmap::{Host, MapOptions, Ttl};
    /// # let mut map = Host::new()?.map(&MapOptions::new())?;
    /// let version = map.set(b"k", b"value", Ttl::Never)?;
    /// let entry = map.snapshot()?.get_entry(b"k")?.ok_or("absent")?;
    /// assert_eq!((entry.version, entry.expires_in), (version, None));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`MapTerminated`] if the map has ended.
    pub fn get_entry(&self, key: &[u8]) -> Result<Option<Entry>, MapTerminated> {
        self.read(|view| {
            let found = view.get(key)?;
            Some(Entry {
                value: found.value.to_vec(),
                version: found.version,
                expires_in: found.expires_in,
            })
        })
    }

    /// Returns `true` if `key` is present.
    ///
    /// ```
    /// # use localmap::{Host, MapOptions, Ttl};
    /// # let mut map = Host::new()?.map(&MapOptions::new())?;
    /// let snapshot = map.snapshot()?;
    /// map.set(b"k", b"", Ttl::Never)?;
    /// assert!(!snapshot.contains(b"k")?);
    /// map.publish()?;
    /// assert!(snapshot.contains(b"k")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`MapTerminated`] if the map has ended.
    pub fn contains(&self, key: &[u8]) -> Result<bool, MapTerminated> {
        self.read(|view| view.get(key).is_some())
    }

    /// Calls `read` with a view of the entries, and returns its result. All reads through the view
    /// see the entries of one publication at one instant, and values in place, without a copy.
    ///
    /// Let `read` return soon: until it does, the entries that it sees are not freed, even if new
    /// ones are published or the map ends.
    ///
    /// ```
    /// # use localmap::{Host, MapOptions, Ttl};
    /// # let mut map = Host::new()?.map(&MapOptions::new())?;
    /// map.set(b"host", b"example.org", Ttl::Never)?;
    /// map.set(b"port", b"443", Ttl::Never)?;
    /// let bytes = map.snapshot()?.read(|view| {
    ///     let host = view.get(b"host")?;
    ///     let port = view.get(b"port")?;
    ///     Some(host.value.len() + port.value.len())
    /// })?;
    /// assert_eq!(bytes, Some(14));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`MapTerminated`] if the map has ended.
    #[inline]
    pub fn read<R>(&self, read: impl FnOnce(&SnapshotView<'_>) -> R) -> Result<R, MapTerminated> {
        match &**self.published.state.load() {
            State::Entries(table) => Ok(read(&SnapshotView::new(table, &self.published.time))),
            State::Terminated(terminated) => Err(terminated.clone()),
        }
    }

    /// Returns the bytes of memory that the published entries take; 0 if the map has ended.
    ///
    /// ```
    /// # use localmap::{Host, MapOptions, Ttl};
    /// # let mut map = Host::new()?.map(&MapOptions::new())?;
    /// map.set(b"k", b"value", Ttl::Never)?;
    /// let snapshot = map.snapshot()?;
    /// assert!(snapshot.memory() as u64 <= map.stats()?.bytes);
    /// drop(map);
    /// assert_eq!(snapshot.memory(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn memory(&self) -> usize {
        match &**self.published.state.load() {
            State::Entries(table) => table.memory(),
            State::Terminated(_) => 0,
        }
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let memory = self.memory();
        f.debug_struct("Snapshot")
            .field("memory", &memory)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, ManualClock};
    use crate::contract::error::TerminationCause;
    use crate::snapshot::publisher::Publisher;
    use crate::snapshot::table::{Record, Table, TableBuilder};
    use crate::snapshot::time::SharedTime;
    use crate::sync::thread;
    use std::num::NonZeroU64;
    use std::time::Duration;

    const SCHEDULES: usize = 1_000;

    /// Returns a table in which the keys `a` and `b` have the value `number`.
    fn table(number: u8, deadline: Option<u64>) -> Table {
        let mut table = TableBuilder::default();
        for key in [b"a", b"b"] {
            table.add(&Record {
                key,
                value: &[number],
                version: number.into(),
                deadline: deadline.and_then(NonZeroU64::new),
            });
        }
        table.build()
    }

    /// A clock that lets other threads run when it is read.
    #[derive(Clone, Default)]
    struct Interrupted(ManualClock);

    impl Clock for Interrupted {
        fn now(&self) -> Duration {
            thread::yield_now();
            self.0.now()
        }
    }

    impl Interrupted {
        fn shared(&self) -> Arc<SharedTime> {
            Arc::new(SharedTime::new(Arc::new(self.clone()), 0))
        }
    }

    /// Publishes a table. Returns the publisher and a reader.
    fn publish(number: u8, deadline: Option<u64>, clock: &Interrupted) -> (Publisher, Snapshot) {
        let mut publisher = Publisher::new();
        let published = publisher.publish(table(number, deadline), &clock.shared());
        (publisher, Snapshot::new(published))
    }

    /// Returns the value of both keys.
    fn read(snapshot: &Snapshot) -> Option<u8> {
        let read = snapshot.read(|view| {
            let a = view.get(b"a").expect("a key").value;
            thread::yield_now();
            assert_eq!(a, view.get(b"b").expect("a key").value);
            a[0]
        });
        read.ok()
    }

    #[test]
    fn a_read_sees_one_publication_and_later_reads_no_earlier_one() {
        let explore = || {
            let clock = Interrupted::default();
            let (mut publisher, snapshot) = publish(0, Some(9), &clock);
            let readers = [(); 2].map(|()| {
                let snapshot = snapshot.clone();
                thread::spawn(move || {
                    let reads = [(); 3].map(|()| read(&snapshot).expect("it is live"));
                    assert!(reads.is_sorted());
                })
            });
            for number in 1..=2 {
                publisher.publish(table(number, Some(9)), &clock.shared());
                thread::yield_now();
            }
            assert_eq!(read(&snapshot), Some(2));
            for reader in readers {
                reader.join().expect("no panic");
            }
        };
        shuttle::check_random(explore, SCHEDULES);
    }

    /// A read that has begun may return entries. After it, nothing keeps them.
    #[test]
    fn the_end_of_the_map_frees_the_entries_while_readers_live() {
        let explore = || {
            let (publisher, snapshot) = publish(1, Some(9), &Interrupted::default());
            let entries = Arc::downgrade(&snapshot.published.state.load_full());
            let reader = {
                let snapshot = snapshot.clone();
                thread::spawn(move || {
                    let reads = [read(&snapshot), read(&snapshot)];
                    assert!(reads[0].is_some() || reads[1].is_none());
                })
            };
            drop(publisher);
            assert_eq!(read(&snapshot), None);
            reader.join().expect("no panic");
            assert!(entries.upgrade().is_none());
            let terminated = snapshot.get(b"a").expect_err("it has ended");
            assert!(matches!(terminated.cause(), TerminationCause::Dropped));
        };
        shuttle::check_random(explore, SCHEDULES);
    }

    /// Readers may be dropped, and made from others, while the owner publishes.
    #[test]
    fn the_last_reader_frees_the_entries() {
        let explore = || {
            let clock = Interrupted::default();
            let (mut publisher, snapshot) = publish(0, None, &clock);
            let reader = thread::spawn(move || {
                let clone = snapshot.clone();
                drop(snapshot);
                thread::yield_now();
                assert!(read(&clone).is_some());
            });
            let published = publisher.publish(table(1, None), &clock.shared());
            let entries = Arc::downgrade(&published.state.load_full());
            drop(published);
            reader.join().expect("no panic");
            assert!(!publisher.has_readers());
            assert!(entries.upgrade().is_none());
        };
        shuttle::check_random(explore, SCHEDULES);
    }

    /// The clock steps back before the first thread reports what it has seen.
    #[test]
    fn what_one_thread_has_seen_expire_is_expired_for_all() {
        let explore = || {
            let clock = Interrupted::default();
            let (_publisher, snapshot) = publish(1, Some(9), &clock);
            clock.0.set(Duration::from_nanos(8));
            assert!(snapshot.contains(b"a").expect("it is live"));
            clock.0.set(Duration::from_nanos(9));
            let first = {
                let snapshot = snapshot.clone();
                thread::spawn(move || snapshot.contains(b"a").expect("it is live"))
            };
            clock.0.set(Duration::from_nanos(3));
            let seen = first.join().expect("no panic");
            let again = snapshot.contains(b"b").expect("it is live");
            assert!(seen || !again);
        };
        shuttle::check_random(explore, SCHEDULES);
    }

    /// A map records the times that it has seen, and readers the deadlines.
    #[test]
    fn a_map_and_its_readers_agree_if_the_clock_steps_back() {
        let explore = || {
            let clock = Interrupted::default();
            let (time, mut publisher) = (clock.shared(), Publisher::new());
            let snapshot = Snapshot::new(publisher.publish(table(1, Some(9)), &time));
            let left = |snapshot: &Snapshot| {
                let entry = snapshot.get_entry(b"a").expect("it is live")?;
                entry.expires_in.map(|left| left.as_nanos())
            };
            assert_eq!(left(&snapshot), Some(9));
            assert_eq!(time.record(7), 7);
            assert_eq!(left(&snapshot), Some(2));
            clock.0.set(Duration::from_nanos(10));
            assert_eq!(left(&snapshot), None);
            clock.0.set(Duration::ZERO);
            assert_eq!(time.record(8), 9);
            assert_eq!(left(&snapshot), None);
        };
        shuttle::check_random(explore, 1);
    }
}
