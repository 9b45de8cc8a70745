//! A small, fast, bounded key-value map for every WebAssembly component instance.
//!
//! The map lives inside the sandbox: in the linear memory of a WebAssembly component, behind a
//! WIT contract, with byte keys and a time to live (TTL) for each key. This crate runs it on
//! Wasmtime. A [`Host`] compiles the component once. Each [`LocalMap`] that it creates is one
//! store, one instance and one memory. Dropping the `LocalMap` frees all of them.
//!
//! ```
#![doc = include_str!("../examples/embed.rs")]
//! ```
//!
//! # Ways to embed
//!
//! - **Own a [`LocalMap`]** and call it, as in the program above. This suits state of your own
//!   program, such as a rate limit for each tenant.
//! - **[`plug`] an app**: compose a component, written in any language, that imports
//!   `localmap:core/local-map` or `wasi:keyvalue`, with its own map. The result is one component,
//!   which you run like any other; [`Control`] configures its map and reads its statistics. This
//!   suits apps that call their map often, because the calls do not pass through the host, and
//!   apps that also run on other hosts. App and map share a store, its limits and its lifetime.
//!   See `examples/plug.rs`.
//! - **[`add_to_linker`]** serves the imports of apps through your own linker: each of your stores
//!   has a [`LinkedMap`], which runs in a separate store. This suits hosts that observe each
//!   operation ([`Observer`]), limit app and map separately, or read the map after the app has
//!   trapped. Each operation is a call into the host and a call out of it. See
//!   `examples/own_linker.rs`. For apps that import `wasi:keyvalue`, use [`with_keyvalue`] first.
//!
//! # Tenants
//!
//! [`Tenants`] keeps a map for each tenant of your program: it creates maps on demand, with the limits
//! of the tenant's class, bounds what all of them may take together, and drops those that are idle.
//!
//! # Time
//!
//! A [`Clock`] measures TTLs. It is the system's monotonic clock, unless [`MapOptions::clock`]
//! sets another one. With a [`ManualClock`], tests of expiry need not sleep.
//!
//! # Many readers
//!
//! One thread at a time calls a map. [`LocalMap::snapshot`] publishes a copy of its entries, which any
//! number of threads read without a lock: see [`Snapshot`].
//!
//! # The end of a map
//!
//! Dropping a map ends it. A map [terminates](MapTerminated) before that if a call traps or takes
//! too long, or if a [`CancelHandle`] cancels it, from any thread and at any time. Termination
//! frees the map's memory. Each further call returns the cause and the time of the termination.
//!
//! # Bounds
//!
//! [`Limits`] bound the map. The sandbox around it has limits as well, so that the safety of the
//! host does not depend on the map component:
//!
//! | resource | limit | default | beyond it |
//! |---|---|---|---|
//! | live maps | [`HostOptions::max_maps`] | 1,000 | [`CreateError::TooManyMaps`], after [`HostOptions::wait`] |
//! | mappings of compact maps | seven eighths of the kernel's `vm.max_map_count` | | [`CreateError::TooManyMappings`]; growth is denied |
//! | memory of a store | [`MapOptions::max_memory`], [`HostOptions::max_memory`] | 64 MiB | growth is denied |
//! | table elements | [`MapOptions::max_table_elements`] | 100,000 | growth is denied |
//! | core instances, memories, tables | [`MemoryLimiter`] | 100 of each | the map is not created |
//! | stack | [`HostOptions::max_wasm_stack`] | 512 KiB | the map terminates |
//! | time of a call | [`MapOptions::call_timeout`] | 5 s | the map terminates |
//! | bytes that a call passes to the host | [`MapOptions::hostcall_fuel`] | 128 MiB | the map terminates |
//! | handles | [`MapOptions::max_handles`] | 66,560 | the map terminates |
//!
//! None of them is unlimited. When full, a map rejects new entries (the default) or evicts old
//! ones, depending on its [`Policy`]. Use [`MemoryLimiter`] and [`CancelHandle::guard`] to bound
//! your own stores.
//!
//! # Memory allocation
//!
//! Maps allocate their memory from a pool of slots if the process has enough address space for
//! one, and otherwise directly from the operating system; see [`Allocation`]. For tens of thousands of
//! small maps there is [`Allocation::Compact`]. The slot of a map
//! that has ended is always wiped. The [`Profile`] of the pool decides whether it stays resident.
//! The module [`pool`] applies the same rules to your own engines.
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
mod clock;
mod compose;
mod contract;
mod link;
mod runtime;
mod snapshot;
mod sync;
mod tenants;

