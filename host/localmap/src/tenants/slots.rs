//! A concurrent table of tenants. Finding a tenant takes no lock; adding and removing one locks the
//! directory, which knows the tenants by name and by their last use.
//!
//! # Races
//!
//! - Threads that look for the same new tenant take the same lock in `creating`. The first one creates
//!   it, and the others find it.
//! - A tenant is retired only if its use count is zero, by the same atomic operation that keeps later
//!   uses from beginning. A thread that has found a retired tenant creates another one in its place.
//!   The thread that has retired it removes it from the table, unless another one is there.
//! - Locks are taken in this order: `creating`, `directory`. Nothing is created or ended while the
//!   directory is locked.

use crate::clock::Clock;
use crate::contract::duration::nanos;
use crate::sync::{AtomicU64, Mutex, Ordering, lock};
use crate::tenants::hasher::{SeededState, seeded};
use crate::tenants::name::TenantName;
use papaya::HashSet;
use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hash, Hasher};
use std::ops::{Bound, Deref};
use std::ptr;
use std::sync::Arc;

/// The number of locks for creating tenants.
const STRIPES: usize = 64;

/// The number of tenants that a sweep visits before it releases the lock for a moment.
const VISITED_PER_LOCK: usize = 256;

/// The number of tenants that a search for the idlest one visits at most.
const VISITED_FOR_IDLEST: usize = 4096;

/// The bit of a use count that keeps uses from beginning.
const RETIRED: u64 = 1 << 63;

/// A tenant with its value. What a use needs comes first, next to the counts of the `Arc`.
#[repr(C)]
pub(crate) struct Slot<V> {
    /// The number of uses that have not ended, and the bit [`RETIRED`].
    uses: AtomicU64,
    /// The time at which the last use ended, in nanoseconds of the clock.
    last_used: AtomicU64,
    name: TenantName,
    clock: Arc<dyn Clock>,
    value: V,
    class: usize,
    id: u64,
    /// The last use that the directory knows of. Written under its lock.
    seen: AtomicU64,
}

impl<V> Slot<V> {
    /// Begins a use, unless the tenant is retired.
    fn begin_use(self: Arc<Self>) -> Option<Use<V>> {
        let before = self.uses.fetch_add(1, Ordering::Acquire);
        if before & RETIRED == 0 {
            return Some(Use { slot: self });
        }
        self.uses.fetch_sub(1, Ordering::Relaxed);
        None
    }

    /// Ends a use.
    fn end_use(&self) {
        let now = nanos(self.clock.now());
        if self.last_used.load(Ordering::Relaxed) < now {
            self.last_used.store(now, Ordering::Relaxed);
        }
        self.uses.fetch_sub(1, Ordering::Release);
    }

    /// Retires the tenant if it is not in use. Returns `false` if it is.
    fn retire(&self) -> bool {
        let retired = self
            .uses
            .compare_exchange(0, RETIRED, Ordering::Acquire, Ordering::Relaxed);
        retired.is_ok()
    }

    /// Returns `true` if the tenant has been taken out, or is about to be.
    pub(crate) fn is_retired(&self) -> bool {
        self.uses.load(Ordering::Acquire) & RETIRED != 0
    }

    /// Returns the time since which the tenant has been idle; `None` if it is in use.
    pub(crate) fn idle_since(&self) -> Option<u64> {
        let idle = self.uses.load(Ordering::Acquire) & !RETIRED == 0;
        idle.then(|| self.last_used.load(Ordering::Relaxed))
    }

    pub(crate) fn name(&self) -> &TenantName {
        &self.name
    }

    pub(crate) fn class(&self) -> usize {
        self.class
    }
}

impl<V> Deref for Slot<V> {
    type Target = V;

    fn deref(&self) -> &V {
        &self.value
    }
}

/// One use of a tenant, which keeps it from being retired as idle.
pub(crate) struct Use<V> {
    slot: Arc<Slot<V>>,
}

impl<V> Deref for Use<V> {
    type Target = Slot<V>;

    fn deref(&self) -> &Slot<V> {
        &self.slot
    }
}

impl<V> Drop for Use<V> {
    fn drop(&mut self) {
        self.slot.end_use();
    }
}

/// A tenant in the table, which finds it by its name.
struct Named<V>(Arc<Slot<V>>);

impl<V> Borrow<[u8]> for Named<V> {
    fn borrow(&self) -> &[u8] {
        self.0.name.as_bytes()
    }
}

impl<V> Hash for Named<V> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.name.as_bytes().hash(state);
    }
}

