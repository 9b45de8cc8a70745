//! The guard on a tenant's map, and its operations on single keys. The submodule has those on all
//! shards.

pub(crate) mod across;

use crate::cancel::handle::CancelHandle;
use crate::contract::entry::{Condition, Entry, Ttl, Version};
use crate::contract::error::Error;
use crate::runtime::local_map::LocalMap;
use crate::sync::{Mutex, MutexGuard, lock};
use crate::tenants::error::{RateLimited, TenantError};
use crate::tenants::name::TenantName;
use crate::tenants::slots::Use;
use crate::tenants::tenant::{Shard, Tenant};
use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// A guard on the map of a tenant, which is in use until the guard is dropped. It can go to other
/// threads, and be used by several of them.
///
/// The operations are those of [`LocalMap`]. Each of them counts as one operation of the
/// [rate](crate::RateLimit) of the tenant; [`get_many`](Self::get_many) and [`apply`](Self::apply) count
/// as one for each key. Each locks the map, so the operations on one map happen one after the other.
///
/// See [`Tenants`](crate::Tenants) for an example.
///
/// # Errors
///
/// Each operation
///
/// - returns [`TenantError::RateLimited`] if the tenant has used up its rate. Nothing has happened,
/// - returns [`TenantError::Map`] with the error of the map. [`Error::Terminated`] means that the map
///   has ended: the next [checkout](crate::Tenants::checkout) of the tenant returns another one.
pub struct Checkout {
    tenant: Use<Tenant>,
    caller: u64,
}

impl Checkout {
    pub(crate) fn new(tenant: Use<Tenant>) -> Self {
        Self { tenant, caller: 0 }
    }

    /// Sets the number of the caller, such as that of a request, which the
    /// [observer](crate::MapOptions::observer) of the map gets with each operation of this guard: see
    /// [`LocalMap::set_caller`]. Default: 0.
    #[must_use]
    pub fn with_caller(mut self, caller: u64) -> Self {
        self.caller = caller;
        self
    }

    /// Returns the name of the tenant.
    ///
    /// ```
    /// # use localmap::{Host, TenantClass, Tenants, TenantsOptions};
    /// # let options = TenantsOptions::new().class(TenantClass::new("all"));
    /// # let tenants = Tenants::new(&Host::new()?, options)?;
    /// let guard = tenants.checkout(b"a")?;
    /// assert_eq!(guard.name().as_bytes(), b"a");
    /// assert_eq!(guard.class(), "all");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn name(&self) -> &TenantName {
        self.tenant.name()
    }

    /// Returns the name of the tenant's class. See [`name`](Self::name) for an example.
    pub fn class(&self) -> &str {
        self.tenant.class_name()
    }

    /// Returns the handle that cancels the tenant's map. The next checkout of the tenant then creates
    /// another one.
    ///
    /// ```
    /// # use localmap::{Host, TenantClass, Tenants, TenantsOptions};
    /// # let options = TenantsOptions::new().class(TenantClass::new("all"));
    /// # let tenants = Tenants::new(&Host::new()?, options)?;
    /// let guard = tenants.checkout(b"a")?;
    /// guard.cancel_handle().cancel();
    /// assert!(guard.get(b"k").is_err());
    /// assert_eq!(tenants.checkout(b"a")?.get(b"k")?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cancel_handle(&self) -> CancelHandle {
        self.tenant.handle().clone()
    }

    /// Counts operations that are not made through this guard, such as those of a
    /// [linked](crate::LinkedMap) app or the requests of a server.
    ///
    /// ```
    /// # use localmap::{Host, RateLimit, TenantClass, Tenants, TenantsOptions};
    /// let class = TenantClass::new("all").rate_limit(RateLimit::per_second(1));
    /// # let options = TenantsOptions::new().class(class);
    /// # let tenants = Tenants::new(&Host::new()?, options)?;
    /// let guard = tenants.checkout(b"a")?;
    /// guard.admit(1)?;
    /// assert!(guard.admit(1).unwrap_err().retry_after.as_secs_f32() <= 1.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`RateLimited`] if the tenant has used up its rate. In this case none is counted.
    pub fn admit(&self, operations: u32) -> Result<(), RateLimited> {
        self.tenant.admit(operations)
    }

    /// Returns the tenant's map, for example for a [linked](crate::LinkedMap) app; `None` if the tenant
    /// has several shards. Keep the guard as long as the map is used: the map ends with its tenant.
    ///
    /// Operations on it do not count towards the tenant's rate: see [`admit`](Self::admit). To follow the
    /// changes of a tenant, [watch](LocalMap::watch) this map: it sees the writes of every checkout.
    ///
    /// ```
    /// # use localmap::{Host, TenantClass, Tenants, TenantsOptions, Ttl};
    /// use localmap::LinkedMap;
    ///
    /// # let options = TenantsOptions::new().class(TenantClass::new("all"));
    /// # let tenants = Tenants::new(&Host::new()?, options)?;
    /// let guard = tenants.checkout(b"a")?;
    /// let mut linked = LinkedMap::from_shared(guard.shared().ok_or("several shards")?);
    /// linked.map().set(b"k", b"v", Ttl::Never)?;
    /// assert_eq!(guard.get(b"k")?.as_deref(), Some(&b"v"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn shared(&self) -> Option<Arc<Mutex<LocalMap>>> {
        match self.tenant.maps().all() {
            [shard] => Some(Arc::clone(shard.map())),
            _ => None,
        }
    }

    /// Returns the value that is attached to the tenant, which is dropped with its map. The first call
    /// attaches the value of `create`. Returns `None` if a value of another type is attached.
    ///
    /// ```
    /// # use localmap::{Host, TenantClass, Tenants, TenantsOptions};
    /// use std::sync::atomic::{AtomicU32, Ordering};
    ///
    /// # let options = TenantsOptions::new().class(TenantClass::new("all"));
    /// # let tenants = Tenants::new(&Host::new()?, options)?;
    /// for request in 0..2 {
    ///     let guard = tenants.checkout(b"a")?;
    ///     let requests = guard.attached(AtomicU32::default).ok_or("another type")?;
    ///     assert_eq!(requests.fetch_add(1, Ordering::Relaxed), request);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn attached<T: Any + Send + Sync>(&self, create: impl FnOnce() -> T) -> Option<Arc<T>> {
        let attached = self.tenant.attached(|| Arc::new(create()));
        attached.downcast().ok()
    }
}

