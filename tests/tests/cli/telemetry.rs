//! What operators see of `run`, `serve` and `sidecar`: traces, metrics and the admin address.

mod admin;
#[cfg(all(
    target_os = "linux",
    target_pointer_width = "64",
    target_endian = "little"
))]
mod probes;
mod run;
mod serve;
mod sidecar;
pub(crate) mod trace;
