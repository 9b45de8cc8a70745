//! The observer of tenants: gives each of them an observer for its maps.

use crate::map_observer::MapObserver;
use crate::shared::Shared;
use localmap::{Observer, TenantEnd, TenantName, TenantStats, TenantsObserver};
use std::sync::Arc;

/// Observes the tenants of all classes.
pub(crate) struct ClassObserver {
    shared: Arc<Shared>,
}

impl ClassObserver {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self {
            shared: Arc::clone(shared),
        }
    }
}

impl TenantsObserver for ClassObserver {
    fn observer(&self, tenant: &TenantName, class: &Arc<str>) -> Option<Arc<dyn Observer>> {
        let id = self.shared.names.id(tenant.as_bytes());
        Some(Arc::new(MapObserver::new(&self.shared, class, id)))
    }

    fn dropped(&self, _: &TenantName, _: &Arc<str>, _: TenantEnd, _: &TenantStats) {}
}
