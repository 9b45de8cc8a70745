//! The engine and its peers in the loops of the benchmarks, compiled from one source for
//! the sandbox and for the machine itself, with the same profile. The host takes the
//! time of whole loops, so that the call of one does not count.

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
