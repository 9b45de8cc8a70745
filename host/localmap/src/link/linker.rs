//! Adding the map to a linker.

use super::linked_map::LinkedMap;
use super::{blocks, local_map};
use wasmtime::component::Linker;

/// Adds `localmap:core/local-map` and `localmap:core/blocks` to your own linker. Apps that import
/// them use the map of their store: the [`LinkedMap`] that `get` returns from the store's data.
///
/// The app and its map run in separate stores. If the app ends, the map stays live, and you can
/// read it. If the map terminates, the app's next call of the map ends the app with an error that
/// has [`MapTerminated`](crate::MapTerminated) among its causes. The limits of your store apply to
/// the app, those of [`MapOptions`](crate::MapOptions) to the map.
///
/// The functions are synchronous, and work in stores with sync calls as well as in stores with
/// async calls. The linker can use your own engine, with any settings, instead of the engine of
/// the [`Host`](crate::Host). The functions are found by their names: your own world for
/// [`bindgen!`](wasmtime::component::bindgen) may import the interfaces, and you need not
/// implement the traits that it generates for them.
///
/// Arguments are read in place, in the app's memory, so that a rejected argument is not copied
/// (except for those of `blocks`, which have to be assembled first). Set
/// [`Store::set_hostcall_fuel`](wasmtime::Store::set_hostcall_fuel) on your store to limit the
/// number of bytes that an app can make the host copy.
///
/// # Errors
///
/// Returns an error if a name is already defined, for example by an earlier call, or if there is no
/// memory.
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
