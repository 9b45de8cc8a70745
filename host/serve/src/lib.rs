//! Serves WebAssembly components over HTTP/1 and HTTP/2, and gives them key-value maps.
//!
//! A guest is a component that exports `wasi:http/incoming-handler` of WASI 0.2 or
//! `wasi:http/handler` of WASI 0.3. A [`Handler`] compiles it once, and answers each request with a
//! new instance, unless [`HandlerOptions::reuse`] allows more. If the guest imports
//! `localmap:core/local-map` or `wasi:keyvalue`, each instance uses a map of [`localmap`], which
//! lives as long as its [`MapScope`]: a request, a connection, a tenant or the handler. A
//! [`Server`] accepts connections for a handler, and lets running requests finish when it is shut
//! down.
//!
//! ```no_run
#![doc = include_str!("../examples/serve.rs")]
//! ```
//!
//! # Entry points
//!
//! - **[`Server`]** listens, speaks HTTP/1 and HTTP/2, with [TLS](TlsConfig) or without, and drains
//!   connections. It is all you need to serve one component.
//! - **[`Handler`]** answers requests that your own HTTP server has read, for example one with
//!   several guests: see [`Handler::handle`].
//! - **[`SandboxConfig`]** compiles components for other worlds and creates their stores, with the
//!   same sandbox that a handler gives its guests. [`Sandbox::add_to_linker_sync`] links what it
//!   provides.
//!
//! # Limits
//!
//! | limit | set by | default | if exceeded |
//! |---|---|---|---|
//! | time of a request | [`SandboxConfig::timeout`] | 30 s | 504, or the response is cut off |
//! | memory of an instance | [`SandboxConfig::max_memory`] | 256 MiB | growing fails |
//! | handles of a guest | [`SandboxConfig::max_handles`] | 10,000 | the guest traps |
//! | requests of an instance | [`HandlerOptions::reuse`] | 1 | another instance |
//! | requests that a guest sends at a time | | 16 | `connection-limit-reached` |
//! | requests at a time | [`HandlerOptions::max_requests`] | 1,000 | 503 |
//! | maps at a time | [`HandlerOptions::max_maps`] | 1,000 | 503 |
//! | streams of HTTP/2, and guests of its connection, at a time | | 100 | the stream is refused, or waits |
//! | time of a TLS handshake | | 10 s | the connection is closed |
//! | time to send headers, time without a request | | 30 s | the connection is closed |
//! | time to read the next byte of a response | | 30 s | the connection is closed, or the stream reset |
//! | unread part of a request's body when the response begins | | 1 MiB | `connection: close` |
//! | part of a body written before the response is set | | 128 KiB | the guest waits: 504 |
//!
//! A guest that computes yields its thread every 10 ms. A guest that traps, exits, runs out of
//! time or gives no response takes down only its own store; a shared map is kept.
//!
//! The crate re-exports hyper as [`hyper`] and WASI as [`wasmtime_wasi`]. Wasmtime is re-exported
//! as [`localmap::wasmtime`].

mod app;
mod caller;
mod check;
mod connection;
mod delivery;
mod error;
mod exchange;
mod failure;
mod first_response;
mod fit;
mod guest;
mod guest_body;
mod guest_output;
mod handler;
mod handler_options;
mod held_waker;
mod helped_task;
mod http1;
mod http2;
mod instance;
mod instances;
mod limits;
mod linger;
mod lock;
mod log;
mod map_factory;
mod map_scope;
mod maps;
mod observed;
mod outgoing;
mod protocol;
mod request_body;
mod responder;
mod response_body;
mod response_ends;
mod reuse;
mod sandbox;
mod server;
mod stall_guard;
mod stream;
mod target;
mod tasks;
mod tls;
mod worker;

pub use hyper;
pub use wasmtime_wasi;

pub use caller::Caller;
pub use connection::Connection;
pub use error::{HandlerError, InstanceError, MapError, ReuseError, SandboxError};
pub use fit::misfits;
pub use guest_output::{GuestOutput, GuestStream};
pub use handler::Handler;
pub use handler_options::HandlerOptions;
pub use log::{LogSink, RequestLine, RequestRecord};
pub use map_scope::{MapScope, ParseMapScopeError};
pub use outgoing::{AllowedHost, HttpFailure, HttpFailureReason, ParseAllowedHostError};
pub use response_body::ResponseBody;
pub use reuse::{ParseReuseError, Reuse};
pub use sandbox::{Sandbox, SandboxConfig};
pub use server::{BACKLOG, Server, bind, listen};
pub use tls::{TlsConfig, TlsError};

/// Runs the examples of the README as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
