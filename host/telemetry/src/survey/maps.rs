//! The maps that belong to no tenant.

use crate::overview::{Row, RowName};
use crate::survey::sums::{add, add_counts};
use localmap::{LocalMap, Stats};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};

/// The number of expired entries that one call visits, while others wait for the map.
const SWEPT_PER_CALL: u32 = 256;

/// The number of calls that visit expired entries before the statistics are read.
const MAX_SWEEPS: usize = 64;

/// A map that belongs to no tenant.
pub(crate) struct WatchedMap {
    class: Arc<str>,
    map: Weak<Mutex<LocalMap>>,
    /// The statistics when they were last read.
    last: Stats,
}

/// The maps that belong to no tenant, and what those have counted that are no longer there.
#[derive(Default)]
pub(crate) struct WatchedMaps {
    maps: Vec<WatchedMap>,
    gone: BTreeMap<Arc<str>, Stats>,
}

impl WatchedMap {
    pub(crate) fn new(class: &str, map: &Arc<Mutex<LocalMap>>) -> Self {
        Self {
            class: class.into(),
            map: Arc::downgrade(map),
            last: Stats::default(),
        }
    }

    /// Returns `true` unless the map was dropped.
    pub(crate) fn is_there(&self) -> bool {
        self.map.strong_count() > 0
    }

    /// Reads the statistics, if the map is there and not busy.
    fn read(&mut self) -> bool {
        let Some(map) = self.map.upgrade() else {
            return false;
        };
        if let Some(stats) = try_stats(&map) {
            self.last = stats;
        }
        true
    }
}

impl WatchedMaps {
    /// Adds maps.
    pub(crate) fn extend(&mut self, maps: Vec<WatchedMap>) {
        self.maps.extend(maps);
    }

    /// Reads the statistics of all maps, and adds them up by class. Returns the maps that are there.
    pub(crate) fn survey(&mut self, sums: &mut BTreeMap<Arc<str>, Stats>) -> Vec<Row> {
        let Self { maps, gone } = self;
        maps.retain_mut(|watched| {
            let is_there = watched.read();
            if !is_there {
                let gone = gone.entry(Arc::clone(&watched.class)).or_default();
                add_counts(gone, &watched.last);
            }
            is_there
        });
        for (class, stats) in &*gone {
            add(sums.entry(Arc::clone(class)).or_default(), stats);
        }
        for WatchedMap { class, last, .. } in &*maps {
            add(sums.entry(Arc::clone(class)).or_default(), last);
        }
        maps.iter().map(WatchedMap::row).collect()
    }
}

impl WatchedMap {
    fn row(&self) -> Row {
        Row {
            name: RowName::Map(Arc::clone(&self.class)),
            class: Arc::clone(&self.class),
            idle: None,
            stats: self.last,
            granted: 0,
            rate_limited: 0,
            created: 1,
        }
    }
}

/// Returns the statistics of a map, unless it is busy or has terminated, or has more expired entries than
/// are visited at a time. Each call into it is short, and others may call it in between.
fn try_stats(map: &Mutex<LocalMap>) -> Option<Stats> {
    for _ in 0..MAX_SWEEPS {
        let mut map = map.try_lock().ok()?;
        if map.sweep(SWEPT_PER_CALL).ok()? < SWEPT_PER_CALL {
            return map.stats().ok();
        }
    }
    None
}
