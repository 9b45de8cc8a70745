//! Standard streams: what the program prints, and what guests read and write.

pub(crate) mod stats;
pub(crate) mod stdio;
