//! The hand-written exports, at the level of the canonical ABI: `get` and `set` of both
//! interfaces, the packed batches, and the exports that only the host sees. `wit-bindgen` generates
//! all others.

#![allow(unsafe_code, reason = "reads and writes raw parameters: see each use")]

mod answer;
mod exports;
mod host;
