//! The engine and its peers in the loops of the benchmarks, compiled from one source with the
//! same profile, for the sandbox and natively. The host measures whole loops, so that the cost of
//! calling one is negligible.

#[cfg(target_arch = "wasm32")]
mod bindings;
mod boxed;
mod clock;
mod ours;
#[cfg(not(target_arch = "wasm32"))]
mod peers;
#[cfg(not(target_arch = "wasm32"))]
mod quick;
mod systems;
#[cfg(not(target_arch = "wasm32"))]
mod threads;

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(target_arch = "wasm32")]
mod sandbox;
