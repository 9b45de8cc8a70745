//! Numbers for tenants, which are shorter than their names: for traces and probes.

use localmap::lock;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// The number of a tenant. 0 is for maps that belong to none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(crate) struct TenantId(pub(crate) u32);

/// The names of tenants, by number. A tenant keeps its number when it is dropped and created again, up
/// to a maximum of names; after that, all new ones share the last number.
#[derive(Debug)]
pub(crate) struct Names {
    max: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    ids: HashMap<Arc<[u8]>, TenantId>,
    names: Vec<Arc<[u8]>>,
}

impl Names {
    /// Creates a table of at most `max` names.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            max: max.min(u32::MAX as usize - 1),
            state: Mutex::default(),
        }
    }

    /// Returns the number of a tenant, which may be a new one.
    pub(crate) fn id(&self, name: &[u8]) -> TenantId {
        let mut state = lock(&self.state);
        if let Some(id) = state.ids.get(name) {
            return *id;
        }
        let number = state.names.len().min(self.max) + 1;
        let id = TenantId(u32::try_from(number).unwrap_or(u32::MAX));
        if state.names.len() < self.max {
            let name: Arc<[u8]> = name.into();
            state.ids.insert(Arc::clone(&name), id);
            state.names.push(name);
        }
        id
    }

    /// Returns the name of a tenant; `None` if it has none of its own.
    pub(crate) fn name(&self, id: TenantId) -> Option<Arc<[u8]>> {
        let state = lock(&self.state);
        let index = (id.0 as usize).checked_sub(1)?;
        state.names.get(index).cloned()
    }
}
