//! The registry of all tenants.

use crate::cancel::handle::CancelHandle;
use crate::clock::Clock;
use crate::clock::coarse::CoarseClock;
use crate::contract::duration::nanos;
use crate::runtime::host::Host;
use crate::sync::{AtomicU64, Mutex, Ordering, lock};
use crate::tenants::checkout::Checkout;
use crate::tenants::creation::{Class, Counts, Creation};
use crate::tenants::error::{CheckoutError, ClassError, TenantsError};
use crate::tenants::history::History;
use crate::tenants::name::TenantName;
use crate::tenants::observer::{TenantEnd, TenantsObserver};
use crate::tenants::options::{TenantsOptions, WhenFull};
use crate::tenants::quotas::Quotas;
use crate::tenants::slots::{Slot, Slots, Use};
use crate::tenants::stats::{
    ClassStats, Survey, SurveyedTenant, TenantInfo, TenantState, TenantStats,
};
use crate::tenants::tenant::Tenant;
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// The maximum number of tenants that [`Tenants::list`] returns at a time.
const MAX_LISTED: usize = 1_000;

/// A registry of tenants, each with a map of its own.
///
/// A tenant is identified by a [name](TenantName) of any bytes, such as the value of a header.
/// [`checkout`](Self::checkout) returns a guard on its map, and creates the map if there is none, with
/// the limits and the first entries of the tenant's [class](crate::TenantClass). No key and no name can reach
/// another tenant's map, because each is in a store of its own.
///
/// Clones refer to the same registry. All functions can be called from any thread. A checkout of a
/// tenant that is there takes no lock that it shares with other tenants.
///
/// ```
#[doc = include_str!("../../examples/tenants.rs")]
/// ```
///
/// # Quotas
///
/// | quota | option | beyond it |
/// |---|---|---|
/// | entries and bytes of a tenant | [`Limits`](crate::Limits) in [`TenantClass::map`] | refuse, or evict within the tenant, by [`Limits::policy`](crate::Limits#structfield.policy) |
/// | operations of a tenant | [`TenantClass::rate_limit`] | [`RateLimited`](crate::RateLimited), with the time to retry |
/// | live tenants | [`TenantsOptions::max_tenants`] | [`TenantsOptions::when_full`] |
/// | bytes of all tenants | [`TenantsOptions::max_bytes`] | the same; a map that gets no more is full |
///
/// A class can [reserve](crate::TenantClass::reserved_bytes) places and bytes, which other classes cannot
/// take.
///
/// # The end of a tenant
///
/// - [`sweep`](Self::sweep) drops tenants that have been idle for the
///   [timeout](crate::TenantClass::idle_timeout) of their class. Call it when
///   [`next_sweep`](Self::next_sweep) says. A tenant that is checked out is not idle.
/// - [`remove`](Self::remove) drops a tenant even if it is checked out.
/// - A [`CancelHandle`] ends the map of a tenant ([`Checkout::cancel_handle`]), all maps of a class
///   ([`class_handle`](Self::class_handle)) or all maps ([`TenantsOptions::cancel_with`]). A class that
///   was cancelled has no tenants any more: a checkout returns [`CheckoutError::Cancelled`].
/// - A map that has [terminated](crate::MapTerminated) is reported to those that have it checked out,
///   and replaced for the next checkout. The tenant then begins again with its first entries; if it has
///   several shards, in all of them.
///
/// A guard outlives the entry of its tenant in the registry if the tenant is removed or replaced. Its
/// operations then return [`MapTerminated`](crate::MapTerminated), and never see the map that takes
/// its place.
///
/// The last [statistics](Self::stats) of a tenant are kept when it is dropped, for at most
/// [`TenantsOptions::max_history`] tenants.
///
/// [`TenantClass`]: crate::TenantClass
/// [`TenantClass::map`]: crate::TenantClass::map
/// [`TenantClass::rate_limit`]: crate::TenantClass::rate_limit
/// [`TenantClass::idle_timeout`]: crate::TenantClass::idle_timeout
/// [`TenantClass::reserved_bytes`]: crate::TenantClass::reserved_bytes
#[derive(Clone)]
pub struct Tenants {
    inner: Arc<Inner>,
}

struct Inner {
    slots: Slots<Tenant>,
    classes: Vec<Class>,
    /// The idle timeout of each class, in nanoseconds.
    timeouts: Vec<u64>,
    creation: Creation,
    history: Mutex<History>,
    observer: Option<Arc<dyn TenantsObserver>>,
    /// Measures how long tenants have been idle.
    clock: Arc<dyn Clock>,
    /// The time for which a tenant must have been idle to be dropped for others, in nanoseconds;
    /// `None` if it is not.
    evictable_after: Option<u64>,
}

