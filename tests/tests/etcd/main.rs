//! Mirrors and leases with a real etcd, which suffers: see `cluster` for which one, and `just chaos` for the
//! long tests.

#![allow(clippy::panic, reason = "what a test panics with is its answer")]

#[allow(
    dead_code,
    unused_imports,
    reason = "the tests of mirrors and leases use it"
)]
mod cluster;
