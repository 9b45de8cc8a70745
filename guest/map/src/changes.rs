//! `localmap:core/changes`: what changes in the map, for its host.

use crate::bindings::Component;
use crate::bindings::exports::localmap::core::changes as wit;
use crate::state::{storing, with_map};
use alloc::vec::Vec;
use localmap_engine as engine;

impl wit::Guest for Component {
    fn watch(max_bytes: u32) -> Result<(), ()> {
        storing(|map| map.watch(max_bytes)).map_err(|_| ())
    }

    fn drain() -> wit::Told {
        let mut changed = Vec::new();
        let told = with_map(|map| {
            map.changes(|change| {
                changed.push(wit::Changed {
                    key: change.key.to_vec(),
                    became: change.became.into(),
                });
            })
        });
        wit::Told {
            changed,
            lost: told.lost,
            more: told.more,
            due_in: told.due_in,
        }
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

impl From<engine::Became> for wit::Became {
    fn from(became: engine::Became) -> Self {
        match became {
            engine::Became::Stored => Self::Stored,
            engine::Became::Touched => Self::Touched,
            engine::Became::Gone => Self::Gone,
        }
    }
}
