//! The exports written by hand, at the level of the canonical ABI: `get` and `set` of both
//! interfaces. `wit-bindgen` generates all others.

#![allow(unsafe_code, reason = "reads and writes raw parameters: see each use")]

mod answer;
mod exports;
