//! The guest of the command line: how to load it.

pub(crate) mod source;
