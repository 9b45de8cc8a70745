//! What all calls share: the tenants, the options, and the end of the sidecar.

use crate::ending::Ending;
use crate::options::SidecarOptions;
use crate::{rejection, status, tenant_name};
use localmap::{Change, Checkout, Tenants, Ttl};
use localmap_sidecar_proto::Rejection;
use std::ops::Deref;
use tokio::sync::Notify;
use tonic::Status;

/// The state of a sidecar.
pub(crate) struct State {
    pub(crate) tenants: Tenants,
    pub(crate) options: SidecarOptions,
    pub(crate) ending: Ending,
    became_idle: Notify,
}

impl State {
    pub(crate) fn new(tenants: Tenants, options: SidecarOptions) -> Self {
        Self {
            tenants,
            options,
            ending: Ending::new(),
            became_idle: Notify::new(),
        }
    }

    /// Returns the map of a tenant, which it creates if there is none.
    pub(crate) fn checkout(&self, tenant: &str) -> Result<CheckedOut<'_>, Status> {
        tenant_name::check(tenant)?;
        let checkout = self.tenants.checkout(tenant.as_bytes());
        let checkout = checkout.map_err(|error| status::checkout(&error))?;
        Ok(CheckedOut {
            state: self,
            checkout,
        })
    }

    /// Drops each tenant once it has been idle for long enough. Never returns.
    pub(crate) async fn drop_idle_tenants(&self) -> std::convert::Infallible {
        loop {
            match self.tenants.next_sweep() {
                None => self.became_idle.notified().await,
                Some(after) => tokio::time::sleep(after).await,
            }
            drop(self.tenants.sweep());
        }
    }
}

/// The map of a tenant, which is in use until this is dropped.
pub(crate) struct CheckedOut<'a> {
    state: &'a State,
    checkout: Checkout,
}

impl CheckedOut<'_> {
    /// Checks a write against the rule of the sidecar. Returns the TTL that it gets.
    ///
    /// The library asks a map's own rule only for the writes of linked apps.
    pub(crate) fn admit_write(&self, change: &Change<'_>, ttl: Ttl) -> Result<Ttl, Rejection> {
        match &self.state.options.rule {
            None => Ok(ttl),
            Some(rule) => rule.check(change, ttl).map_err(rejection::of_rule),
        }
    }

    /// Tells the mirrors of the map that it may have changed.
    pub(crate) fn changed(&self) {}
}

impl Deref for CheckedOut<'_> {
    type Target = Checkout;

    fn deref(&self) -> &Checkout {
        &self.checkout
    }
}

impl Drop for CheckedOut<'_> {
    fn drop(&mut self) {
        // The sweep waits for this only while there is no tenant at all.
        self.state.became_idle.notify_one();
    }
}
