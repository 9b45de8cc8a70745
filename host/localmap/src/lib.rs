//! A small, fast, bounded key-value map for every WebAssembly component instance.
//!
//! The map lives inside the sandbox: in the linear memory of a WebAssembly component, behind a
//! WIT contract, with byte keys and a time to live (TTL) for each key. This crate runs it on
//! Wasmtime. A [`Host`] compiles the component once. Each [`LocalMap`] that it creates is one
//! store, one instance and one memory. Dropping the `LocalMap` frees everything that it held.
//!
//! ```
#![doc = include_str!("../examples/embed.rs")]
//! ```
//!
//! # Ways to embed
//!
//! - **Own a [`LocalMap`]** and call it, as in the program above: for state of your own program,
//!   such as a rate limit for each tenant.
//! - **[`plug`] an app**: compose a component, written in any language, that imports
//!   `localmap:core/local-map` or `wasi:keyvalue`, and a map of its own. The result is one
//!   component, which you run like any other; [`Control`] configures its map and reads its
//!   statistics. For apps that call their map often, as their calls do not pass through the
//!   host, and for hosts that are not yours. App and map share a store, its limits and its end.
//!   `examples/plug.rs` shows it.
//! - **[`add_to_linker`]** serves the imports of apps in a linker of yours: each of your stores
//!   has a [`LinkedMap`], which runs in a store of its own. For hosts that observe each operation
//!   ([`Observer`]), limit app and map separately, or read the map after the app has trapped.
//!   Each operation is a call into the host and a call out of it. `examples/own_linker.rs` shows
//!   it. [`with_keyvalue`] is for apps that import `wasi:keyvalue`.
//!
//! # Time
//!
//! A [`Clock`] measures TTLs: the system's monotonic clock, unless [`MapOptions::clock`] sets
//! another one. With a [`ManualClock`], tests of expiry need not sleep.
//!
//! # The end of a map
//!
//! Dropping a map ends it. A map [terminates](MapTerminated) before that if a call traps or takes
//! too long, or if a [`CancelHandle`] cancels it, from any thread and at any time. A terminated
//! map has freed its memory. Each further call returns why and when it terminated.
//!
//! # Bounds
//!
//! [`Limits`] bound the map. The sandbox around it has limits as well, so that the safety of the
//! host does not depend on the map component:
//!
//! | resource | limit | default | beyond it |
//! |---|---|---|---|
//! | live maps | [`HostOptions::max_maps`] | 1,000 | [`CreateError::TooManyMaps`], after [`HostOptions::wait`] |
//! | memory of a store | [`MapOptions::max_memory`], [`HostOptions::max_memory`] | 64 MiB | growth is denied |
//! | table elements | [`MapOptions::max_table_elements`] | 100,000 | growth is denied |
//! | core instances, memories, tables | [`MemoryLimiter`] | 100 of each | the map is not created |
//! | stack | [`HostOptions::max_wasm_stack`] | 512 KiB | the map terminates |
//! | time of a call | [`MapOptions::call_timeout`] | 5 s | the map terminates |
//! | bytes that a call passes to the host | [`MapOptions::hostcall_fuel`] | 128 MiB | the map terminates |
//! | handles | [`MapOptions::max_handles`] | 66,560 | the map terminates |
//!
//! None of them is unlimited. When full, a map rejects new entries (the default) or evicts old
//! ones, as its [`Policy`] says. [`MemoryLimiter`] and [`CancelHandle::guard`] bound stores of
//! yours.
//!
//! # Memory allocation
//!
//! The memory of maps comes from a pool of slots, if the process has enough address space for
//! it, else from the operating system for each map: see [`Allocation`]. The slot of a map that
//! has ended is always wiped; the [`Profile`] of the pool decides whether it stays resident.
//! The module [`pool`] has the same rules for engines of yours.
//!
//! # Wasmtime
//!
//! The version of Wasmtime that this crate uses is re-exported as [`wasmtime`].
//!
//! # Features
//!
//! - `cache`, off by default: keeps compiled code on disk. It adds `HostOptions::cache`.

mod artifact;
mod cancel;
mod compose;
mod contract;
mod link;
mod runtime;
mod sync;
mod tenants;

pub use wasmtime;

pub use artifact::components::{KEYVALUE_ADAPTER, MAP_COMPONENT};
pub use cancel::handle::CancelHandle;
pub use compose::error::{ComponentError, Incompatibility, PlugError};
pub use compose::inspect::{Inspection, Item, Memory, inspect};
pub use compose::keyvalue::with_keyvalue;
pub use compose::linkable::linkable;
pub use compose::plug::{PlugOptions, plug, plug_with};
pub use contract::buckets::{BucketKeyError, Buckets, BucketsError, bucket_key, bucket_prefix};
pub use contract::change::{Change, Outcome};
pub use contract::entry::{Condition, Entry, Page, Preload, Scanned, Ttl, Version};
pub use contract::error::{
    ApplyError, Cancelled, ChangeError, ConfigureError, DeleteIfError, Error, IncrementError,
    KeyFault, MapTerminated, PinError, PinnedError, PreloadError, SetError, SetIfError, Setting,
    TerminationCause, TimedOut, TouchError,
};
pub use contract::limits::{DEFAULT_MAX_KEY_LEN, Limits, MAX_KEY_LEN, Policy};
pub use contract::names;
pub use contract::stats::Stats;
pub use link::linked_map::LinkedMap;
pub use link::linker::add_to_linker;
pub use link::observer::{CallOutcome, Observer, Operation, Rejection};
pub use runtime::clock::{Clock, ManualClock, SystemClock};
pub use runtime::control::Control;
pub use runtime::create_error::CreateError;
pub use runtime::host::Host;
pub use runtime::host_options::{Allocation, HostOptions, Profile};
pub use runtime::local_map::LocalMap;
pub use runtime::map_options::MapOptions;
pub use runtime::memory::MemoryLimiter;
pub use runtime::pinned::Pinned;
pub use runtime::pool;
pub use sync::lock;
pub use tenants::Tenants;

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
