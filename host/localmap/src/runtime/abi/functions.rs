//! The functions of a map's core module, with their canonical names and core types.

use crate::contract::names::{CHANGES, CONTROL, LOCAL_MAP};
use std::any::type_name;
use wasmtime::{
    Extern, ExternType, Instance, Module, ModuleExport, Result, Store, TypedFunc, ValType,
    WasmParams, WasmResults, bail, format_err,
};

/// Begins the names of the exports that the map component has for this crate's host alone.
const HOST: &str = "localmap:host#";

/// A function of a core module: its export, and the export that frees its result.
pub(crate) struct Export {
    function: ModuleExport,
    post_return: Option<ModuleExport>,
}

/// A function of an instance, which is found when it is first called.
pub(crate) struct Function<P, R> {
    function: Option<TypedFunc<P, R>>,
    post_return: Option<TypedFunc<R, ()>>,
}

impl<P, R> Default for Function<P, R> {
    fn default() -> Self {
        Self {
            function: None,
            post_return: None,
        }
    }
}

impl<P: WasmParams, R: WasmResults + WasmParams> Function<P, R> {
    /// Calls the function.
    pub(crate) fn call<T: 'static>(
        &mut self,
        store: &mut Store<T>,
        instance: &Instance,
        export: &Export,
        params: P,
    ) -> Result<R> {
        let function = match &self.function {
            Some(function) => function,
            None => &*self
                .function
                .insert(find(store, instance, &export.function)?),
        };
        function.call(store, params)
    }

    /// Frees a result that has been read.
    pub(crate) fn post_return<T: 'static>(
        &mut self,
        store: &mut Store<T>,
        instance: &Instance,
        export: &Export,
        result: R,
    ) -> Result<()> {
        let Some(export) = &export.post_return else {
            return Ok(());
        };
        let function = match &self.post_return {
            Some(function) => function,
            None => &*self.post_return.insert(find(store, instance, export)?),
        };
        function.call(store, result)
    }
}

#[cold]
fn find<T: 'static, P: WasmParams, R: WasmResults>(
    store: &mut Store<T>,
    instance: &Instance,
    export: &ModuleExport,
) -> Result<TypedFunc<P, R>> {
    let function = instance
        .get_module_export(&mut *store, export)
        .and_then(Extern::into_func)
        .ok_or_else(|| format_err!("not a function of this instance"))?;
    function.typed(&*store)
}

/// A list of core types, as parameters or as results.
trait CoreTypes {
    const TYPES: &'static [ValType];
}

/// Lists the core types of the tuples that are used below.
macro_rules! core_types {
    ($($types:ty: $($core:ident)*,)*) => {
        $(impl CoreTypes for $types {
            const TYPES: &'static [ValType] = &[$(ValType::$core),*];
        })*
    };
}

core_types! {
    (): ,
    u32: I32,
    u64: I64,
    Bytes: I32 I32,
    (u32, u32, u32, u32): I32 I32 I32 I32,
    (u32, u32, u32, u64): I32 I32 I32 I64,
    (u32, u32, u64): I32 I32 I64,
    (u32, u32, u64, u32): I32 I32 I64 I32,
    (u32, u32, i64, u32, u64): I32 I32 I64 I32 I64,
    (u32, u32, u32, u32, u32, u64): I32 I32 I32 I32 I32 I64,
    (u32, u32, u32, u32, u32, u64, u32, u64): I32 I32 I32 I32 I32 I64 I32 I64,
    (u64, u64, u32, u64, u32, u64, u32, u32, u32): I64 I64 I32 I64 I32 I64 I32 I32 I32,
}

/// A list: its address and its length.
pub(crate) type Bytes = (u32, u32);

/// Returns the export of this name, if the module has it.
///
/// # Errors
///
/// Returns an error if it is not a function with these types.
fn export<P: CoreTypes, R: CoreTypes>(module: &Module, name: &str) -> Result<Option<ModuleExport>> {
    let same = |mut actual: Box<dyn Iterator<Item = ValType> + '_>, expected: &[ValType]| {
        expected
            .iter()
            .all(|expected| actual.next().is_some_and(|actual| actual.matches(expected)))
            && actual.next().is_none()
    };
    match module.get_export(name) {
        None => Ok(None),
        Some(ExternType::Func(function))
            if same(Box::new(function.params()), P::TYPES)
                && same(Box::new(function.results()), R::TYPES) =>
        {
            Ok(module.get_export_index(name))
        }
        Some(_) => bail!(
            "the core module's `{name}` is not a function of {} that returns {}",
            type_name::<P>(),
            type_name::<R>()
        ),
    }
}

