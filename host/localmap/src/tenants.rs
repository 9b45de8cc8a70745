//! Tenants: a registry of maps by name, with quotas for each tenant and for all of them.

pub(crate) mod checkout;
pub(crate) mod class;
mod creation;
pub(crate) mod error;
mod hasher;
mod history;
pub(crate) mod name;
pub(crate) mod observer;
pub(crate) mod options;
mod quotas;
pub(crate) mod rate_limit;
pub(crate) mod registry;
mod slots;
pub(crate) mod stats;
mod tenant;
