//! Operations on all shards of a tenant, or on several keys.

use super::Checkout;
use crate::contract::change::{Change, Outcome};
use crate::contract::entry::Scanned;
use crate::contract::stats::Stats;
use crate::runtime::local_map::LocalMap;
use crate::tenants::error::TenantError;
use std::ops::ControlFlow;

/// The number of entries that a page of [`Checkout::visit`] visits.
const VISITED_PER_CALL: u32 = 256;

/// The place at which a scan of a tenant goes on. The default is the beginning.
///
/// It is valid for the map that returned it, and for those with the same number of shards. Any other
/// value leads to some place or to the end, never to an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScanCursor {
    /// The number of the shard.
    pub shard: u16,
    /// The cursor in the shard: see [`Page::next`](crate::Page#structfield.next).
    pub cursor: u64,
}

/// One page of a scan of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScanPage {
    /// The entries of the page. It may be empty before the scan ends.
    pub entries: Vec<Scanned>,
    /// The cursor of the next page; `None` at the end of the scan.
    pub next: Option<ScanCursor>,
}

/// # Operations on several keys
///
/// They return the errors [listed above](Checkout#errors). In a tenant with several
/// [shards](crate::TenantClass::shards_per_tenant), they happen in one shard after the other, not at a
/// single instant.
impl Checkout {
    /// Returns the values of several keys, in their order. See [`LocalMap::get_many`].
    pub fn get_many(&self, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, TenantError> {
        self.admit_all(keys.len())?;
        let maps = self.tenant.maps();
        if let [shard] = maps.all() {
            return Ok(self.lock(shard).get_many(keys)?);
        }
        let mut values = vec![None; keys.len()];
        for (number, shard) in maps.all().iter().enumerate() {
            let here = |key: &&[u8]| maps.index_of(key) == number;
            let asked: Vec<&[u8]> = keys.iter().copied().filter(here).collect();
            if asked.is_empty() {
                continue;
            }
            let found = self.lock(shard).get_many(&asked)?;
            let places = keys.iter().zip(&mut values).filter(|(key, _)| here(key));
            for ((_, place), value) in places.zip(found) {
                *place = value;
            }
        }
        Ok(values)
    }

    /// Makes all changes of a batch or none of them. See [`LocalMap::apply`].
    ///
    /// ```
    /// # use localmap::{Host, TenantClass, Tenants, TenantsOptions, Ttl};
    /// use localmap::{Change, TenantError};
    ///
    /// # let host = Host::new()?;
    /// let class = TenantClass::new("all").shards_per_tenant(16);
    /// # let options = TenantsOptions::new().class(class);
    /// # let tenants = Tenants::new(&host, options)?;
    /// let guard = tenants.checkout(b"a")?;
    /// let keys: Vec<[u8; 1]> = (0..50).map(|key| [key]).collect();
    /// let set = |key| Change::Set { key, value: b"v", ttl: Ttl::Never };
    /// let changes: Vec<_> = keys.iter().map(|key| set(key)).collect();
    /// assert!(matches!(guard.apply(&changes), Err(TenantError::AcrossShards)));
    /// assert_eq!(guard.len()?, 0);
    /// guard.apply(&changes[..1])?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// In addition, returns [`TenantError::AcrossShards`] if the keys are in several shards.
    pub fn apply(&self, changes: &[Change<'_>]) -> Result<Vec<Outcome>, TenantError> {
        let maps = self.tenant.maps();
        let mut shards = changes.iter().map(|change| maps.index_of(change.key()));
        let first = shards.next().unwrap_or(0);
        if shards.any(|shard| shard != first) {
            return Err(TenantError::AcrossShards);
        }
        self.admit_all(changes.len())?;
        let key = changes.first().map_or(&[][..], Change::key);
        let applied = self.lock(maps.of(key)).apply(changes);
        applied.map_err(|error| TenantError::Map(error.into()))
    }

    /// Returns one page of the entries whose keys begin with `prefix`. See [`LocalMap::scan`]. Start
    /// with the default cursor. Each shard is scanned after the one before it.
    pub fn scan(
        &self,
        prefix: &[u8],
        cursor: ScanCursor,
        limit: u32,
    ) -> Result<ScanPage, TenantError> {
        self.admit(1)?;
        let ScanCursor { shard, cursor } = cursor;
        let Some(map) = self.tenant.maps().all().get(usize::from(shard)) else {
            return Ok(ScanPage {
                entries: Vec::new(),
                next: None,
            });
        };
        let page = self.lock(map).scan(prefix, cursor, limit)?;
        let next = match page.next {
            Some(cursor) => Some(ScanCursor { shard, cursor }),
            None => {
                let shard = shard.saturating_add(1);
                let more = usize::from(shard) < self.tenant.maps().all().len();
                more.then_some(ScanCursor { shard, cursor: 0 })
            }
        };
        Ok(ScanPage {
            entries: page.entries,
            next,
        })
    }

    /// Calls `visit` with each entry whose key begins with `prefix` until it breaks. This is a
    /// [`scan`](Self::scan) from the beginning, in pages of 256 entries.
    ///
    /// ```
    /// # use localmap::{Host, TenantClass, Tenants, TenantsOptions, Ttl};
    /// # use std::ops::ControlFlow;
    /// # let options = TenantsOptions::new().class(TenantClass::new("all").shards_per_tenant(4));
    /// # let tenants = Tenants::new(&Host::new()?, options)?;
    /// let guard = tenants.checkout(b"a")?;
    /// for user in [b"user:1", b"user:2"] {
    ///     guard.set(user, b"", Ttl::Never)?;
    /// }
    /// let mut users = 0;
    /// guard.visit(b"user:", |_| {
    ///     users += 1;
    ///     ControlFlow::Continue(())
    /// })?;
    /// assert_eq!(users, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn visit(
        &self,
        prefix: &[u8],
        mut visit: impl FnMut(Scanned) -> ControlFlow<()>,
    ) -> Result<(), TenantError> {
        let mut next = Some(ScanCursor::default());
        while let Some(cursor) = next {
            let page = self.scan(prefix, cursor, VISITED_PER_CALL)?;
            if page.entries.into_iter().try_for_each(&mut visit).is_break() {
                break;
            }
            next = page.next;
        }
        Ok(())
    }

    /// Returns the number of entries. See [`LocalMap::len`].
    pub fn len(&self) -> Result<u64, TenantError> {
        self.admit(1)?;
        self.sum(|map| Ok(map.len()?))
    }

    /// Returns `true` if there is no entry. See [`LocalMap::is_empty`].
    pub fn is_empty(&self) -> Result<bool, TenantError> {
        Ok(self.len()? == 0)
    }

    /// Returns the statistics of the maps, added up. See [`LocalMap::stats`].
    /// [`Tenants::stats`](crate::Tenants::stats) goes on counting when the tenant is created again.
    pub fn stats(&self) -> Result<Stats, TenantError> {
        self.admit(1)?;
        let mut sum = Stats::default();
        for shard in self.tenant.maps().all() {
            sum.add(&self.lock(shard).stats()?);
        }
        Ok(sum)
    }

    /// Removes all entries. See [`LocalMap::clear`].
    pub fn clear(&self) -> Result<(), TenantError> {
        self.admit(1)?;
        for shard in self.tenant.maps().all() {
            self.lock(shard).clear()?;
        }
        Ok(())
    }

    /// Reclaims the memory of at most `max` expired entries in each shard, and returns their number. See
    /// [`LocalMap::sweep`].
    pub fn sweep(&self, max: u32) -> Result<u64, TenantError> {
        self.admit(1)?;
        self.sum(|map| Ok(map.sweep(max)?.into()))
    }

    fn sum(
        &self,
        count: impl Fn(&mut LocalMap) -> Result<u64, TenantError>,
    ) -> Result<u64, TenantError> {
        let shards = self.tenant.maps().all().iter();
        shards.map(|shard| count(&mut self.lock(shard))).sum()
    }

    fn admit_all(&self, keys: usize) -> Result<(), TenantError> {
        let operations = u32::try_from(keys).unwrap_or(u32::MAX).max(1);
        Ok(self.admit(operations)?)
    }
}
