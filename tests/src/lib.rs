//! Helpers of the tests that cross a crate boundary: the guests, the program that runs them,
//! and the vectors.

mod alone;
mod program;
mod provider;
mod relay;
mod running;
mod snapshots;
mod stable;
pub mod translate;
pub mod vectors;

pub use alone::alone;
pub use program::{Finished, Program, access_log, guest, localmap, root};
pub use provider::{FUNCTIONS, provider};
pub use relay::relay;
pub use running::Running;
pub use snapshots::{Snapshots, snapshots};
pub use stable::stable;

/// Runs the examples in the documents for users as tests.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../../README.md")]
    struct Readme;
    #[doc = include_str!("../../docs/guests.md")]
    struct Guests;
    #[cfg(feature = "etcd")]
    #[doc = include_str!("../../docs/mirror.md")]
    struct Mirrors;
}
