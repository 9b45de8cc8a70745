//! Standard streams: the output of the program, and the streams of guests.

pub(crate) mod files;
pub(crate) mod stats;
pub(crate) mod stdio;
