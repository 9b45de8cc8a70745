//! The library as embedders use it: maps of a host, maps linked to apps, the HTTP server, how maps and calls
//! end, what they may take, and hostile guests.
//!
//! Tests that measure the process (its threads, its mappings) run in one of their own: see
//! `localmap_tests::alone`.

#![allow(clippy::panic, reason = "what a test panics with is its answer")]

mod bounds;
mod hostile;
mod library;
mod lifetime;
mod link;
mod serve;
mod texts;
mod ticker;
