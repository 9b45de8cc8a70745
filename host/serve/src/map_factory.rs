//! Creates the maps of a handler.

use crate::error::MapError;
use localmap::{CreateError, Host, LocalMap, MapOptions, Preload, Tenants, TenantsOptions};

/// Creates maps with the limits and the initial entries of a handler.
pub(crate) struct MapFactory {
    host: Host,
    options: MapOptions,
    entries: Vec<Preload>,
    tenants: Tenants,
}

impl MapFactory {
    /// Creates a factory. Also creates a map, and one for each class of tenants, to check that this
    /// works.
    pub(crate) fn new(
        host: Host,
        options: MapOptions,
        entries: Vec<Preload>,
        tenants: TenantsOptions,
    ) -> Result<Self, MapError> {
        drop(create(&host, &options, &entries)?);
        let tenants = Tenants::new(&host, tenants).map_err(MapError::Tenants)?;
        tenants.try_classes().map_err(MapError::Class)?;
        Ok(Self {
            tenants,
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
