//! The compiled and linked map component, of which all maps of a host are instances.

use crate::artifact::components::MAP_COMPONENT;
use crate::contract::bindings::{control, local_map};
use crate::contract::names::LOCAL_MAP;
use crate::runtime::store_data::StoreData;
use wasmtime::Store;
use wasmtime::component::{ComponentExportIndex, Func, InstancePre, WasmList};

/// A compiled map component, with the indices of its exports.
#[derive(Clone)]
pub(crate) struct Compiled {
    pub(crate) instance: InstancePre<StoreData>,
    pub(crate) local_map: local_map::GuestIndices,
    pub(crate) control: control::GuestIndices,
    /// The export `get`, if this is the crate's own component. That component guarantees more than
    /// the contract: it starts with the default limits, and its results stay in place until the
    /// next call.
    own_get: Option<ComponentExportIndex>,
}

impl Compiled {
    /// Finds the exports of the component, which was compiled from `bytes`.
    pub(crate) fn new(instance: InstancePre<StoreData>, bytes: &[u8]) -> wasmtime::Result<Self> {
        let component = instance.component();
        let own_get = (bytes == MAP_COMPONENT)
            .then(|| component.get_export_index(None, LOCAL_MAP))
            .flatten()
            .and_then(|map| component.get_export_index(Some(&map), "get"));
        Ok(Self {
            local_map: local_map::GuestIndices::new(&instance)?,
            control: control::GuestIndices::new(&instance)?,
            own_get,
            instance,
        })
    }

    /// Returns `true` for this crate's own component.
    pub(crate) fn is_own(&self) -> bool {
        self.own_get.is_some()
    }

    /// Returns a `get` whose result can be read in place. If this is `None`, call `get` through the
    /// bindings, because the component may free its result before it can be read.
    pub(crate) fn own_get(&self) -> Option<&ComponentExportIndex> {
        self.own_get.as_ref()
    }
}

/// Calls `get` and appends the value of `key` to `buffer`, copying it once. Returns its length.
pub(crate) fn append(
    store: &mut Store<StoreData>,
    get: Func,
    key: &[u8],
    buffer: &mut Vec<u8>,
) -> wasmtime::Result<Option<usize>> {
    let get = get.typed::<(&[u8],), (Option<WasmList<u8>>,)>(&*store)?;
    let (value,) = get.call(&mut *store, (key,))?;
    Ok(value.map(|value| {
        buffer.extend_from_slice(value.as_le_slice(&*store));
        value.len()
    }))
}
