//! The statistics of all maps at about one instant.

use localmap::{HostStats, Stats, TenantName};
use std::sync::Arc;
use std::time::Duration;

/// The statistics of all maps at about one instant.
#[derive(Debug)]
pub(crate) struct Overview {
    /// When they were taken, on the clock of the telemetry.
    pub(crate) taken: u64,
    /// The sums of the classes, in the order of their names. Counts never decrease.
    pub(crate) classes: Vec<ClassView>,
    /// Live tenants in the order of their names, and then the maps that belong to none.
    pub(crate) rows: Vec<Row>,
    /// The tenants that have metrics of their own, and for each class the sum of the others, if there are
    /// any. Counts never decrease.
    pub(crate) named: Vec<NamedTenant>,
    /// `None` if no host is watched.
    pub(crate) host: Option<HostStats>,
}

/// The sums of a class: of its tenants, live and dropped, and of maps that belong to none. Of maps that no
/// survey has read, what their counted operations tell.
#[derive(Debug, Clone)]
pub(crate) struct ClassView {
    pub(crate) name: Arc<str>,
    pub(crate) stats: Stats,
    /// Whether it is a class of tenants, and not of maps that belong to none.
    pub(crate) of_tenants: bool,
    /// Live tenants.
    pub(crate) tenants: u32,
    /// Bytes that its live tenants may hold at the moment.
    pub(crate) granted: u64,
    /// Tenants that were created.
    pub(crate) created: u64,
    /// Tenants that were dropped, by reason.
    pub(crate) dropped: [(&'static str, u64); 4],
    /// Checkouts that returned an error.
    pub(crate) refused: u64,
    /// Operations that exceeded the rates of tenants.
    pub(crate) rate_limited: u64,
}

/// A live tenant, or a map that belongs to none.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) name: RowName,
    pub(crate) class: Arc<str>,
    /// How long it has been idle; `None` if it is in use.
    pub(crate) idle: Option<Duration>,
    /// With what was counted before the tenant was created the last time, if that is known.
    pub(crate) stats: Stats,
    pub(crate) granted: u64,
    pub(crate) rate_limited: u64,
    /// The number of times that it was created.
    pub(crate) created: u64,
}

/// The name of a [`Row`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RowName {
    Tenant(TenantName),
    /// A map that belongs to no tenant: the name of its class.
    Map(Arc<str>),
}

/// A tenant that has metrics of its own, or the sum of the others of a class.
#[derive(Debug, Clone)]
pub(crate) struct NamedTenant {
    /// `None` for the others.
    pub(crate) name: Option<TenantName>,
    pub(crate) class: Arc<str>,
    pub(crate) stats: Stats,
}
