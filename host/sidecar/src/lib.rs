//! A sidecar for the containers of a pod: the maps of [`localmap`], one for each tenant, over gRPC on a
//! Unix socket.
//!
//! The protocol is that of [`localmap_sidecar_proto`]: each operation of a map as a call, `Pipeline` for
//! many operations in few messages, and `Mirror`, which keeps a copy of a map up to date. Clients in any
//! language are generated from its .proto file. The services for health and for reflection (`v1` and
//! `v1alpha`) are there, too.
//!
//! ```no_run
#![doc = include_str!("../examples/sidecar.rs")]
//! ```
//!
//! # Who may connect
//!
//! Access is decided before the first byte is read: by the mode of the [`Socket`], and by the user of the
//! process that connects, which is that of the sidecar or one of [`SidecarOptions::allow_uid`].
//!
//! # Limits
//!
//! | limit | set by | default | if exceeded |
//! |---|---|---|---|
//! | maps | [`TenantsOptions::max_tenants`](localmap::TenantsOptions::max_tenants) | 1,000 | `RESOURCE_EXHAUSTED` |
//! | connections | [`SidecarOptions::max_connections`] | 64 | the idlest one ends, or the new one may only ask for the health |
//! | calls and streams of a connection, at a time | | 256 | the client waits |
//! | a message, in both directions | | [4 MiB](MAX_MESSAGE_LEN) | `OUT_OF_RANGE` |
//! | requests of a connection that are not complete, together | | 16 MiB | `RESOURCE_EXHAUSTED` |
//! | responses of a connection that its peer has not read | | 16 MiB | calls: `RESOURCE_EXHAUSTED`; streams wait |
//! | mirrors of a map, and of all maps | [`SidecarOptions::max_mirrors`], [`SidecarOptions::max_all_mirrors`] | 16, 64 | `RESOURCE_EXHAUSTED` |
//! | journal of a mirrored map | [`SidecarOptions::journal_bytes`] | 8 MiB | mirrors compare what they hold |
//! | time to acknowledge a response of a mirror | [`SidecarOptions::ack_timeout`] | 60 s | `DEADLINE_EXCEEDED` |
//! | calls of guests, at a time | [`GuestsOptions::max_calls`] | 64 | `RESOURCE_EXHAUSTED` |
//! | time and memory of such a call | [`GuestsOptions::sandbox`] | 30 s, 256 MiB | `DEADLINE_EXCEEDED`, or growing fails |
//! | time without an answer to a ping | | 20 s, after 30 s | the connection is closed |
//!
//! # Guests
//!
//! A sidecar can host components that export `localmap:core/handler`: [`Guests`]. A peer calls one by its
//! name, for a tenant. Each call has an instance of its own, in which `localmap:core/local-map` is the map
//! of that tenant.
//!
//! # Threads
//!
//! Calls into maps take microseconds, so they run on the task of their connection. A connection is
//! served by one thread at a time, and one thread is fastest for one client, because its calls then
//! never change the thread. Use more threads for more clients.
#![cfg(unix)]

mod activity;
mod buffers;
mod call;
mod call_guest;
mod calls;
mod check;
mod codec;
mod connection;
mod connections;
mod convert;
mod ending;
mod event;
mod frames;
mod grpc;
mod guest;
mod limiter;
mod mirror;
mod name;
mod options;
mod peer;
mod pipeline;
mod rejection;
mod request_body;
mod response_body;
mod server;
mod services;
mod socket;
mod state;
mod status;

pub use check::{CheckError, check};
pub use event::{Event, EventSink, Refusal};
pub use guest::{GuestError, Guests, GuestsOptions};
pub use options::{MAX_MESSAGE_LEN, MAX_VALUE_LEN, SidecarOptions};
pub use peer::Peer;
pub use server::Sidecar;
pub use socket::{Socket, SocketError};

/// Runs the examples of the README as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
