//! Loading of the guest named on the command line.

pub(crate) mod source;
