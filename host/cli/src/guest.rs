//! The guest that the command line names: where it comes from, and what kind it is.

pub(crate) mod kind;
pub(crate) mod source;
