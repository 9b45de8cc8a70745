//! The loops of the benchmarks, and the trait of the maps that they compare. They are compiled
//! into each guest, into the native library, and into the program that measures, so that all
//! systems have the same keys, values and order.

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
