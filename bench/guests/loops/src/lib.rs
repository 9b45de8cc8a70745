//! The loops of the benchmarks, and what a map has to be able to do to be compared in
//! them. They are compiled into each guest, for the machine, and into the program that
//! takes the time, so that all systems have the same keys, values and order.

mod door;
mod keys;
mod runner;
mod system;
mod zipf;

pub use door::{Door, linear_memory};
pub use keys::{KEY_LEN, Key, Keys};
pub use runner::{Loops, NONE, Runner, Work};
pub use system::{MANY, PAGE, Plan, System, TTL, digest};
pub use zipf::zipf;
