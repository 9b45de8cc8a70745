//! Follows a prefix of etcd.

mod assembler;
pub(crate) mod audit;
mod backoff;
mod driver;
mod failure;
mod gap;
mod kv;
mod list;
pub(crate) mod mirror;
pub(crate) mod options;
mod page_size;
mod pending;
mod prefix;
mod requests;
mod resume;
mod session;
mod timeouts;
mod timers;
pub(crate) mod url;
mod watch;
pub(crate) mod write;
