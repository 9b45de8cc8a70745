//! What operators see of `run`, `serve` and `sidecar`: traces, metrics and the admin address.

mod admin;
mod run;
mod serve;
mod sidecar;
pub(crate) mod trace;
