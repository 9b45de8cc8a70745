//! The contract: what a map answers, the same by every way to it. The vectors run on the
//! engine, the map component, the client's map in process and an app's linker; guests of
//! `wasi:keyvalue`, a real Redis and the examples of `docs/semantics.md` are compared with
//! what they should get.

#![allow(clippy::panic, reason = "what a test panics with is its answer")]

mod blocks;
mod component;
mod keyvalue;
mod redis;
mod semantics;
mod vectors;
mod ways;