/// # Operations on a key
///
/// They return the errors [listed above](Checkout#errors).
impl Checkout {
    /// Returns the value of `key`; `None` if it is absent. See [`LocalMap::get`].
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, TenantError> {
        self.on(key, |map| map.get(key))
    }

    /// Appends the value of `key` to `buffer`, and returns its length. See [`LocalMap::get_into`].
    pub fn get_into(&self, key: &[u8], buffer: &mut Vec<u8>) -> Result<Option<usize>, TenantError> {
        self.on(key, |map| map.get_into(key, buffer))
    }

    /// Returns the value of `key` with its version and remaining time. See [`LocalMap::get_entry`].
    pub fn get_entry(&self, key: &[u8]) -> Result<Option<Entry>, TenantError> {
        self.on(key, |map| map.get_entry(key))
    }

    /// Returns `true` if `key` is present. See [`LocalMap::contains`].
    pub fn contains(&self, key: &[u8]) -> Result<bool, TenantError> {
        self.on(key, |map| map.contains(key))
    }

    /// Stores `value` under `key`, and returns its version. See [`LocalMap::set`].
    pub fn set(&self, key: &[u8], value: &[u8], ttl: Ttl) -> Result<Version, TenantError> {
        self.on(key, |map| map.set(key, value, ttl))
    }

    /// Stores `value` if a condition holds, and returns its version. See [`LocalMap::set_if`].
    pub fn set_if(
        &self,
        key: &[u8],
        value: &[u8],
        ttl: Ttl,
        condition: Condition,
    ) -> Result<Version, TenantError> {
        self.on(key, |map| map.set_if(key, value, ttl, condition))
    }

    /// Adds `delta` to a counter, and returns the sum. See [`LocalMap::increment`].
    pub fn increment(&self, key: &[u8], delta: i64, ttl: Ttl) -> Result<i64, TenantError> {
        self.on(key, |map| map.increment(key, delta, ttl))
    }

    /// Sets the TTL of `key`. Returns `true` if it was present. See [`LocalMap::touch`].
    pub fn touch(&self, key: &[u8], ttl: Ttl) -> Result<bool, TenantError> {
        self.on(key, |map| map.touch(key, ttl))
    }

    /// Reads and deletes `key`. See [`LocalMap::take`].
    pub fn take(&self, key: &[u8]) -> Result<Option<Vec<u8>>, TenantError> {
        self.on(key, |map| map.take(key))
    }

    /// Deletes `key`. Returns `true` if it was present. See [`LocalMap::delete`].
    pub fn delete(&self, key: &[u8]) -> Result<bool, TenantError> {
        self.on(key, |map| map.delete(key))
    }

    /// Deletes `key` if its value has this version. See [`LocalMap::delete_if`].
    pub fn delete_if(&self, key: &[u8], version: Version) -> Result<(), TenantError> {
        self.on(key, |map| map.delete_if(key, version))
    }

    /// Performs one operation on the map of a key.
    #[inline]
    fn on<R, E: Into<Error>>(
        &self,
        key: &[u8],
        call: impl FnOnce(&mut LocalMap) -> Result<R, E>,
    ) -> Result<R, TenantError> {
        self.admit(1)?;
        let mut map = self.lock(self.tenant.maps().of(key));
        call(&mut map).map_err(|error| TenantError::Map(error.into()))
    }

    /// Locks a map for an operation of the caller.
    #[inline]
    fn lock<'a>(&self, shard: &'a Shard) -> MutexGuard<'a, LocalMap> {
        let mut map = lock(shard.map());
        map.set_caller(self.caller);
        map
    }
}

impl fmt::Debug for Checkout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkout")
            .field("tenant", self.name())
            .field("class", &self.class())
            .finish_non_exhaustive()
    }
}
