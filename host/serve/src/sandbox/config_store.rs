//! `wasi:config/store`: the values that the embedder has set.
//!
//! Written by hand, since the drafts differ in nothing but their names, and guests of other hosts
//! import each of them.

use super::data::Sandbox;
use localmap::wasmtime::component::{ComponentType, Lift, Linker, Lower};
use localmap::wasmtime::{self, StoreContextMut};

/// The names of the interface, with the newest first.
const NAMES: [&str; 4] = [
    "wasi:config/store@0.2.0-rc.1",
    "wasi:config/store@0.2.0-draft",
    "wasi:config/store@0.2.0-draft-2024-09-27",
    "wasi:config/runtime@0.2.0-draft",
];

/// The error of the interface, which this host never returns.
#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
#[component(wasmtime_crate = localmap::wasmtime)]
enum Error {
    #[component(name = "upstream")]
    Upstream(String),
    #[component(name = "io")]
    Io(String),
}

/// Adds the interface under all of its names.
pub(super) fn add_to_linker<T: 'static>(linker: &mut Linker<Sandbox<T>>) -> wasmtime::Result<()> {
    for name in NAMES {
        let mut interface = linker.instance(name)?;
        interface.func_wrap(
            "get",
            |store: StoreContextMut<'_, Sandbox<T>>, (key,): (String,)| {
                let mut values = store.data().values().iter();
                let found = values.find(|(name, _)| *name == key);
                Ok((Ok::<_, Error>(found.map(|(_, value)| value.clone())),))
            },
        )?;
        interface.func_wrap(
            "get-all",
            |store: StoreContextMut<'_, Sandbox<T>>, (): ()| {
                Ok((Ok::<_, Error>(store.data().values().to_vec()),))
            },
        )?;
    }
    Ok(())
}
