//! What the tests that cross a crate boundary share: the guests that they run, the
//! program that runs them, and the vectors.

mod program;
mod provider;
pub mod translate;
pub mod vectors;

pub use program::{Finished, Program, access_log, guest, localmap, root};
pub use provider::provider;
