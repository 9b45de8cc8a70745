//! Creates the maps of a handler.

use crate::error::MapError;
use localmap::{
    CreateError, Host, LocalMap, MapOptions, Preload, TenantClass, Tenants, TenantsOptions,
};
use std::time::Duration;

/// Creates maps with the limits and the initial entries of a handler.
pub(crate) struct MapFactory {
    host: Host,
    options: MapOptions,
    entries: Vec<Preload>,
    tenants: Tenants,
}

impl MapFactory {
    /// Creates a factory, and a map to check that this works. Its tenants may be idle for
    /// `idle_timeout`.
    pub(crate) fn new(
        host: Host,
        options: MapOptions,
        entries: Vec<Preload>,
        idle_timeout: Duration,
    ) -> Result<Self, MapError> {
        drop(create(&host, &options, &entries)?);
        let class = TenantClass::new("default")
            .map(options.clone())
            .entries(entries.clone())
            .idle_timeout(idle_timeout);
        // Nobody reads the statistics of a tenant that is gone.
        let all = TenantsOptions::new().class(class).max_history(0);
        Ok(Self {
            tenants: Tenants::new(&host, all).map_err(MapError::Tenants)?,
            host,
            options,
            entries,
        })
    }

    /// Creates a map with the initial entries.
    pub(crate) fn create(&self) -> Result<LocalMap, MapError> {
        create(&self.host, &self.options, &self.entries)
    }

    /// Returns the tenants, each of which has such a map.
    pub(crate) fn tenants(&self) -> &Tenants {
        &self.tenants
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
