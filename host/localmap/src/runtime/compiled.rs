//! A map component, compiled and linked: what all maps of a host are made of.

use crate::artifact::MAP_COMPONENT;
use crate::contract::bindings::{control, local_map};
use crate::contract::names::LOCAL_MAP;
use crate::runtime::store_data::StoreData;
use wasmtime::Store;
use wasmtime::component::{ComponentExportIndex, Func, InstancePre, WasmList};

#[derive(Clone)]
pub(crate) struct Compiled {
    pub(crate) instance: InstancePre<StoreData>,
    pub(crate) local_map: local_map::GuestIndices,
    pub(crate) control: control::GuestIndices,
    /// `get` of the component that comes with this crate, of which more is known than the
    /// contract says: it starts with the default limits, and what it answers stays where
    /// it is until the next call.
    ours: Option<ComponentExportIndex>,
}

impl Compiled {
    pub(crate) fn new(instance: InstancePre<StoreData>, bytes: &[u8]) -> wasmtime::Result<Self> {
        let component = instance.component();
        let ours = (bytes == MAP_COMPONENT)
            .then(|| component.get_export_index(None, LOCAL_MAP))
            .flatten()
            .and_then(|map| component.get_export_index(Some(&map), "get"));
        Ok(Self {
            local_map: local_map::GuestIndices::new(&instance)?,
            control: control::GuestIndices::new(&instance)?,
            ours,
            instance,
        })
    }

    /// Whether it is the component that comes with this crate.
    pub(crate) fn is_ours(&self) -> bool {
        self.ours.is_some()
    }

    /// `get` that copies once; `None`: ask the bindings, as this component may free what it
    /// answers before that can be read.
    pub(crate) fn get(&self) -> Option<&ComponentExportIndex> {
        self.ours.as_ref()
    }
}

/// Appends the value of `key` to `buffer`, from where it lies.
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
