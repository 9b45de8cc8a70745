//! What a survey reads.

use crate::survey::maps::WatchedMap;
use localmap::{Host, LocalMap, Tenants};
use std::sync::{Arc, Mutex};

/// What a survey reads.
#[derive(Default)]
pub(crate) struct Watched {
    pub(crate) host: Option<Host>,
    pub(crate) tenants: Option<Tenants>,
    /// Maps that belong to no tenant, until the next survey takes them.
    pub(crate) maps: Vec<WatchedMap>,
}

impl Watched {
    /// Adds a map that belongs to no tenant.
    pub(crate) fn add_map(&mut self, class: &str, map: &Arc<Mutex<LocalMap>>) {
        if self.maps.len() == self.maps.capacity() {
            self.maps.retain(WatchedMap::is_there);
        }
        self.maps.push(WatchedMap::new(class, map));
    }

    /// Returns all of it for a survey, which keeps the maps.
    pub(crate) fn take(&mut self) -> Self {
        Self {
            host: self.host.clone(),
            tenants: self.tenants.clone(),
            maps: std::mem::take(&mut self.maps),
        }
    }
}
