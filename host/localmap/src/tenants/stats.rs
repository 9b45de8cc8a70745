//! What is known of tenants and of classes.

use crate::contract::stats::Stats;
use crate::tenants::name::TenantName;
use std::sync::Arc;
use std::time::Duration;

/// The statistics of a tenant: see [`Tenants::stats`](crate::Tenants::stats).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct TenantStats {
    /// The name of its class.
    pub class: Arc<str>,
    /// Whether it is live. If not, these are its last statistics.
    pub live: bool,
    /// The statistics of its maps, added up. `hits`, `misses`, `writes`, `expired`, `evicted` and
    /// `refused` go on counting when the tenant is dropped and created again.
    pub maps: Stats,
    /// Bytes that its maps may hold at the moment; 0 if it is not live.
    pub granted: u64,
    /// Operations that exceeded its rate.
    pub rate_limited: u64,
    /// The number of times that it was created.
    pub created: u64,
}

impl TenantStats {
    /// Adds what was counted before the tenant was created again.
    pub(crate) fn add_counts(&mut self, earlier: &Self) {
        self.maps.add_counts(&earlier.maps);
        self.rate_limited += earlier.rate_limited;
        self.created += earlier.created;
    }
}

/// One tenant of a list: see [`Tenants::list`](crate::Tenants::list).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TenantInfo {
    /// Its name.
    pub name: TenantName,
    /// The name of its class.
    pub class: Arc<str>,
    /// Whether it is live, idle or dropped.
    pub state: TenantState,
}

/// The state of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TenantState {
    /// It is checked out.
    InUse,
    /// It is live, and has not been checked out for this time.
    Idle(Duration),
    /// It was dropped. Its last statistics are kept.
    Dropped,
}

/// The statistics of a class: see [`Tenants::classes`](crate::Tenants::classes).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClassStats {
    /// The name of the class.
    pub name: Arc<str>,
    /// Live tenants.
    pub tenants: u32,
    /// Bytes that the maps of its live tenants may hold at the moment.
    pub granted: u64,
    /// Tenants that were created.
    pub created: u64,
    /// Tenants that were dropped because they were idle for their timeout.
    pub expired: u64,
    /// Idle tenants that were dropped to make room for others, see
    /// [`WhenFull::DropIdlest`](crate::WhenFull::DropIdlest).
    pub evicted: u64,
    /// Tenants that were replaced because a map had terminated.
    pub terminated: u64,
    /// Tenants that were [removed](crate::Tenants::remove).
    pub removed: u64,
    /// Checkouts that returned an error.
    pub refused: u64,
    /// Operations that exceeded the rates of tenants that were dropped.
    pub rate_limited: u64,
    /// What the maps of dropped tenants have counted: hits, misses, writes, expired, evicted and refused
    /// entries. The rest is 0. See [`Tenants::survey`](crate::Tenants::survey) for the live ones.
    pub dropped: Stats,
}

/// The statistics of all tenants at about one instant: see [`Tenants::survey`](crate::Tenants::survey).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Survey {
    /// The statistics of each class, in the order of the classes.
    pub classes: Vec<ClassStats>,
    /// Live tenants, in the order of their names.
    pub tenants: Vec<SurveyedTenant>,
}

/// A live tenant of a [`Survey`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SurveyedTenant {
    /// Its name.
    pub name: TenantName,
    /// The number of its class in [`Survey::classes`](Survey#structfield.classes).
    pub class: usize,
    /// Whether it is in use, or how long it has been idle.
    pub state: TenantState,
    /// Its statistics since it was created the last time.
    pub stats: TenantStats,
    /// What was counted before it was created the last time, if that is still kept.
    pub before: Option<TenantStats>,
}