impl<V> PartialEq for Named<V> {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl<V> Eq for Named<V> {}

/// The tenants of a class, by the time at which they were last seen, and their numbers.
type ByUse<V> = BTreeMap<(u64, u64), Arc<Slot<V>>>;

/// All tenants, by name and, for each class, by last use.
struct Directory<V> {
    /// Also those that are retired, until they are removed.
    by_name: BTreeMap<TenantName, Arc<Slot<V>>>,
    /// Without those that are retired. A tenant may have been used since it was last seen, never
    /// before.
    by_use: Vec<ByUse<V>>,
    last_id: u64,
}

impl<V> Directory<V> {
    /// Takes a tenant out of the order of last use.
    fn forget_use(&mut self, slot: &Slot<V>) {
        let key = (slot.seen.load(Ordering::Relaxed), slot.id);
        if let Some(order) = self.by_use.get_mut(slot.class) {
            order.remove(&key);
        }
    }

    /// Puts a tenant into the order of last use.
    fn see(&mut self, slot: Arc<Slot<V>>, seen: u64) {
        slot.seen.store(seen, Ordering::Relaxed);
        if let Some(order) = self.by_use.get_mut(slot.class) {
            order.insert((seen, slot.id), slot);
        }
    }

    /// Returns the last use of the tenant of a class that was seen longest ago.
    fn first_seen(&self, class: usize) -> Option<u64> {
        let (key, _) = self.by_use.get(class)?.first_key_value()?;
        Some(key.0)
    }
}

/// A concurrent table of tenants.
pub(crate) struct Slots<V> {
    table: HashSet<Named<V>, SeededState>,
    hasher: SeededState,
    creating: [Mutex<()>; STRIPES],
    directory: Mutex<Directory<V>>,
}

impl<V> Slots<V> {
    /// Creates a table for tenants of this many classes.
    pub(crate) fn new(classes: usize) -> Self {
        Self {
            table: HashSet::with_hasher(seeded()),
            hasher: seeded(),
            creating: std::array::from_fn(|_| Mutex::new(())),
            directory: Mutex::new(Directory {
                by_name: BTreeMap::new(),
                by_use: (0..classes).map(|_| BTreeMap::new()).collect(),
                last_id: 0,
            }),
        }
    }

    /// Begins a use of a tenant; `None` if there is none of this name.
    pub(crate) fn find(&self, name: &[u8]) -> Option<Use<V>> {
        self.peek(name)?.begin_use()
    }

    /// Returns a tenant without using it; `None` if there is none of this name.
    pub(crate) fn peek(&self, name: &[u8]) -> Option<Arc<Slot<V>>> {
        Some(Arc::clone(&self.table.pin().get(name)?.0))
    }

    /// Begins a use of a tenant that is there and `usable`, or else of the one that `create` returns.
    /// Calls `end` with a tenant that is no longer usable, which `create` replaces.
    pub(crate) fn find_or_create<E>(
        &self,
        name: &TenantName,
        class: usize,
        clock: &Arc<dyn Clock>,
        usable: impl Fn(&V) -> bool,
        end: impl FnOnce(&Slot<V>),
        create: impl FnOnce() -> Result<V, E>,
    ) -> Result<Use<V>, E> {
        // The remainder is less than the number of locks.
        #[expect(clippy::cast_possible_truncation)]
        let stripe = self.hasher.hash_one(name) as usize % STRIPES;
        let _creating = lock(&self.creating[stripe]);
        let found = lock(&self.directory).by_name.get(name).cloned();
        if let Some(found) = found {
            let removed = match usable(&found) {
                true => None,
                false => self.remove(name.as_bytes()),
            };
            match removed {
                Some(slot) => end(&slot),
                None => match Arc::clone(&found).begin_use() {
                    Some(used) => return Ok(used),
                    // It is retired, and perhaps not removed yet.
                    None => self.remove_retired(&found),
                },
            }
        }
        let value = create()?;
        let now = nanos(clock.now());
        let mut directory = lock(&self.directory);
        directory.last_id += 1;
        let slot = Arc::new(Slot {
            uses: AtomicU64::new(1),
            last_used: AtomicU64::new(now),
            name: name.clone(),
            clock: Arc::clone(clock),
            value,
            class,
            id: directory.last_id,
            seen: AtomicU64::new(now),
        });
        directory.by_name.insert(name.clone(), Arc::clone(&slot));
        directory.see(Arc::clone(&slot), now);
        self.table.pin().insert(Named(Arc::clone(&slot)));
        Ok(Use { slot })
    }

    /// Retires and removes a tenant, even if it is in use.
    pub(crate) fn remove(&self, name: &[u8]) -> Option<Arc<Slot<V>>> {
        let mut directory = lock(&self.directory);
        let slot = Arc::clone(directory.by_name.get(name)?);
        let before = slot.uses.fetch_or(RETIRED, Ordering::AcqRel);
        if before & RETIRED != 0 {
            return None;
        }
        directory.forget_use(&slot);
        directory.by_name.remove(name);
        self.table.pin().remove(name);
        Some(slot)
    }

