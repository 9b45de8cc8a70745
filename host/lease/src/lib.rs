//! Guards requests with leases by key: one writer or many readers at a time, in a process or, by
//! [etcd](https://etcd.io), in a cluster, with fencing tokens.
//!
//! A [`Guard`] has [`Rules`], which say which requests lock which key, and [`Locks`]. A [`GuardLayer`] puts it
//! in front of a service of tonic, axum or hyper: a request is handled once it has its lock, which it keeps
//! until the body of its response has ended.
//!
//! ```
#![doc = include_str!("../examples/guard.rs")]
//! ```
//!
//! # What a lease does not protect from
//!
//! A lock that its holder can lose without noticing, because it ends when nobody renews it, protects from
//! nothing alone: a holder that was stopped for longer than its lease writes after the next one has begun.
//! The layer stops such a request where it waits, but what it has sent is sent. Only the store can refuse it,
//! by the token of the lock: see [`Fence`], [`put_fenced`] for a map, and
#![cfg_attr(feature = "etcd", doc = "[`fenced_put`] for etcd.")]
#![cfg_attr(not(feature = "etcd"), doc = "`fenced_put` for etcd.")]
//! [Leases](https://github.com/localmap/localmap/blob/main/docs/leases.md) has a table of faults.
//!
//! # Features
//!
//! - `etcd`, off by default: locks in etcd, and re-exports `etcd-client` as `etcd_client`. Building it needs
//!   protoc, with the well-known types of protobuf.

mod acquire_error;
mod body;
#[cfg(feature = "etcd")]
mod etcd;
mod fence;
mod guard;
mod hold;
mod key;
mod layer;
mod limits;
#[cfg(feature = "etcd")]
mod lock_name;
mod locks;
mod mode;
mod put_fenced;
mod refusal;
mod rules;
mod status;
mod table;

pub use acquire_error::AcquireError;
pub use body::GuardBody;
#[cfg(feature = "etcd")]
pub use etcd::{EtcdError, EtcdLockOptions, FencedPutError, LeaseEvent, fenced_put};
#[cfg(feature = "etcd")]
pub use etcd_client;
pub use fence::Fence;
pub use guard::{Decision, Guard};
pub use hold::{Hold, LeaseLost, Loss};
pub use key::MAX_KEY_LEN;
pub use layer::{GuardLayer, GuardService};
pub use limits::LockLimits;
pub use locks::Locks;
pub use mode::Mode;
pub use put_fenced::{FencedError, apply_fenced, put_fenced};
pub use refusal::{Refusal, RefusalKind};
pub use rules::{Otherwise, Rule, Rules, RulesError};
pub use status::LocksStatus;

/// Runs the examples of the README as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
