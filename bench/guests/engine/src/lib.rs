//! The loops of the benchmarks: the engine and its peers, compiled from one source for
//! the sandbox and for the machine itself, with the same profile. The host takes the
//! time of whole loops, so that the call of one does not count.

mod boxed;
mod clock;
mod keys;
mod ours;
#[cfg(not(target_arch = "wasm32"))]
mod peers;
mod runner;
mod system;

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(target_arch = "wasm32")]
mod sandbox;