pub use wasmtime;

pub use artifact::components::{KEYVALUE_ADAPTER, MAP_COMPONENT};
pub use cancel::handle::CancelHandle;
pub use cancel::ticker::advance_epochs;
pub use clock::coarse::CoarseClock;
pub use clock::{Clock, ManualClock, SystemClock};
pub use compose::concurrency::needs_concurrency;
pub use compose::error::{ComponentError, Incompatibility, PlugError};
pub use compose::exports::WasiVersion;
pub use compose::imports::missing_imports;
pub use compose::inspect::{Inspection, Item, Memory, inspect, inspect_declarations};
pub use compose::keyvalue::with_keyvalue;
pub use compose::linkable::linkable;
pub use compose::plug::{PlugOptions, plug, plug_with};
pub use contract::buckets::{BucketKeyError, Buckets, BucketsError, bucket_key, bucket_prefix};
pub use contract::change::{Change, Outcome};
pub use contract::changes::{Became, ChangedKey, Changes};
pub use contract::entry::{Condition, Entry, Page, Preload, Scanned, Ttl, Version};
pub use contract::error::{
    ApplyError, Cancelled, ChangeError, ConfigureError, DeleteIfError, Error, IncrementError,
    KeyFault, MapTerminated, PinError, PinnedError, PreloadError, SetError, SetIfError, Setting,
    TerminationCause, TimedOut, TouchError, WatchError,
};
pub use contract::features::{set_concurrent_features, set_features};
pub use contract::limits::{DEFAULT_MAX_KEY_LEN, Limits, MAX_KEY_LEN, Policy};
pub use contract::names;
pub use contract::observer::{CallOutcome, ObservedCall, Observer, Operation, Rejection};
pub use contract::rule::{WriteRule, WriteViolation};
pub use contract::stats::Stats;
pub use link::linked_map::LinkedMap;
pub use link::linker::add_to_linker;
pub use runtime::control::Control;
pub use runtime::create_error::CreateError;
pub use runtime::host::Host;
pub use runtime::host_options::{Allocation, HostOptions, Profile};
pub use runtime::host_stats::{EndedMaps, HostStats};
pub use runtime::local_map::LocalMap;
pub use runtime::map_options::MapOptions;
pub use runtime::memory::{Denied, MemoryLimiter};
pub use runtime::pinned::Pinned;
pub use runtime::pool;
pub use snapshot::reader::Snapshot;
pub use snapshot::view::{SnapshotEntry, SnapshotView};
pub use sync::lock;
pub use tenants::checkout::Checkout;
pub use tenants::checkout::across::{ScanCursor, ScanPage};
pub use tenants::class::TenantClass;
pub use tenants::error::{CheckoutError, ClassError, RateLimited, TenantError, TenantsError};
pub use tenants::name::{MAX_TENANT_NAME_LEN, TenantName, TenantNameTooLong};
pub use tenants::observer::{TenantEnd, TenantsObserver};
pub use tenants::options::{TenantsOptions, WhenFull};
pub use tenants::rate_limit::RateLimit;
pub use tenants::registry::{Swept, Tenants};
pub use tenants::stats::{
    ClassStats, Survey, SurveyedTenant, TenantInfo, TenantState, TenantStats,
};

/// Runs the examples of the README as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