    /// Removes a tenant that is retired, unless another one has taken its place.
    pub(crate) fn remove_retired(&self, slot: &Slot<V>) {
        let mut directory = lock(&self.directory);
        let name = slot.name.as_bytes();
        let known = directory.by_name.get(name);
        if known.is_some_and(|known| ptr::eq(&raw const **known, slot)) {
            directory.by_name.remove(name);
            self.table.pin().remove(name);
        }
    }

    /// Retires the tenants that have been idle for the timeout of their class, in nanoseconds. Visits
    /// only tenants that were last seen that long ago. The caller removes them.
    pub(crate) fn retire_idle(&self, timeouts: &[u64], now: u64) -> Vec<Arc<Slot<V>>> {
        let mut retired = Vec::new();
        for (class, &timeout) in timeouts.iter().enumerate() {
            let is_due = |since| due_at(since, timeout).is_some_and(|due| due <= now);
            while self.retire_some(class, is_due, now, &mut retired) {}
        }
        retired
    }

    /// Returns `true` if there may be more.
    fn retire_some(
        &self,
        class: usize,
        is_due: impl Fn(u64) -> bool,
        now: u64,
        retired: &mut Vec<Arc<Slot<V>>>,
    ) -> bool {
        let mut directory = lock(&self.directory);
        for _ in 0..VISITED_PER_LOCK {
            if !directory.first_seen(class).is_some_and(&is_due) {
                return false;
            }
            let order = directory.by_use.get_mut(class);
            let Some((_, slot)) = order.and_then(BTreeMap::pop_first) else {
                return false;
            };
            match slot.idle_since() {
                Some(since) if !is_due(since) => directory.see(slot, since),
                Some(_) if slot.retire() => retired.push(slot),
                // It is in use. Its next visit is one timeout from now, but not in this sweep.
                _ => directory.see(slot, now.saturating_add(is_due(now).into())),
            }
        }
        true
    }

    /// Retires the tenant that has been idle for longer than any other, if that is at least for `idle`,
    /// in nanoseconds. The caller removes it.
    pub(crate) fn retire_idlest(&self, idle: u64, now: u64) -> Option<Arc<Slot<V>>> {
        let mut directory = lock(&self.directory);
        let is_due = |since| due_at(since, idle).is_some_and(|due| due <= now);
        for _ in 0..VISITED_FOR_IDLEST {
            let classes = 0..directory.by_use.len();
            let first = classes.filter_map(|class| Some((directory.first_seen(class)?, class)));
            let (seen, class) = first.min()?;
            if !is_due(seen) {
                return None;
            }
            let (_, slot) = directory.by_use.get_mut(class)?.pop_first()?;
            match slot.idle_since() {
                // All others have been used since `seen`.
                Some(since) if since <= seen && slot.retire() => return Some(slot),
                Some(since) if since > seen => directory.see(slot, since),
                _ => directory.see(slot, now.saturating_add(is_due(now).into())),
            }
        }
        None
    }

    /// Returns the time until the next tenant may have been idle for the timeout of its class, in
    /// nanoseconds; `None` if there is none, or if it is beyond the end of the clock.
    pub(crate) fn next_due(&self, timeouts: &[u64], now: u64) -> Option<u64> {
        let directory = lock(&self.directory);
        let due = timeouts
            .iter()
            .enumerate()
            .filter_map(|(class, timeout)| due_at(directory.first_seen(class)?, *timeout));
        Some(due.min()?.saturating_sub(now))
    }

    /// Returns at most `limit` tenants after a name, in the order of their names.
    pub(crate) fn list(&self, after: Option<&[u8]>, limit: usize) -> Vec<Arc<Slot<V>>> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let directory = lock(&self.directory);
        let found = directory.by_name.range::<[u8], _>((from, Bound::Unbounded));
        let live = found.filter(|(_, slot)| !slot.is_retired());
        live.take(limit).map(|(_, slot)| Arc::clone(slot)).collect()
    }

    /// Returns the number of tenants.
    pub(crate) fn len(&self) -> usize {
        let directory = lock(&self.directory);
        directory.by_use.iter().map(BTreeMap::len).sum()
    }
}

/// Returns the time at which a tenant has been idle for `timeout`; `None` if that is never.
fn due_at(since: u64, timeout: u64) -> Option<u64> {
    match timeout {
        u64::MAX => None,
        timeout => since.checked_add(timeout),
    }
}

#[cfg(test)]
mod tests;
