//! Loading of the guest named on the command line.

pub(crate) mod build;
pub(crate) mod cargo;
pub(crate) mod source;
