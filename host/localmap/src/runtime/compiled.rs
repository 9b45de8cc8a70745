//! The compiled and linked core module of a map component, of which all maps of a host are
//! instances.

use crate::artifact::components::MAP_COMPONENT;
use crate::artifact::core_module::core_module;
use crate::contract::names::{CLOCK, LOCAL_MAP, SEED};
use crate::runtime::abi::functions::{ChangesExports, Exports, HostExports};
use crate::runtime::store_data::StoreData;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::OnceLock;
use wasmtime::{
    Caller, Engine, Extern, InstancePre, Linker, Module, ModuleExport, Result, bail, format_err,
};

/// A compiled core module, with the indices of its exports.
pub(crate) struct Compiled {
    pub(crate) instance: InstancePre<StoreData>,
    pub(crate) memory: ModuleExport,
    pub(crate) exports: Exports,
    /// The exports that tell what changes, if the module has them.
    pub(crate) changes: Option<ChangesExports>,
    /// The function that the toolchains of some languages need to be called first.
    pub(crate) initialize: Option<ModuleExport>,
    /// The exports for this crate's host, if the module has them.
    pub(crate) host: Option<HostExports>,
    /// The buffer of this crate's own component, once an instance has been asked for it. It is at
    /// the same address in all of them.
    pub(crate) room: OnceLock<Room>,
    /// Whether this is the crate's own component, which starts with the default limits.
    pub(crate) is_own: bool,
}

/// A buffer in the memory of an instance, for the key and the value of a call.
#[derive(Clone, Copy)]
pub(crate) struct Room {
    pub(crate) address: usize,
    pub(crate) size: usize,
}

impl Room {
    /// Splits the result of the core module's `room`: its address in the lower half, its size in
    /// bytes in the upper half.
    pub(crate) fn new(found: u64) -> Self {
        let half = |half: u64| usize::try_from(half & u64::from(u32::MAX)).unwrap_or(usize::MAX);
        Self {
            address: half(found),
            size: half(found >> 32),
        }
    }
}

impl Compiled {
    /// Compiles the core module of a map component, and links it with the clock of its store and a
    /// random seed.
    ///
    /// # Errors
    ///
    /// Returns an error if the component has no core module that exports the contract, or if that
    /// module imports anything else.
    pub(crate) fn new(engine: &Engine, component: &[u8]) -> Result<Self> {
        let Some(module) = core_module(component)? else {
            bail!("it contains no core module that exports {LOCAL_MAP}");
        };
        let module = Module::from_binary(engine, module)?;
        let memory = match module.get_export("memory") {
            Some(wasmtime::ExternType::Memory(memory)) if !memory.is_64() => {
                module.get_export_index("memory")
            }
            _ => None,
        };
        Ok(Self {
            memory: memory
                .ok_or_else(|| format_err!("its core module does not export `memory`"))?,
            exports: Exports::find(&module)?,
            changes: ChangesExports::find_all(&module)?,
            initialize: module.get_export_index("_initialize"),
            host: HostExports::find_all(&module)?,
            room: OnceLock::new(),
            is_own: component == MAP_COMPONENT,
            instance: linker(engine)?.instantiate_pre(&module)?,
        })
    }
}

/// Defines what a core module may import.
fn linker(engine: &Engine) -> Result<Linker<StoreData>> {
    let mut linker = Linker::<StoreData>::new(engine);
    linker.func_wrap(CLOCK, "now", |mut store: Caller<'_, StoreData>| {
        store.data_mut().now()
    })?;
    linker.func_wrap(CLOCK, "resolution", || 1u64)?;
    linker.func_wrap(SEED, "insecure-seed", write_seed)?;
    let pins = format!("[export]{LOCAL_MAP}");
    linker.func_wrap(
        &pins,
        "[resource-new]pinned",
        |mut store: Caller<'_, StoreData>, rep: u32| store.data_mut().pins.add(rep),
    )?;
    linker.func_wrap(
        &pins,
        "[resource-rep]pinned",
        |mut store: Caller<'_, StoreData>, handle: u32| store.data_mut().pins.rep(handle),
    )?;
    linker.func_wrap(&pins, "[resource-drop]pinned", drop_handle)?;
    Ok(linker)
}

/// Writes a random seed to the address that the module passes.
fn write_seed(mut store: Caller<'_, StoreData>, address: u32) -> Result<()> {
    let mut seed = [0; 16];
    for half in seed.chunks_exact_mut(8) {
        half.copy_from_slice(&random().to_le_bytes());
    }
    // A module that asks for its seed while it starts is not known yet.
    let memory = store.data().instance_memory;
    let memory = memory.or_else(|| store.get_export("memory")?.into_memory());
    let memory = memory.ok_or_else(|| format_err!("the map has no memory"))?;
    memory.write(&mut store, address as usize, &seed)?;
    Ok(())
}

/// Drops a handle of the module, and with it the pin.
fn drop_handle(mut store: Caller<'_, StoreData>, handle: u32) -> Result<()> {
    let rep = store.data_mut().pins.take(handle)?;
    let drop = store.get_export(&format!("{LOCAL_MAP}#[dtor]pinned"));
    let drop = drop.and_then(Extern::into_func);
    let drop = drop.ok_or_else(|| format_err!("the map cannot drop pins"))?;
    drop.typed::<u32, ()>(&store)?.call(&mut store, rep)
}

/// Returns 64 bits that a guest cannot predict. They come from the seeds of the standard library's
/// hash maps, which the operating system provides.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
