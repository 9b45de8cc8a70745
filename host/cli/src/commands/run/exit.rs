//! `wasi:cli/exit`: ends the guest with its exit code, and keeps the statistics of its map.

use super::guest_data::GuestData;
use localmap::wasmtime;
use localmap::wasmtime::StoreContextMut;
use localmap::wasmtime::component::Linker;
use localmap_serve::Sandbox;
use wasmtime_wasi::I32Exit;

/// The name of the interface in Wasmtime. Guests import any version 0.2.x of it.
const EXIT: &str = "wasi:cli/exit@0.2.12";

/// Links the interface instead of Wasmtime's.
pub(super) fn link(linker: &mut Linker<Sandbox<GuestData>>) -> wasmtime::Result<()> {
    let mut exit = linker.instance(EXIT)?;
    exit.func_wrap("exit", |store, (status,): (Result<(), ()>,)| {
        end(store, u8::from(status.is_err()))
    })?;
    exit.func_wrap("exit-with-code", |store, (code,): (u8,)| end(store, code))
}

/// Ends the guest. Reads the statistics of its map first, while calls into its store are possible.
fn end(mut store: StoreContextMut<'_, Sandbox<GuestData>>, code: u8) -> wasmtime::Result<()> {
    if let Some(control) = store.data_mut().data.control.take() {
        let stats = control.stats(&mut store)?;
        store.data_mut().data.stats = Some(stats);
    }
    Err(I32Exit(i32::from(code)).into())
}
