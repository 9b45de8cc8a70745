//! The library as embedders use it: maps of a host and their snapshots, linked maps, the HTTP
//! server, the lifetimes of maps and calls, their limits, and hostile guests.
//!
//! Tests that measure the process (its threads, its mappings) run in their own process: see
//! `localmap_tests::alone`.

#![allow(clippy::panic, reason = "what a test panics with is its answer")]

mod bounds;
mod changes;
mod fits;
mod guard;
mod hostile;
mod lease;
mod library;
mod lifetime;
mod link;
mod mirror;
mod schema;
mod serve;
mod serve_reuse;
mod sidecar;
mod snapshot;
mod tasks;
mod tenants;
mod texts;
mod ticker;
