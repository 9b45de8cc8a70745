//! The observers of a handler's maps, which depend on their scope.

use crate::map_scope::MapScope;
use localmap::{MapOptions, Observer, TenantName, TenantsObserver, TenantsOptions};
use localmap_telemetry::Telemetry;
use std::sync::Arc;

/// Observes the maps that belong to no tenant.
pub(crate) fn map(map: MapOptions, telemetry: &Telemetry, scope: &MapScope) -> MapOptions {
    match scope.class() {
        Some(class) => map.observer(telemetry.observer(class)),
        None => map,
    }
}

/// Observes the tenants of a header. If its values are secret, only their maps.
pub(crate) fn tenants(
    tenants: TenantsOptions,
    telemetry: &Telemetry,
    scope: &MapScope,
) -> TenantsOptions {
    tenants.observer(match scope.is_secret() {
        true => Arc::new(Unnamed(telemetry.clone())),
        false => telemetry.tenants_observer(),
    })
}

/// Observes the maps of tenants whose names are secret.
struct Unnamed(Telemetry);

impl TenantsObserver for Unnamed {
    fn observer(&self, _: &TenantName, class: &Arc<str>) -> Option<Arc<dyn Observer>> {
        Some(self.0.observer(class))
    }
}
