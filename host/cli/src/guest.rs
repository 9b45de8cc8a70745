//! Loading of the guest named on the command line.

pub(crate) mod build;
mod built;
pub(crate) mod cargo;
mod javascript;
mod python;
pub(crate) mod source;
mod tools;
