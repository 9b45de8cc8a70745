//! A client of localmap's sidecar, which gives the containers of a pod key-value maps over gRPC on
//! a Unix socket.
//!
//! Keys and values are any bytes, and each key can have a time to live (TTL). A map belongs to a
//! [`Tenant`], a name of your choice, and is created by the first call. Start the sidecar with
//! `localmap sidecar --socket PATH`; the
//! [documentation](https://github.com/localmap/localmap/blob/main/docs/sidecar.md) says what it
//! promises.
//!
//! ```no_run
#![doc = include_str!("../examples/visits.rs")]
//! ```
//!
//! # Ways to use a map
//!
//! - **A call for each operation**: the methods of [`Tenant`]. Each is a round trip to another
//!   process.
//! - **[`Pipeline`]**: batches of operations, several of them under way at a time. Use it for many
//!   small operations.
//! - **[`Mirror`]**: a copy in your process that the sidecar keeps up to date. Reads cost no round
//!   trip and see a change soon after it was made. Use it for what is read often and may be a
//!   moment old.
//! - **[`Tenant::call_guest`]**: your logic, as a WebAssembly component next to the map.
//!
//! # Errors
//!
//! [`Error::Rejected`] is an answer of the map, such as a failed [`Condition`]. All other errors
//! are of the way to the map. A call that was sent is never repeated by the client: if its response
//! was lost, it may have been performed ([`Error::may_have_happened`]).
//!
//! A restart of the sidecar empties all maps. Keep in them what you can afford to lose.
//!
//! # Runtime
//!
//! Clients need a [Tokio](https://docs.rs/tokio) runtime with time and I/O enabled. Neither maps
//! nor Wasmtime are part of this crate.

mod change;
mod client;
mod connection;
mod entry;
mod error;
mod mirror;
mod nanos;
mod operation;
mod pipeline;
mod rejection;
mod scan;
mod stats;
mod tenant;

pub use bytes::Bytes;

pub use change::{Change, Outcome};
pub use client::{Client, ClientOptions};
pub use entry::{Condition, Entry, Page, Scanned, Ttl, Version};
pub use error::Error;
pub use mirror::clock::{ManualClock, MirrorClock};
pub use mirror::options::MirrorOptions;
pub use mirror::status::{Freshness, MirrorStatus};
pub use mirror::{Mirror, MirrorView};
pub use operation::{Batch, OperationResult};
pub use pipeline::{Pipeline, SentBatch};
pub use rejection::{Rejection, RejectionReason};
pub use scan::Scan;
pub use stats::Stats;
pub use tenant::Tenant;

/// Runs the examples of the README as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
