//! The errors of tenants.

use crate::contract::error::{ConfigureError, Error, MapTerminated, PreloadError};
use crate::runtime::create_error::CreateError;
use crate::tenants::name::TenantNameTooLong;
use std::time::Duration;

/// The error returned by [`Tenants::new`](crate::Tenants::new).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TenantsError {
    /// There is no class.
    #[error("there is no class of tenants: add one with TenantsOptions::class")]
    NoClass,
    /// Two classes have the same name.
    #[error("there are two classes of the name `{class}`: rename one")]
    #[non_exhaustive]
    RepeatedClass {
        /// The name.
        class: String,
    },
    /// The number of shards is out of its range.
    #[error("class `{class}`: {shards} shards per tenant: use 1 to 256")]
    #[non_exhaustive]
    Shards {
        /// The name of the class.
        class: String,
        /// The number of shards.
        shards: u16,
    },
    /// A limit of the maps is out of its range, perhaps after it was divided among the shards.
    #[error("class `{class}`: the limits of each shard are out of their range")]
    #[non_exhaustive]
    Limits {
        /// The name of the class.
        class: String,
        /// The limit and its range.
        source: ConfigureError,
    },
    /// More bytes are reserved for a tenant than it may hold, or fewer than its maps need.
    #[error(
        "class `{class}`: {bytes} reserved bytes: use 0, or {least} to {most}, the limit of a tenant"
    )]
    #[non_exhaustive]
    ReservedBytes {
        /// The name of the class.
        class: String,
        /// The bytes that are reserved for each tenant.
        bytes: u64,
        /// The smallest number, other than 0.
        least: u64,
        /// The largest number.
        most: u64,
    },
    /// More is reserved for the classes than there is.
    #[error(
        "more is reserved for the classes than there is: raise max_tenants and max_bytes, or reserve \
         less"
    )]
    Overcommitted,
    /// The host has too few maps for the tenants.
    #[error(
        "the host has maps for {most} tenants, not for {tenants}: raise HostOptions::max_maps or lower \
         max_tenants"
    )]
    #[non_exhaustive]
    TooFewMaps {
        /// The number of tenants that was asked for.
        tenants: u32,
        /// The largest number.
        most: u32,
    },
}

/// The error returned by [`Tenants::checkout`](crate::Tenants::checkout).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckoutError {
    /// The name of the tenant is too long.
    #[error(transparent)]
    Name(#[from] TenantNameTooLong),
    /// The tenant belongs to no class.
    #[error("the tenant belongs to no class")]
    NoClass,
    /// There are as many live tenants as there may be.
    #[error(
        "limit of {max} live {} reached: drop one or raise max_tenants",
        if *max == 1 { "tenant" } else { "tenants" }
    )]
    #[non_exhaustive]
    TooManyTenants {
        /// The limit.
        max: u32,
    },
    /// The budget has too few bytes left for another tenant.
    #[error("the budget of {max} bytes has no {needed} left for the tenant: raise max_bytes")]
    #[non_exhaustive]
    NoBytes {
        /// The bytes that the tenant needs.
        needed: u64,
        /// The budget.
        max: u64,
    },
    /// The class of the tenant, or all tenants, were cancelled.
    #[error("the class of the tenant was cancelled")]
    Cancelled,
    /// The tenant's map could not be created.
    #[error("cannot create the tenant's map")]
    Create(#[source] CreateError),
    /// The tenant's map rejected a first entry.
    #[error("the tenant's map rejected its first entries")]
    Preload(#[source] PreloadError),
}

/// The error returned by [`Tenants::try_classes`](crate::Tenants::try_classes).
#[derive(Debug, thiserror::Error)]
#[error("a tenant of the class `{class}` cannot be created")]
#[non_exhaustive]
pub struct ClassError {
    /// The name of the class.
    pub class: String,
    /// The reason.
    pub source: CheckoutError,
}

/// The error returned by an operation of a [`Checkout`](crate::Checkout).
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum TenantError {
    /// The tenant has used up its rate. Nothing has happened.
    #[error(transparent)]
    RateLimited(#[from] RateLimited),
    /// The keys of a batch are in several maps of the tenant, which cannot change together. Nothing
    /// has happened.
    #[error(
        "the keys of the batch are in several shards of the tenant, which cannot change together: use a \
         batch for each key, or a class with one shard per tenant"
    )]
    AcrossShards,
    /// The map returned an error.
    #[error(transparent)]
    Map(#[from] Error),
}

/// The error of an operation that exceeds the [rate](crate::RateLimit) of its tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the tenant has used up its rate: retry after {retry_after:?}")]
#[non_exhaustive]
pub struct RateLimited {
    /// The time after which the same operation is admitted, unless others come first. At least 1 ns.
    pub retry_after: Duration,
}

impl From<MapTerminated> for TenantError {
    fn from(terminated: MapTerminated) -> Self {
        Self::Map(terminated.into())
    }
}
