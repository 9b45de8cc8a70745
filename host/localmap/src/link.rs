//! The map as imports of an embedder's own linker.
//!
//! `attached` is what each of their stores keeps, `call` goes from there into the map and
//! past the observer; `local_map` and `blocks` define the functions of the interfaces, and
//! `convert` turns what they take and give into the types of this crate and back.

mod blocks;
mod call;
mod convert;
mod linked_map;
mod local_map;
mod observer;

pub use linked_map::LinkedMap;
pub use observer::{CallOutcome, Observer, Operation, Rejection};

use wasmtime::component::Linker;

/// Where a store keeps its map.
type Get<T> = fn(&mut T) -> &mut LinkedMap;

/// Defines `localmap:core/local-map` and `localmap:core/blocks` in a linker of yours, so
/// that apps which import them are served by the map of their store: the [`LinkedMap`] that
/// `get` finds in the store's data.
///
/// The app and its map run in stores of their own. What ends the app leaves the map as it
/// is, for you to read; what ends the map ends the app, in its next call of the map, with
/// [`MapTerminated`](crate::MapTerminated) among the causes. The
/// bounds of your store hold for the app alone, those of [`MapOptions`](crate::MapOptions)
/// for the map.
///
/// The functions do not wait for anything, and serve stores whose calls are sync as well as
/// those whose calls are async. The engine is yours, with whatever settings; it need not be
/// the [`Host`](crate::Host)'s. They go by their names: a world of yours for
/// [`bindgen!`](wasmtime::component::bindgen) may import the interfaces, and then needs no
/// implementation of the traits that come out of it.
///
/// Bytes are read where they lie in the app's memory, so that what is refused is not copied
/// (those that come in `blocks` are put together first). What an app can make the host copy
/// is bounded by [`Store::set_hostcall_fuel`](wasmtime::Store::set_hostcall_fuel) of your
/// store.
///
/// # Errors
///
/// One of the names is taken, as by an earlier call; or there is no memory.
///
/// # Examples
///
/// ```
#[doc = include_str!("../examples/own_linker.rs")]
/// ```
pub fn add_to_linker<T: 'static>(
    linker: &mut Linker<T>,
    get: fn(&mut T) -> &mut LinkedMap,
) -> wasmtime::Result<()> {
    local_map::add_to_linker(linker, get)?;
    blocks::add_to_linker(linker, get)
}