impl Tenants {
    /// Creates a registry without tenants. See [`Tenants`] for an example.
    ///
    /// # Errors
    ///
    /// - Returns [`TenantsError::NoClass`] if there is no class, and
    ///   [`TenantsError::RepeatedClass`] if two have the same name.
    /// - Returns [`TenantsError::Shards`], [`TenantsError::Limits`] or
    ///   [`TenantsError::ReservedBytes`] if an option of a class is out of its range.
    /// - Returns [`TenantsError::Overcommitted`] if more is reserved than there is.
    /// - Returns [`TenantsError::TooFewMaps`] if the host has too few maps for
    ///   [`TenantsOptions::max_tenants`].
    pub fn new(host: &Host, options: TenantsOptions) -> Result<Self, TenantsError> {
        let max_tenants = options.check(host.max_maps())?;
        let quotas = Quotas::new(max_tenants, options.max_bytes, options.reserved())
            .ok_or(TenantsError::Overcommitted)?;
        let root = options.cancel_with.unwrap_or_default();
        let classes = options.classes.into_iter();
        let classes: Vec<Class> = classes
            .map(|class| Class::new(class, &root, options.clock.as_ref()))
            .collect();
        let clock = options.clock;
        let inner = Arc::new_cyclic(|inner: &Weak<Inner>| {
            let inner = Weak::clone(inner);
            let make_room = move || inner.upgrade().is_some_and(|inner| inner.evict_idlest());
            Inner {
                slots: Slots::new(classes.len()),
                history: Mutex::new(History::new(options.max_history, classes.len())),
                timeouts: classes.iter().map(Class::idle_timeout).collect(),
                classes,
                creation: Creation::new(host, quotas, Arc::new(make_room)),
                observer: options.observer,
                clock: clock.unwrap_or_else(|| Arc::new(CoarseClock::new())),
                evictable_after: match options.when_full {
                    WhenFull::Refuse => None,
                    WhenFull::DropIdlest { idle_for } => Some(nanos(idle_for)),
                },
            }
        });
        Ok(Self { inner })
    }

    /// Returns a guard on the map of a tenant, which it creates if there is none. The tenant is in use
    /// until the guard is dropped. See [`Tenants`] for an example.
    ///
    /// # Errors
    ///
    /// A tenant that is live and whose map has not terminated is always returned. Otherwise
    ///
    /// - Returns [`CheckoutError::Name`] if the name has more than
    ///   [`MAX_TENANT_NAME_LEN`](crate::MAX_TENANT_NAME_LEN) bytes.
    /// - Returns [`CheckoutError::NoClass`] if the tenant belongs to no class.
    /// - Returns [`CheckoutError::TooManyTenants`] or [`CheckoutError::NoBytes`] if a quota is
    ///   reached, and no idle tenant may be dropped for it.
    /// - Returns [`CheckoutError::Cancelled`] if the class of the tenant was cancelled.
    /// - Returns [`CheckoutError::Create`] or [`CheckoutError::Preload`] if the map cannot be created
    ///   or filled.
    pub fn checkout(&self, tenant: &[u8]) -> Result<Checkout, CheckoutError> {
        match self.inner.slots.find(tenant) {
            Some(found) if found.is_live() => Ok(Checkout::new(found)),
            _ => self.inner.create(tenant).map(Checkout::new),
        }
    }

    /// Creates and drops a tenant of each class, to find out early whether their limits and their first
    /// entries fit.
    ///
    /// ```
    /// # use localmap::{Host, Preload, TenantClass, Tenants, TenantsOptions, Ttl};
    /// let entry = Preload {
    ///     key: vec![b'k'; 1_000],
    ///     value: Vec::new(),
    ///     ttl: Ttl::Never,
    /// };
    /// let options = TenantsOptions::new().class(TenantClass::new("all").entries(vec![entry]));
    /// let tenants = Tenants::new(&Host::new()?, options)?;
    /// assert_eq!(tenants.try_classes().unwrap_err().class, "all");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the error of the first class whose [`checkout`](Self::checkout) would fail.
    pub fn try_classes(&self) -> Result<(), ClassError> {
        for (index, class) in self.inner.classes.iter().enumerate() {
            let tried = self.inner.creation.try_create(index, class, None);
            drop(tried.map_err(|source| ClassError {
                class: class.name().to_owned(),
                source,
            })?);
        }
        Ok(())
    }

