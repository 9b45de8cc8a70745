//! Finds the functions of the interfaces that a plugged app exports for its host.

use crate::contract::bindings::changes;
use wasmtime::StoreContextMut;
use wasmtime::component::{
    Component, ComponentExportIndex, ComponentNamedList, Instance, Lift, Lower, TypedFunc,
};
use wasmtime::error::Context;

/// The exports of one of an instance's interfaces.
pub(super) struct Exports<'a, T: 'static> {
    pub(super) store: StoreContextMut<'a, T>,
    pub(super) component: &'a Component,
    pub(super) instance: &'a Instance,
    pub(super) name: &'static str,
    pub(super) interface: ComponentExportIndex,
}

impl<T> Exports<'_, T> {
    /// Finds a function, and compares its type with that of the contract.
    pub(super) fn function<P, R>(&mut self, function: &str) -> wasmtime::Result<TypedFunc<P, R>>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift,
    {
        let name = self.name;
        let index = self
            .component
            .get_export_index(Some(&self.interface), function)
            .with_context(|| format!("no `{function}` in {name}"))?;
        self.instance
            .get_typed_func(&mut self.store, index)
            .with_context(|| format!("`{function}` of {name} differs from the contract"))
    }
}

/// The entries of some keys, each of which may be absent.
pub(super) type Peeked = Vec<Option<changes::Entry>>;

/// The functions of `localmap:core/changes`.
pub(super) struct ChangesFunctions {
    pub(super) watch: TypedFunc<(u32,), (Result<(), ()>,)>,
    pub(super) drain: TypedFunc<(), (changes::Told,)>,
    pub(super) peek: TypedFunc<(&'static [&'static [u8]],), (Peeked,)>,
}

impl ChangesFunctions {
    /// Finds the functions among the exports of the interface.
    pub(super) fn find<T>(exports: &mut Exports<'_, T>) -> wasmtime::Result<Self> {
        Ok(Self {
            watch: exports.function("watch")?,
            drain: exports.function("drain")?,
            peek: exports.function("peek")?,
        })
    }
}
