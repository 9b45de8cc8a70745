//! Follows a prefix of etcd.

pub(crate) mod mirror;
pub(crate) mod options;
pub(crate) mod write;
