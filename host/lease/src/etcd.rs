//! Locks in etcd, under one lease of this process.
//!
//! A lock is a key in a folder of its own, `KEY\0w…` or `KEY\0r…`, with the lease of the process. One
//! transaction creates it and says which keys were there before: a writer waits for all of them, a reader for
//! those of writers, each by watching the last one for its delete. The token of the lock is the revision at
//! which its key was created. Another lock follows when the key is deleted, by its holder or by the end of
//! the lease.
//!
//! A transaction without an answer may still arrive, at any time, and would create a key that nobody knows.
//! So each process has a *session key*, whose version each transaction that creates a key compares. Writing the
//! session key makes all of those before fail, however late they are, after which their keys can be deleted for
//! good. A transaction that only deletes keys compares nothing: names that it had are not used again unless it was
//! answered.

mod acquire;
mod backoff;
mod cleanup;
mod clock;
mod endpoints;
mod epoch;
mod failure;
mod handle;
mod held;
mod keeper;
mod left;
mod options;
mod put;
mod releases;
mod session;
mod shared;
mod signal;
#[cfg(test)]
mod tests;

pub use failure::EtcdError;
pub(crate) use handle::Etcd;
pub(crate) use held::{Held, Loss};
pub use options::{EtcdLockOptions, LeaseEvent};
pub use put::{FencedPutError, fenced_put};
#[cfg(test)]
pub(crate) use tests::held_of;
