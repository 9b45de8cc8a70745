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
//!   `localmap:core/local-map`, with a map of its own. The result is one component that you
//!   run like any other; [`Control`] configures its map and reads its statistics. For apps
//!   that call their map often, and for hosts that are not yours: nothing of the host lies
//!   between the two. They share a store, with its bounds and its end. `examples/plug.rs`
//!   does it.
//! - **[`add_to_linker`]** gives apps in a linker of yours what they import: each of your
//!   stores has an [`Attached`] map, which has a store of its own. For hosts that look at
//!   each operation ([`Observer`]), bound app and map apart, or want the map when the app
//!   has trapped. Each operation is a call into the host and one out of it.
//!   `examples/own_linker.rs` does it.
//!
//! # Time
//!
//! TTLs are measured with a [`Clock`]: the system's monotonic one, unless
//! [`MapOptions::clock`] gives another. [`ManualClock`] makes tests of expiry that
//! do not sleep.
//!
//! # Bounds
//!
//! [`Limits`] bound the map, [`MapOptions::max_memory`] and [`MemoryLimiter`] the
//! memory of the store around it. All have defaults; none is unlimited. A map that is
//! full refuses what is new, or evicts what is of least use: its [`Policy`] says.
//!
//! The Wasmtime in use is re-exported as [`wasmtime`].
//!
//! # Features
//!
//! - `cli`, on by default: the program `localmap`, and what it alone depends on. Leave it
//!   out (`default-features = false`) to embed the library.

mod bake;
mod bindings;
mod cancel;
mod clock;
mod component;
mod config;
mod control;
mod error;
mod host;
mod host_options;
mod inspect;
mod life;
mod limits;
mod link;
mod live;
mod local_map;
mod memory;
mod options;
mod pinned;
mod plug;
mod slots;
mod store;
mod ticker;
mod types;

pub use wasmtime;

pub use cancel::CancelHandle;
pub use clock::{Clock, ManualClock, SystemClock};
pub use component::{CONTROL, ComponentError, LOCAL_MAP, Misfit, WORDS};
pub use control::Control;
pub use error::{
    ApplyError, Cancelled, Cause, ChangeError, ConfigureError, CreateError, Dead, DeleteIfError,
    Error, IncrementError, KeyFault, PinError, PinnedError, PreloadError, SetError, SetIfError,
    Setting, TimedOut, TouchError,
};
pub use host::Host;
pub use host_options::{Allocation, HostOptions, Profile};
pub use inspect::{Inspection, Item, Memory, inspect};
pub use limits::{Limits, Policy};
pub use link::{Attached, Observed, Observer, Operation, Refusal, add_to_linker};
pub use local_map::LocalMap;
pub use memory::MemoryLimiter;
pub use options::MapOptions;
pub use pinned::Pinned;
pub use plug::{PlugError, plug};
pub use types::{
    Change, Condition, Entry, MAX_KEY_LEN, Outcome, Page, Preload, Scanned, Stats, Ttl, Version,
};

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
