//! Adding the map to a linker.

use super::linked_map::LinkedMap;
use super::{blocks, local_map};
use wasmtime::component::Linker;

/// Adds `localmap:core/local-map` and `localmap:core/blocks` to a linker of yours. Apps that
/// import them use the map of their store: the [`LinkedMap`] that `get` returns from the store's
/// data.
///
/// The app and its map run in separate stores. If the app ends, the map lives on, and you can
/// read it. If the map terminates, the app's next call of the map ends the app, with
/// [`MapTerminated`](crate::MapTerminated) among the causes. The limits of your store apply to
/// the app, those of [`MapOptions`](crate::MapOptions) to the map.
///
/// The functions never wait, and serve stores with sync calls as well as stores with async calls.
/// The engine is yours, with any settings; it need not be that of the [`Host`](crate::Host). The
/// functions are found by their names: a world of yours for
/// [`bindgen!`](wasmtime::component::bindgen) may import the interfaces, and needs no
/// implementation of the traits that it generates for them.
///
/// Arguments are read in place, in the app's memory, so that a rejected one is not copied (those
/// of `blocks` are put together first).
/// [`Store::set_hostcall_fuel`](wasmtime::Store::set_hostcall_fuel) of your store limits what an
/// app can make the host copy.
///
/// # Errors
///
/// Returns an error if a name is taken, for example by an earlier call, or if there is no memory.
///
/// # Examples
///
/// ```
#[doc = include_str!("../../examples/own_linker.rs")]
/// ```
pub fn add_to_linker<T: 'static>(
    linker: &mut Linker<T>,
    get: fn(&mut T) -> &mut LinkedMap,
) -> wasmtime::Result<()> {
    local_map::add_to_linker(linker, get)?;
    blocks::add_to_linker(linker, get)
}
