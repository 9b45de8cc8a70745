//! A component that is a guest: checked, compiled and linked, with its function.

use super::error::GuestError;
use super::options::GuestsOptions;
use localmap::wasmtime::component::types::{ComponentFunc, ComponentItem, Type};
use localmap::wasmtime::component::{
    Component, ComponentExportIndex, Instance, InstancePre, Linker,
};
use localmap::wasmtime::{self, Engine, Store};
use localmap::{
    Buckets, Inspection, inspect, inspect_declarations, linkable, missing_imports, names,
};
use localmap_serve::{Sandbox, SandboxConfig, SandboxError};

/// The answer of a guest, which it returns as the only element.
type Answer = (Result<Vec<u8>, String>,);

/// A compiled and linked guest.
pub(super) struct GuestComponent {
    pre: InstancePre<Sandbox<()>>,
    handle: ComponentExportIndex,
}

impl GuestComponent {
    /// Checks and compiles a component.
    pub(super) fn new(bytes: &[u8], options: &GuestsOptions) -> Result<Self, GuestError> {
        check(bytes, &inspect_declarations(bytes)?)?;
        let component = compile(bytes, options)?;
        let handle = handle(&component).ok_or(GuestError::OtherHandler)?;
        let link = |source| GuestError::Linker { source };
        let linker = linker(component.engine()).map_err(link)?;
        let pre = linker.instantiate_pre(&component).map_err(link)?;
        Ok(Self { pre, handle })
    }

    pub(super) fn engine(&self) -> &Engine {
        self.pre.engine()
    }

    /// Creates an instance.
    pub(super) async fn instantiate(
        &self,
        store: &mut Store<Sandbox<()>>,
    ) -> wasmtime::Result<Instance> {
        self.pre.instantiate_async(store).await
    }

    /// Creates an instance and calls it.
    pub(super) async fn call(
        &self,
        store: &mut Store<Sandbox<()>>,
        request: &[u8],
    ) -> wasmtime::Result<Result<Vec<u8>, String>> {
        let instance = self.instantiate(store).await?;
        let handle = instance.get_typed_func::<(&[u8],), Answer>(&mut *store, &self.handle)?;
        let (answer,) = handle.call_async(store, (request,)).await?;
        Ok(answer)
    }
}

/// Decides whether a component can be a guest, before it is compiled.
fn check(bytes: &[u8], found: &Inspection) -> Result<(), GuestError> {
    if !found.has_export(names::HANDLER) {
        return Err(GuestError::NoHandler);
    }
    if !found.keyvalue.is_empty() {
        return Err(GuestError::Keyvalue);
    }
    // Unchanged, as it does not import `wasi:keyvalue`.
    linkable(bytes, found, &Buckets::new())?;
    let engine = SandboxConfig::new().engine()?;
    let linker = linker(&engine).map_err(|source| GuestError::Linker { source })?;
    let missing = missing_imports(bytes, &linker)?;
    match missing.is_empty() {
        true => Ok(()),
        false => Err(GuestError::Imports { missing }),
    }
}

/// Compiles a component, or says what is wrong with its code, which nothing has read before.
fn compile(bytes: &[u8], options: &GuestsOptions) -> Result<Component, GuestError> {
    let compiled = options.sandbox.compile_pooled(bytes, options.max_calls);
    compiled.map_err(|error| match (&error, inspect(bytes)) {
        (SandboxError::Compile { .. }, Err(invalid)) => invalid.into(),
        _ => error.into(),
    })
}

/// Creates the linker of guests: the imports of the sandbox, and the map.
fn linker(engine: &Engine) -> wasmtime::Result<Linker<Sandbox<()>>> {
    let mut linker = Linker::new(engine);
    Sandbox::add_to_linker_async(&mut linker)?;
    localmap::add_to_linker(&mut linker, Sandbox::linked_map)?;
    Ok(linker)
}

/// Finds the function of a guest, if it has the types of the contract.
fn handle(component: &Component) -> Option<ComponentExportIndex> {
    let (_, interface) = component.get_export(None, names::HANDLER)?;
    match component.get_export(Some(&interface), "handle")? {
        (ComponentItem::ComponentFunc(function), handle) if fits(&function) => Some(handle),
        _ => None,
    }
}

fn fits(function: &ComponentFunc) -> bool {
    let params: Vec<Type> = function.params().map(|(_, kind)| kind).collect();
    let results: Vec<Type> = function.results().collect();
    match (&params[..], &results[..]) {
        ([request], [Type::Result(answer)]) => {
            let (response, error) = (answer.ok(), answer.err());
            !function.async_()
                && is_bytes(request)
                && response.is_some_and(|response| is_bytes(&response))
                && matches!(error, Some(Type::String))
        }
        _ => false,
    }
}

fn is_bytes(kind: &Type) -> bool {
    matches!(kind, Type::List(list) if list.ty() == Type::U8)
}
