//! `localmap:core/changes`: what changes in the map, for its host.

use crate::bindings::Component;
use crate::bindings::exports::localmap::core::changes as wit;
use crate::state::{storing, with_map};
use alloc::vec::Vec;
use localmap_engine as engine;

/// Calls `visit` with each change. Their keys stay where they are until the next call. `abi` exports
/// this as `drain`.
pub(crate) fn drain(visit: impl FnMut(engine::Changed<'_>)) -> engine::Told {
    with_map(|map| map.changes(visit))
}

impl wit::Guest for Component {
    fn watch(max_bytes: u32) -> Result<(), ()> {
        storing(|map| map.watch(max_bytes)).map_err(|_| ())
    }

    fn peek(keys: Vec<Vec<u8>>) -> Vec<Option<wit::Entry>> {
        let mut entries = Vec::with_capacity(keys.len());
        with_map(|map| {
            map.peek(keys.iter().map(Vec::as_slice), |entry| {
                entries.push(entry.map(|entry| wit::Entry {
                    value: entry.value.to_vec(),
                    version: entry.version,
                    expires_in: entry.expires_in,
                }));
            });
        });
        entries
    }
}
