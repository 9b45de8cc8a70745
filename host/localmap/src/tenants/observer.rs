//! Observers of tenants.

use crate::contract::observer::Observer;
use crate::tenants::name::TenantName;
use crate::tenants::stats::TenantStats;
use std::sync::Arc;

/// Observes tenants, for metrics and traces. See
/// [`TenantsOptions::observer`](crate::TenantsOptions::observer).
///
/// It runs on the thread that creates or drops a tenant, which waits for it. It must not use the
/// tenants.
///
/// ```
/// use localmap::{Host, TenantClass, TenantEnd, TenantName, TenantStats, Tenants, TenantsObserver};
/// use localmap::TenantsOptions;
/// use std::sync::Arc;
///
/// struct Report;
///
/// impl TenantsObserver for Report {
///     fn dropped(&self, tenant: &TenantName, _: &Arc<str>, end: TenantEnd, last: &TenantStats) {
///         println!("{tenant:?} {}: {} entries", end.name(), last.maps.entries);
///     }
/// }
///
/// let options = TenantsOptions::new().class(TenantClass::new("all")).observer(Arc::new(Report));
/// let tenants = Tenants::new(&Host::new()?, options)?;
/// drop(tenants.checkout(b"a")?);
/// tenants.remove(b"a");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait TenantsObserver: Send + Sync {
    /// Returns the observer of the maps of a tenant that is about to be created, for
    /// [`MapOptions::observer`](crate::MapOptions::observer). Default: that of its class.
    fn observer(&self, tenant: &TenantName, class: &Arc<str>) -> Option<Arc<dyn Observer>> {
        let _ = (tenant, class);
        None
    }

    /// Observes that a tenant was dropped, with its last statistics, which were counted since it was
    /// created. Default: does nothing.
    fn dropped(&self, tenant: &TenantName, class: &Arc<str>, end: TenantEnd, last: &TenantStats) {
        let _ = (tenant, class, end, last);
    }
}

/// Why a tenant was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TenantEnd {
    /// It had been idle for the timeout of its class.
    Idle,
    /// It was idle, and made room for another one: see
    /// [`WhenFull::DropIdlest`](crate::WhenFull::DropIdlest).
    Evicted,
    /// It was [removed](crate::Tenants::remove).
    Removed,
    /// A map of it had terminated, and the tenant was created again.
    Terminated,
}

impl TenantEnd {
    /// Returns the name in metrics: `idle`, `evicted`, `removed` or `terminated`.
    ///
    /// ```
    /// assert_eq!(localmap::TenantEnd::Idle.name(), "idle");
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Evicted => "evicted",
            Self::Removed => "removed",
            Self::Terminated => "terminated",
        }
    }
}
