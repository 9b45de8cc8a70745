//! Locks that are held by the clock of a test, without etcd.

use super::handle::Etcd;
use super::held::{Held, Key, State};
use super::options::EtcdLockOptions;
use super::session::Session;
use crate::fence::Fence;
use crate::limits::LockLimits;
use crate::lock_name::{LockName, Numbers};
use crate::mode::Mode;
use crate::table::{self, Table};
use localmap::{Clock, ManualClock};
use std::sync::Arc;
use std::time::Duration;

/// Returns a lock whose lease ends after `ttl` of the clock, unless it is renewed, with what a hold has of it.
pub(crate) fn held_of(clock: &ManualClock, ttl: Duration) -> (Held, table::Held, Fence) {
    // Nobody listens there.
    let options = EtcdLockOptions::new(["http://127.0.0.1:1"], "/locks/").clock(clock.clone());
    let etcd = Arc::new(Etcd::start(options).expect("the options are valid"));
    let name: Arc<str> = "k".into();
    let table = Arc::new(Table::new(LockLimits::default()));
    let local = table.try_acquire(&name, Mode::Write).expect("it is free");
    let session = Session::new(7, b"s".to_vec(), ttl, clock.now(), Arc::new(clock.clone()));
    let numbers = Arc::new(Numbers::default());
    let lock_name = LockName::new(&numbers, |_| b"k\0w7".to_vec());
    let lock_key = Arc::clone(lock_name.key());
    let key = Key {
        shared: Arc::clone(&etcd.shared),
        session: Arc::new(session),
        name: lock_name,
        user: local.user().clone(),
        state: State::Absent,
    };
    let fence = Fence::new(42, name, Some(lock_key), Mode::Write);
    (Held::new(key, etcd), local, fence)
}
