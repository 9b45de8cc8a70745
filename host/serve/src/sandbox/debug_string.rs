//! The debug string of a `wasi:io/error`: the messages of the error alone. Wasmtime's own shows the
//! guest a backtrace of the host, if the host captures one.

use super::data::Sandbox;
use localmap::wasmtime;
use localmap::wasmtime::StoreContextMut;
use localmap::wasmtime::component::{Linker, Resource};

/// The name of the interface in Wasmtime. Guests import any version 0.2.x of it.
const ERROR: &str = "wasi:io/error@0.2.12";

/// Replaces the function in a linker that has WASI.
pub(super) fn replace<T: 'static>(linker: &mut Linker<Sandbox<T>>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let name = "[method]error.to-debug-string";
    linker.instance(ERROR)?.func_wrap(name, debug_string)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Returns the message of an error and those of its causes.
fn debug_string<T: 'static>(
    mut store: StoreContextMut<'_, Sandbox<T>>,
    (error,): (Resource<wasmtime::Error>,),
) -> wasmtime::Result<(String,)> {
    let error = store.data_mut().table().get(&error)?;
    Ok((format!("{error:#}"),))
}
