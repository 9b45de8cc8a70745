//! Maps by the names of their tenants: which are in use, and since when the others are idle.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

/// A registry of maps, one for each tenant, which knows how long each of them has been idle.
///
/// A tenant is a name: any bytes, such as the value of a header. `M` is a handle to its map,
/// whose clones are one map, such as `Arc<Mutex<LocalMap>>`.
///
/// The registry drops no map on its own, and it has no clock: callers pass the time, and
/// decide with [`remove_idle`](Self::remove_idle) which maps to drop.
///
/// ```
/// use localmap::{CreateError, Host, LocalMap, MapOptions, Tenants, Ttl, lock};
/// use std::sync::{Arc, Mutex};
/// use std::time::{Duration, Instant};
///
/// let host = Host::new()?;
/// let mut tenants = Tenants::<Arc<Mutex<LocalMap>>>::new();
///
/// // A request of the tenant `alice`, which has no map yet.
/// let create = || Ok::<_, CreateError>(Arc::new(Mutex::new(host.map(&MapOptions::new())?)));
/// let (name, map) = tenants.check_out(b"alice", |_| true, create)?;
/// lock(&map).set(b"seen", b"yes", Ttl::Never)?;
/// drop(map);
/// tenants.check_in(&name, Instant::now());
///
/// // Drops the maps that have been idle for five minutes: none yet.
/// let idle = |since: Instant| since.elapsed() >= Duration::from_secs(300);
/// assert!(tenants.remove_idle(idle).is_empty());
/// assert_eq!(tenants.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Tenants<M> {
    maps: HashMap<Arc<[u8]>, Tenant<M>>,
    /// The tenants that no one uses, longest idle first.
    idle: BTreeSet<(Instant, Arc<[u8]>)>,
}

struct Tenant<M> {
    map: M,
    usage: Usage,
}

/// Whether anyone uses a map.
enum Usage {
    /// The number of check-outs without their check-in, at least 1.
    InUse(usize),
    /// The time of the last check-in.
    IdleSince(Instant),
}

impl<M> Default for Tenants<M> {
    fn default() -> Self {
        Self {
            maps: HashMap::new(),
            idle: BTreeSet::new(),
        }
    }
}

impl<M> Tenants<M> {
    /// Creates a registry without tenants. [`Tenants`] has an example.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the number of maps, in use and idle together. [`Tenants`] has an example.
    pub fn len(&self) -> usize {
        self.maps.len()
    }

    /// Returns `true` if there is no map.
    ///
    /// ```
    /// let tenants = localmap::Tenants::<u32>::new();
    /// assert!(tenants.is_empty());
    /// assert_eq!(tenants.idle_since(), None);
    /// ```
    pub fn is_empty(&self) -> bool {
        self.maps.is_empty()
    }

    /// Returns the time since which the longest idle map has been idle, or `None` if no map is
    /// idle. The example of [`is_empty`](Self::is_empty) shows it.
    pub fn idle_since(&self) -> Option<Instant> {
        self.idle.first().map(|(since, _)| *since)
    }

    /// Ends one use of the map of `name`, which [`check_out`](Self::check_out) began. The map
    /// is idle from `now` on if this was its last use. Does nothing for a name without a map
    /// in use. [`Tenants`] has an example.
    pub fn check_in(&mut self, name: &Arc<[u8]>, now: Instant) {
        let Some(tenant) = self.maps.get_mut(name) else {
            return;
        };
        match &mut tenant.usage {
            Usage::InUse(1) => {
                tenant.usage = Usage::IdleSince(now);
                self.idle.insert((now, Arc::clone(name)));
            }
            Usage::InUse(uses) => *uses -= 1,
            Usage::IdleSince(_) => {}
        }
    }

    /// Removes the idle maps for which `remove` returns `true` of the time since which they
    /// have been idle, longest idle first, up to the first one for which it returns `false`.
    /// Returns them, for the caller to drop: without a lock that others wait for, say.
    /// [`Tenants`] has an example.
    pub fn remove_idle(&mut self, remove: impl Fn(Instant) -> bool) -> Vec<M> {
        let mut removed = Vec::new();
        while self.idle_since().is_some_and(&remove) {
            let Some((_, name)) = self.idle.pop_first() else {
                break;
            };
            removed.extend(self.maps.remove(&name).map(|tenant| tenant.map));
        }
        removed
    }
}

