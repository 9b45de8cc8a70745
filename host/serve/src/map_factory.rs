//! Creates the maps of a handler.

use crate::error::MapError;
use crate::map_scope::MapScope;
use crate::observed;
use localmap::{
    Checkout, CheckoutError, CreateError, Host, LocalMap, MapOptions, Preload, Tenants,
    TenantsOptions,
};
use localmap_telemetry::Telemetry;
use std::sync::{Arc, Mutex};

/// Creates maps with the limits and the initial entries of a handler.
pub(crate) struct MapFactory {
    host: Host,
    options: MapOptions,
    /// Observes what is created, apart from trials.
    telemetry: Option<(Telemetry, MapOptions)>,
    entries: Vec<Preload>,
    tenants: Tenants,
    /// Whether the tenants have classes that were set.
    has_classes: bool,
}

impl MapFactory {
    /// Creates a factory. Also creates a map, and one for each class of tenants, to check that this
    /// works.
    pub(crate) fn new(
        host: Host,
        options: MapOptions,
        entries: Vec<Preload>,
        tenants: TenantsOptions,
        has_classes: bool,
    ) -> Result<Self, MapError> {
        drop(create(&host, &options, &entries)?);
        let tenants = Tenants::new(&host, tenants).map_err(MapError::Tenants)?;
        tenants.try_classes().map_err(MapError::Class)?;
        Ok(Self {
            tenants,
            has_classes,
            host,
            options,
            telemetry: None,
            entries,
        })
    }

    /// Observes the maps of this scope that are created from now on.
    pub(crate) fn observed_by(self, telemetry: &Telemetry, scope: &MapScope) -> Self {
        telemetry.watch_host(&self.host);
        if matches!(scope, MapScope::Header(_)) && !scope.is_secret() {
            telemetry.watch_tenants(&self.tenants);
        }
        let options = observed::map(self.options.clone(), telemetry, scope);
        Self {
            telemetry: Some((telemetry.clone(), options)),
            ..self
        }
    }

    /// Creates a map with the initial entries.
    pub(crate) fn create(&self) -> Result<LocalMap, MapError> {
        let options = match &self.telemetry {
            Some((_, observed)) => observed,
            None => &self.options,
        };
        create(&self.host, options, &self.entries)
    }

    /// Creates a map that nobody observes.
    pub(crate) fn create_for_trial(&self) -> Result<LocalMap, MapError> {
        create(&self.host, &self.options, &self.entries)
    }

    /// Reports the statistics of the map that all requests share.
    pub(crate) fn watch(&self, map: &Arc<Mutex<LocalMap>>) {
        if let Some((telemetry, _)) = &self.telemetry
            && let Some(class) = MapScope::Server.class()
        {
            telemetry.watch_map(class, map);
        }
    }

    /// Returns the tenants, each of which has such a map.
    pub(crate) fn tenants(&self) -> &Tenants {
        &self.tenants
    }

    /// Begins a request of a tenant.
    pub(crate) fn checkout(&self, tenant: &[u8]) -> Result<Checkout, MapError> {
        let checkout = self.tenants.checkout(tenant).map_err(|error| match error {
            // Without classes of its own, the server has no limit of that name.
            CheckoutError::TooManyTenants { max, .. } if !self.has_classes => {
                MapError::TooManyMaps { max }
            }
            error => error.into(),
        })?;
        checkout.admit(1)?;
        Ok(checkout)
    }

    /// Returns the number of live maps that it has created.
    pub(crate) fn live_maps(&self) -> usize {
        self.host.live_maps()
    }
}

fn create(host: &Host, options: &MapOptions, entries: &[Preload]) -> Result<LocalMap, MapError> {
    let mut map = host.map(options).map_err(|error| match error {
        CreateError::TooManyMaps { max, .. } => MapError::TooManyMaps { max },
        error => MapError::Create(error),
    })?;
    map.preload(entries).map_err(MapError::Preload)?;
    Ok(map)
}