    /// Returns the number of live tenants.
    ///
    /// ```
    /// # use localmap::{Host, TenantClass, Tenants, TenantsOptions};
    /// let options = TenantsOptions::new().class(TenantClass::new("all"));
    /// let tenants = Tenants::new(&Host::new()?, options)?;
    /// assert!(tenants.is_empty());
    /// drop(tenants.checkout(b"a")?);
    /// assert_eq!(tenants.len(), 1);
    /// assert!(tenants.remove(b"a"));
    /// assert!(!tenants.remove(b"a"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn len(&self) -> usize {
        self.inner.slots.len()
    }

    /// Returns `true` if there is no live tenant. See [`len`](Self::len) for an example.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops a tenant, even if it is checked out. Waits for a running operation of its map. Returns
    /// `true` if it was live. See [`len`](Self::len) for an example.
    pub fn remove(&self, tenant: &[u8]) -> bool {
        let removed = self.inner.slots.remove(tenant);
        if let Some(slot) = &removed {
            self.inner.count(slot.class(), |counts| &counts.removed);
            self.inner.end(slot, TenantEnd::Removed);
        }
        removed.is_some()
    }

    /// Takes the tenants out of the registry that have been idle for the
    /// [timeout](crate::TenantClass::idle_timeout) of their class. Their maps are freed when the result
    /// is dropped, which the caller can do on another thread.
    ///
    /// Visits the tenants whose timeout has passed since they were last visited or created, and no
    /// others: tenants of a class cost nothing until one of them may be due.
    ///
    /// ```
    /// # use localmap::{Host, TenantClass, Tenants, TenantsOptions};
    /// use localmap::ManualClock;
    /// use std::time::Duration;
    ///
    /// let (clock, minute) = (ManualClock::new(), Duration::from_secs(60));
    /// let class = TenantClass::new("all").idle_timeout(minute);
    /// let options = TenantsOptions::new().class(class).clock(clock.clone());
    /// let tenants = Tenants::new(&Host::new()?, options)?;
    /// drop(tenants.checkout(b"a")?);
    /// assert_eq!(tenants.next_sweep(), Some(minute));
    /// clock.advance(minute);
    /// assert_eq!(tenants.sweep().len(), 1);
    /// assert_eq!(tenants.next_sweep(), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sweep(&self) -> Swept {
        let now = nanos(self.inner.clock.now());
        let retired = self.inner.slots.retire_idle(&self.inner.timeouts, now);
        for slot in &retired {
            self.inner.count(slot.class(), |counts| &counts.expired);
        }
        Swept {
            inner: Arc::clone(&self.inner),
            retired,
        }
    }

    /// Returns the time after which a [`sweep`](Self::sweep) may find a tenant to drop; `None` if
    /// there is no tenant. See [`sweep`](Self::sweep) for an example.
    pub fn next_sweep(&self) -> Option<Duration> {
        let now = nanos(self.inner.clock.now());
        let after = self.inner.slots.next_due(&self.inner.timeouts, now)?;
        Some(Duration::from_nanos(after))
    }

    /// Returns the statistics of a tenant, or the last ones if it was dropped; `None` if it is not
    /// known. Waits for a running operation of its map, and visits its expired entries.
    ///
    /// ```
    /// # use localmap::{Host, TenantClass, Tenants, TenantsOptions};
    /// let options = TenantsOptions::new().class(TenantClass::new("all"));
    /// let tenants = Tenants::new(&Host::new()?, options)?;
    /// tenants.checkout(b"a")?.get(b"absent")?;
    /// tenants.remove(b"a");
    /// tenants.checkout(b"a")?.get(b"absent")?;
    /// let stats = tenants.stats(b"a").ok_or("unknown")?;
    /// assert_eq!((stats.maps.misses, stats.created, stats.live), (2, 2, true));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stats(&self, tenant: &[u8]) -> Option<TenantStats> {
        let Some(slot) = self.inner.slots.peek(tenant) else {
            return lock(&self.inner.history).get(tenant).cloned();
        };
        let mut stats = slot.stats();
        stats.live = !slot.is_retired();
        let history = lock(&self.inner.history);
        let earlier = history.get(tenant);
        if slot.is_recorded() {
            return earlier.cloned();
        }
        if let Some(earlier) = earlier {
            stats.add_counts(earlier);
        }
        Some(stats)
    }

    /// Returns at most `limit` tenants whose names are greater than `after`, in the order of their
    /// names: live ones, and dropped ones whose last statistics are kept. Enters no map.
    ///
    /// `limit` can be at most 1,000. Continue with the name of the last tenant, until there are none.
    /// Tenants that come or go in the meantime may or may not be returned.
    ///
    /// ```
    /// # use localmap::{Host, TenantClass, Tenants, TenantsOptions};
    /// # let options = TenantsOptions::new().class(TenantClass::new("all"));
    /// # let tenants = Tenants::new(&Host::new()?, options)?;
    /// for name in [b"a", b"b", b"c"] {
    ///     tenants.checkout(name)?;
    /// }
    /// let page = tenants.list(None, 2);
    /// let next = tenants.list(page.last().map(|tenant| tenant.name.as_bytes()), 2);
    /// assert_eq!(next[0].name.as_bytes(), b"c");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn list(&self, after: Option<&[u8]>, limit: usize) -> Vec<TenantInfo> {
        let limit = limit.min(MAX_LISTED);
        let now = nanos(self.inner.clock.now());
        let dropped = {
            let history = lock(&self.inner.history);
            let dropped = history.list(after, limit).map(|(name, stats)| TenantInfo {
                name: name.clone(),
                class: Arc::clone(&stats.class),
                state: TenantState::Dropped,
            });
            dropped.collect::<Vec<_>>()
        };
        let live = self.inner.slots.list(after, limit);
        let live = live.iter().map(|slot| TenantInfo {
            name: slot.name().clone(),
            class: Arc::clone(slot.class_name()),
            state: state_of(slot, now),
        });
        let mut tenants: Vec<_> = live.chain(dropped).collect();
        // A live tenant that was dropped before is listed once. The sort is stable.
        tenants.sort_by(|one, other| one.name.cmp(&other.name));
        tenants.dedup_by(|one, other| one.name == other.name);
        tenants.truncate(limit);
        tenants
    }

    /// Returns the statistics of each class, in the order of the classes.
    ///
    /// ```
    /// # use localmap::{Host, TenantClass, Tenants, TenantsOptions};
    /// # let options = TenantsOptions::new().class(TenantClass::new("all"));
    /// # let tenants = Tenants::new(&Host::new()?, options)?;
    /// let guard = tenants.checkout(b"a")?;
    /// assert_eq!(tenants.classes()[0].tenants, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn classes(&self) -> Vec<ClassStats> {
        self.inner.classes(&lock(&self.inner.history))
    }

    /// Returns the statistics of all live tenants, and of what was dropped, without waiting for an
    /// operation of any map: for metrics.
    ///
    /// A map that is busy has the statistics that were last read, and so does one that has more than
    /// 16,384 expired entries, of which it then reclaims that many. An operation waits for at most one
    /// call that reads its map or reclaims 256 expired entries. No tenant is counted twice; one that is
    /// being dropped may be missing.
    ///
    /// ```
    /// # use localmap::{Host, TenantClass, Tenants, TenantsOptions};
    /// # let options = TenantsOptions::new().class(TenantClass::new("all"));
    /// # let tenants = Tenants::new(&Host::new()?, options)?;
    /// tenants.checkout(b"a")?.get(b"absent")?;
    /// tenants.checkout(b"b")?.get(b"absent")?;
    /// tenants.remove(b"b");
    /// let survey = tenants.survey();
    /// assert_eq!(survey.tenants[0].stats.maps.misses, 1);
    /// assert_eq!(survey.classes[0].dropped.misses, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn survey(&self) -> Survey {
        let inner = &self.inner;
        let now = nanos(inner.clock.now());
        let mut read = Vec::new();
        loop {
            let last = read.last();
            let after = last.map(|(slot, _): &(Arc<Slot<Tenant>>, _)| slot.name().clone());
            let after = after.as_ref().map(TenantName::as_bytes);
            let page = inner.slots.list(after, MAX_LISTED);
            if page.is_empty() {
                break;
            }
            read.extend(page.into_iter().map(|slot| {
                let stats = slot.try_stats();
                (slot, stats)
            }));
        }
        // A tenant that was dropped in the meantime is in the history, and not here.
        let history = lock(&inner.history);
        let live = read.into_iter().filter(|(slot, _)| !slot.is_recorded());
        let tenants = live.map(|(slot, stats)| SurveyedTenant {
            name: slot.name().clone(),
            class: slot.class(),
            state: state_of(&slot, now),
            stats,
            before: history.get(slot.name().as_bytes()).cloned(),
        });
        Survey {
            tenants: tenants.collect(),
            classes: inner.classes(&history),
        }
    }

    /// Returns the handle that cancels all maps of a class; `None` if there is no class of this name.
    ///
    /// ```
    /// # use localmap::{Host, TenantClass, Tenants, TenantsOptions};
    /// # let host = Host::new()?;
    /// # let options = TenantsOptions::new().class(TenantClass::new("all"));
    /// # let tenants = Tenants::new(&host, options)?;
    /// let guard = tenants.checkout(b"a")?;
    /// tenants.class_handle("all").ok_or("no class")?.cancel();
    /// assert_eq!(host.live_maps(), 0);
    /// assert!(guard.get(b"k").is_err());
    /// assert!(tenants.checkout(b"a").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn class_handle(&self, class: &str) -> Option<CancelHandle> {
        let mut classes = self.inner.classes.iter();
        let class = classes.find(|known| known.name() == class)?;
        Some(class.handle().clone())
    }
}

