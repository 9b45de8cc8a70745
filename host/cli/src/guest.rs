//! The guest of the command line: how to load it, and its kind.

pub(crate) mod kind;
pub(crate) mod source;
