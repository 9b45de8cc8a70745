//! Loading of the guest named on the command line.

pub(crate) mod build;
pub(crate) mod cargo;
mod python;
pub(crate) mod source;