impl<M: Clone> Tenants<M> {
    /// Begins one use of the map of `name`, to be ended with [`check_in`](Self::check_in).
    /// Returns the name, as the registry keeps it, and the map.
    ///
    /// Calls `create` for a name without a map, and for one whose map is not `usable` any
    /// more: the new map then takes the place of the old one for all later uses. [`Tenants`] has
    /// an example.
    ///
    /// # Errors
    ///
    /// Returns the error of `create`. The registry is then as it was before.
    pub fn check_out<E>(
        &mut self,
        name: &[u8],
        usable: impl FnOnce(&M) -> bool,
        create: impl FnOnce() -> Result<M, E>,
    ) -> Result<(Arc<[u8]>, M), E> {
        match self.maps.entry(Arc::from(name)) {
            Entry::Occupied(mut known) => {
                if !usable(&known.get().map) {
                    known.get_mut().map = create()?;
                }
                let name = Arc::clone(known.key());
                let tenant = known.get_mut();
                tenant.usage = match tenant.usage {
                    Usage::InUse(uses) => Usage::InUse(uses + 1),
                    Usage::IdleSince(since) => {
                        self.idle.remove(&(since, Arc::clone(&name)));
                        Usage::InUse(1)
                    }
                };
                Ok((name, tenant.map.clone()))
            }
            Entry::Vacant(unknown) => {
                let map = create()?;
                let name = Arc::clone(unknown.key());
                unknown.insert(Tenant {
                    map: map.clone(),
                    usage: Usage::InUse(1),
                });
                Ok((name, map))
            }
        }
    }
}

impl<M> fmt::Debug for Tenants<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenants")
            .field("maps", &self.maps.len())
            .field("idle", &self.idle.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::time::Duration;

    const SECOND: Duration = Duration::from_secs(1);

    fn check_out(tenants: &mut Tenants<u32>, name: &str, create: u32) -> (Arc<[u8]>, u32) {
        let checked_out =
            tenants.check_out(name.as_bytes(), |_| true, || Ok::<_, Infallible>(create));
        checked_out.expect("it is created")
    }

    #[test]
    fn each_name_has_one_map_for_all_of_its_uses() {
        let mut tenants = Tenants::default();
        assert_eq!(check_out(&mut tenants, "a", 1).1, 1);
        assert_eq!(check_out(&mut tenants, "b", 2).1, 2);
        assert_eq!(check_out(&mut tenants, "a", 3).1, 1);
        assert_eq!(check_out(&mut tenants, "", 4).1, 4);
    }

    #[test]
    fn a_map_is_idle_after_its_last_check_in() {
        let mut tenants = Tenants::default();
        let start = Instant::now();
        let (name, _) = check_out(&mut tenants, "a", 1);
        check_out(&mut tenants, "a", 0);
        tenants.check_in(&name, start);
        assert_eq!(tenants.idle_since(), None);
        tenants.check_in(&name, start + SECOND);
        assert_eq!(tenants.idle_since(), Some(start + SECOND));
        check_out(&mut tenants, "a", 0);
        assert_eq!(tenants.idle_since(), None);
        assert!(tenants.remove_idle(|_| true).is_empty());
    }

    #[test]
    fn maps_that_are_idle_for_long_enough_are_removed_and_no_others() {
        let mut tenants = Tenants::default();
        let start = Instant::now();
        for (at, name) in (0..).zip(["a", "b", "c", "d"]) {
            let (name, _) = check_out(&mut tenants, name, at);
            if &*name != b"d" {
                tenants.check_in(&name, start + at * SECOND);
            }
        }
        // Used once more, so that it became idle last.
        let (a, _) = check_out(&mut tenants, "a", 9);
        tenants.check_in(&a, start + 5 * SECOND);
        assert_eq!(tenants.idle_since(), Some(start + SECOND));
        assert_eq!(
            tenants.remove_idle(|since| since <= start + 2 * SECOND),
            [1, 2]
        );
        assert_eq!(tenants.idle_since(), Some(start + 5 * SECOND));
        assert_eq!(check_out(&mut tenants, "a", 9).1, 0);
        assert_eq!(check_out(&mut tenants, "b", 9).1, 9);
        assert_eq!(check_out(&mut tenants, "d", 9).1, 3);
    }

    #[test]
    fn a_map_that_is_not_usable_is_replaced_for_later_uses() {
        let mut tenants = Tenants::default();
        let (name, _) = check_out(&mut tenants, "a", 1);
        let replaced = tenants.check_out(b"a", |_| false, || Ok::<_, Infallible>(2));
        assert_eq!(replaced.expect("it is created").1, 2);
        assert_eq!(check_out(&mut tenants, "a", 3).1, 2);
        for _ in 0..3 {
            assert_eq!(tenants.idle_since(), None);
            tenants.check_in(&name, Instant::now());
        }
        assert_eq!(tenants.remove_idle(|_| true), [2]);
    }

    #[test]
    fn an_error_of_create_changes_nothing() {
        let mut tenants = Tenants::<u32>::default();
        assert_eq!(
            tenants.check_out(b"a", |_| true, || Err("full")),
            Err("full")
        );
        let (name, _) = check_out(&mut tenants, "a", 1);
        tenants.check_in(&name, Instant::now());
        assert_eq!(
            tenants.check_out(b"a", |_| false, || Err("full")),
            Err("full")
        );
        assert_eq!(tenants.remove_idle(|_| true), [1]);
    }
}