/// Declares functions: a struct of exports for a module, and one of functions for an instance.
macro_rules! functions {
    (
        $(#[$exports_docs:meta])* $exports:ident;
        $(#[$functions_docs:meta])* $functions:ident;
        $($name:ident: $interface:expr, $export:literal, $params:ty => $results:ty;)*
    ) => {
        $(#[$exports_docs])*
        pub(crate) struct $exports {
            $(pub(crate) $name: Export,)*
        }

        impl $exports {
            /// Finds the exports. Returns an error if one is missing or has another type.
            pub(crate) fn find(module: &Module) -> Result<Self> {
                Ok(Self {
                    $($name: {
                        let name = format!("{}{}", $interface, $export);
                        let Some(function) = export::<$params, $results>(module, &name)? else {
                            bail!("the core module does not export `{name}`");
                        };
                        let post_return = format!("cabi_post_{name}");
                        Export {
                            function,
                            post_return: export::<$results, ()>(module, &post_return)?,
                        }
                    },)*
                })
            }
        }

        $(#[$functions_docs])*
        #[derive(Default)]
        pub(crate) struct $functions {
            $(pub(crate) $name: Function<$params, $results>,)*
        }
    };
}

functions! {
    /// The exports of a map's core module.
    Exports;
    /// The functions of a map's instance.
    Functions;
    realloc: "", "cabi_realloc", (u32, u32, u32, u32) => u32;
    get: LOCAL_MAP, "#get", Bytes => u32;
    get_entry: LOCAL_MAP, "#get-entry", Bytes => u32;
    get_many: LOCAL_MAP, "#get-many", Bytes => u32;
    contains: LOCAL_MAP, "#contains", Bytes => u32;
    set: LOCAL_MAP, "#set", (u32, u32, u32, u32, u32, u64) => u32;
    set_if: LOCAL_MAP, "#set-if", (u32, u32, u32, u32, u32, u64, u32, u64) => u32;
    increment: LOCAL_MAP, "#increment", (u32, u32, i64, u32, u64) => u32;
    touch: LOCAL_MAP, "#touch", (u32, u32, u32, u64) => u32;
    take: LOCAL_MAP, "#take", Bytes => u32;
    delete: LOCAL_MAP, "#delete", Bytes => u32;
    delete_if: LOCAL_MAP, "#delete-if", (u32, u32, u64) => u32;
    apply: LOCAL_MAP, "#apply", Bytes => u32;
    pin: LOCAL_MAP, "#pin", Bytes => u32;
    pinned_value: LOCAL_MAP, "#[method]pinned.value", u32 => u32;
    pinned_version: LOCAL_MAP, "#[method]pinned.version", u32 => u64;
    drop_pinned: LOCAL_MAP, "#[dtor]pinned", u32 => ();
    scan: LOCAL_MAP, "#scan", (u32, u32, u64, u32) => u32;
    len: LOCAL_MAP, "#len", () => u64;
    configure: CONTROL, "#configure", (u64, u64, u32, u64, u32, u64, u32, u32, u32) => u32;
    current_limits: CONTROL, "#current-limits", () => u32;
    stats: CONTROL, "#stats", () => u32;
    sweep: CONTROL, "#sweep", u32 => u32;
    clear: CONTROL, "#clear", () => ();
}

functions! {
    /// The exports for this crate's host: `get` and `set` with key and value in the room, a buffer
    /// in the map's memory.
    HostExports;
    /// The functions for this crate's host.
    HostFunctions;
    room: HOST, "room", () => u64;
    get: HOST, "get", u32 => u32;
    set: HOST, "set", (u32, u32, u32, u64) => u32;
}

functions! {
    /// The exports of a map that tells what changes.
    ChangesExports;
    /// The functions of a map that tells what changes.
    ChangesFunctions;
    watch: CHANGES, "#watch", u32 => u32;
    drain: CHANGES, "#drain", () => u32;
    peek: CHANGES, "#peek", Bytes => u32;
}

impl HostExports {
    /// Finds the exports. Returns `None` if the module has none of them.
    ///
    /// # Errors
    ///
    /// Returns an error if it has only some, or if one has another type.
    pub(crate) fn find_all(module: &Module) -> Result<Option<Self>> {
        has_exports(module, HOST)
            .then(|| Self::find(module))
            .transpose()
    }
}

impl ChangesExports {
    /// Finds the exports. Returns `None` if the module has none of them.
    ///
    /// # Errors
    ///
    /// Returns an error if it has only some, or if one has another type.
    pub(crate) fn find_all(module: &Module) -> Result<Option<Self>> {
        has_exports(module, CHANGES)
            .then(|| Self::find(module))
            .transpose()
    }
}

/// Returns `true` if the module has an export whose name begins with `prefix`.
fn has_exports(module: &Module, prefix: &str) -> bool {
    let mut exports = module.exports();
    exports.any(|export| export.name().starts_with(prefix))
}
