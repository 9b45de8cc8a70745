//! The contract: the answers of a map, which are the same by every way. The vectors run on the
//! engine, the map's core module and its component, the client's in-process map and an app's linker. Other tests check
//! guests of `wasi:keyvalue` and the examples of `docs/semantics.md`, and compare the map with a
//! real Redis.

#![allow(clippy::panic, reason = "what a test panics with is its answer")]

mod blocks;
mod both_ways;
mod component;
mod earlier;
mod keyvalue;
mod redis;
mod semantics;
mod vectors;
mod ways;