/// Returns the state of a live tenant.
fn state_of(slot: &Slot<Tenant>, now: u64) -> TenantState {
    match slot.idle_since() {
        None => TenantState::InUse,
        Some(since) => TenantState::Idle(Duration::from_nanos(now.saturating_sub(since))),
    }
}

impl Inner {
    /// Returns the statistics of each class.
    fn classes(&self, history: &History) -> Vec<ClassStats> {
        let quotas = self.creation.quotas();
        let classes = self.classes.iter().enumerate();
        let stats = classes
            .map(|(index, class)| class.stats(quotas.of_class(index), &history.of_class(index)));
        stats.collect()
    }

    /// Begins a use of a tenant that was not found, or whose map has terminated.
    #[cold]
    fn create(&self, name: &[u8]) -> Result<Use<Tenant>, CheckoutError> {
        let name = TenantName::new(name)?;
        let matching = |class: &Class| class.matches(name.as_bytes());
        let index = self.classes.iter().position(matching);
        let (index, class) = index
            .and_then(|index| Some((index, self.classes.get(index)?)))
            .ok_or(CheckoutError::NoClass)?;
        let end = |slot: &Slot<Tenant>| {
            self.count(index, |counts| &counts.terminated);
            self.end(slot, TenantEnd::Terminated);
        };
        let create = || {
            let observer = self.observer.as_ref();
            let observer = observer.and_then(|of| of.observer(&name, class.shared_name()));
            self.creation.tenant(index, class, observer.as_ref())
        };
        let used =
            self.slots
                .find_or_create(&name, index, &self.clock, Tenant::is_live, end, create);
        if used.is_err() {
            self.count(index, |counts| &counts.refused);
        }
        used
    }

