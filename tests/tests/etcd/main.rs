//! Mirrors and leases with a real etcd, which suffers: see `cluster` for which one, and `just chaos` for the
//! long tests.

#![allow(clippy::panic, reason = "what a test panics with is its answer")]

mod cluster;
mod lease;
mod mirror;
