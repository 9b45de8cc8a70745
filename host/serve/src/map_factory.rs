//! Creates the maps of a handler.

use crate::error::MapError;
use localmap::{CreateError, Host, LocalMap, MapOptions, Preload};

/// Creates maps with the limits and the initial entries of a handler.
pub(crate) struct MapFactory {
    host: Host,
    options: MapOptions,
    entries: Vec<Preload>,
}

impl MapFactory {
    pub(crate) fn new(host: Host, options: MapOptions, entries: Vec<Preload>) -> Self {
        Self {
            host,
            options,
            entries,
        }
    }

    /// Creates a map with the initial entries.
    pub(crate) fn create(&self) -> Result<LocalMap, MapError> {
        let mut map = self.host.map(&self.options).map_err(|error| match error {
            CreateError::TooManyMaps { max, .. } => MapError::TooManyMaps { max },
            error => MapError::Create(error),
        })?;
        map.preload(&self.entries).map_err(MapError::Preload)?;
        Ok(map)
    }

    /// Returns the number of live maps that it has created.
    pub(crate) fn live_maps(&self) -> usize {
        self.host.live_maps()
    }
}
