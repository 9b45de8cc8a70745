//! A small, fast, bounded key-value map for every WebAssembly component instance.
//!
//! The map lives inside the sandbox: in the linear memory of a WebAssembly
//! component, behind a WIT contract, with byte keys and a time to live for each
//! key. This crate runs it on Wasmtime. A [`Host`] compiles the component once;
//! each [`LocalMap`] that it makes is one store, one instance and one memory.
//! Dropping the `LocalMap` ends everything that it held.
//!
//! ```
#![doc = include_str!("../examples/embed.rs")]
//! ```
//!
//! # Ways in
//!
//! - **Own a [`LocalMap`]** and call it: the program above. For state of your own program,
//!   such as limits for each tenant.
//! - **[`plug`] an app**, a component of whatever language that imports
//!   `localmap:core/local-map` or `wasi:keyvalue`, with a map of its own. The result is one
//!   component that you run like any other; [`Control`] configures its map and reads its
//!   statistics. For apps that call their map often, and for hosts that are not yours:
//!   nothing of the host lies between the two. They share a store, with its bounds and its
//!   end. `examples/plug.rs` does it.
//! - **[`add_to_linker`]** gives apps in a linker of yours what they import: each of your
//!   stores has an [`LinkedMap`] map, which has a store of its own. For hosts that look at
//!   each operation ([`Observer`]), bound app and map apart, or want the map when the app
//!   has trapped. Each operation is a call into the host and one out of it.
//!   `examples/own_linker.rs` does it. [`with_keyvalue`] is for apps that import
//!   `wasi:keyvalue`.
//!
//! # Time
//!
//! TTLs are measured with a [`Clock`]: the system's monotonic one, unless
//! [`MapOptions::clock`] gives another. [`ManualClock`] makes tests of expiry that
//! do not sleep.
//!
//! # The end of a map
//!
//! A map is alive or [dead](MapTerminated). Dropping it ends it; so do a trap, a call that takes
//! too long, and a [`CancelHandle`], from any thread and at any time. A dead map has
//! given its memory back and holds nothing; each call tells what killed it, and when.
//!
//! # Bounds
//!
//! [`Limits`] bound the map. The sandbox around it is bounded as well, so that what a map
//! component can do to its host does not rest on what it is:
//!
//! | what | by | default | beyond it |
//! |---|---|---|---|
//! | live maps | [`HostOptions::max_maps`] | 1,000 | [`CreateError::TooManyMaps`], after [`HostOptions::wait`] |
//! | memory of a store | [`MapOptions::max_memory`], [`HostOptions::max_memory`] | 64 MiB | it cannot grow |
//! | elements of its tables | [`MapOptions::max_table_elements`] | 100,000 | they cannot grow |
//! | core instances, memories, tables | [`MemoryLimiter`] | 100 of each | no map |
//! | stack | [`HostOptions::max_wasm_stack`] | 512 KiB | it dies |
//! | time of a call | [`MapOptions::call_timeout`] | 5 s | it dies |
//! | bytes that a call hands to the host | [`MapOptions::hostcall_fuel`] | 128 MiB | it dies |
//! | handles | [`MapOptions::max_handles`] | 66,560 | it dies |
//!
//! None is unlimited. A map that is full refuses what is new, or evicts what is of least
//! use: its [`Policy`] says. [`MemoryLimiter`] and [`CancelHandle::guard`] bound stores of
//! your own.
//!
//! # Where the memory comes from
//!
//! From a pool of slots, where the address space for it can be had; else from the
//! operating system, map by map ([`Allocation`]). Its [`Profile`] says what is done with
//! the slot of a map that has ended: it is wiped in any case, and stays resident or not.
//!
//! The Wasmtime in use is re-exported as [`wasmtime`].
//!
//! # Features
//!
//! - `cli`, on by default: the program `localmap`, and what it alone depends on. Leave it
//!   out (`default-features = false`) to embed the library.
//! - `cache`, which `cli` turns on: [`HostOptions::cache`].

mod artifact;
mod cancel;
mod compose;
mod contract;
mod link;
mod runtime;
mod sync;
mod tenants;

pub use wasmtime;

pub use artifact::{KEYVALUE_ADAPTER, MAP_COMPONENT};
pub use cancel::CancelHandle;
pub use compose::error::{ComponentError, Incompatibility, PlugError};
pub use compose::inspect::{Inspection, Item, Memory, inspect};
pub use compose::keyvalue::with_keyvalue;
pub use compose::plug::{PlugOptions, plug, plug_with};
pub use contract::buckets::{BucketKeyError, Buckets, BucketsError, bucket_key, bucket_prefix};
pub use contract::error::{
    ApplyError, Cancelled, ChangeError, ConfigureError, DeleteIfError, Error, IncrementError,
    KeyFault, MapTerminated, PinError, PinnedError, PreloadError, SetError, SetIfError, Setting,
    TerminationCause, TimedOut, TouchError,
};
pub use contract::limits::{Limits, Policy};
pub use contract::names;
pub use contract::types::{
    Change, Condition, DEFAULT_MAX_KEY_LEN, Entry, MAX_KEY_LEN, Outcome, Page, Preload, Scanned,
    Stats, Ttl, Version,
};
pub use link::{CallOutcome, LinkedMap, Observer, Operation, Rejection, add_to_linker};
pub use runtime::clock::{Clock, ManualClock, SystemClock};
pub use runtime::control::Control;
pub use runtime::create_error::CreateError;
pub use runtime::host::Host;
pub use runtime::host_options::{Allocation, HostOptions, Profile};
pub use runtime::local_map::LocalMap;
pub use runtime::map_options::MapOptions;
pub use runtime::memory::MemoryLimiter;
pub use runtime::pinned::Pinned;
pub use sync::lock;
pub use tenants::Tenants;

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