    /// Ends a tenant that has been taken out, and records its last statistics.
    fn end(&self, slot: &Slot<Tenant>, end: TenantEnd) {
        self.slots.remove_retired(slot);
        let stats = slot.end();
        if let Some(observer) = &self.observer {
            observer.dropped(slot.name(), slot.class_name(), end, &stats);
        }
        let mut history = lock(&self.history);
        history.record(slot.name(), slot.class(), stats);
        slot.set_recorded();
    }

    /// Drops the tenant that has been idle for longer than any other, if it may be dropped for others.
    fn evict_idlest(&self) -> bool {
        let now = nanos(self.clock.now());
        let evicted = self
            .evictable_after
            .and_then(|idle| self.slots.retire_idlest(idle, now));
        if let Some(slot) = &evicted {
            self.count(slot.class(), |counts| &counts.evicted);
            self.end(slot, TenantEnd::Evicted);
        }
        evicted.is_some()
    }

    fn count(&self, class: usize, count: impl Fn(&Counts) -> &AtomicU64) {
        if let Some(class) = self.classes.get(class) {
            count(class.counts()).fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Tenants that a [`Tenants::sweep`] has taken out of the registry. Dropping it frees their maps.
#[must_use = "the maps of the tenants are freed when this is dropped"]
pub struct Swept {
    inner: Arc<Inner>,
    retired: Vec<Arc<Slot<Tenant>>>,
}

impl Swept {
    /// Returns the number of tenants. See [`Tenants::sweep`] for an example.
    pub fn len(&self) -> usize {
        self.retired.len()
    }

    /// Returns `true` if there is none.
    pub fn is_empty(&self) -> bool {
        self.retired.is_empty()
    }
}

impl Drop for Swept {
    fn drop(&mut self) {
        for slot in &self.retired {
            self.inner.end(slot, TenantEnd::Idle);
        }
    }
}

impl fmt::Debug for Swept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Swept").field("len", &self.len()).finish()
    }
}

impl fmt::Debug for Tenants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenants")
            .field("len", &self.len())
            .field("classes", &self.inner.classes.len())
            .finish_non_exhaustive()
    }
}
