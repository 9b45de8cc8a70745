//! The names of locks in etcd, which are used again.
//!
//! etcd keeps a deleted key in its index until a compaction, and each range walks it. So the folder of a lock
//! must have few names, however often it is acquired.

use localmap::lock;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// The numbers that no name has.
#[derive(Debug, Default)]
pub(crate) struct Numbers(Mutex<Free>);

#[derive(Debug, Default)]
struct Free {
    /// Those that names had before.
    used: Vec<u64>,
    /// The greatest that was ever taken.
    greatest: u64,
}

/// The key of a lock, which has no other user until this is dropped.
///
/// Each transaction that names it holds it until its answer. If one has none, it may arrive at any time, and
/// would create or delete the key of another hold: then the name is never used again.
#[derive(Debug)]
pub(crate) struct LockName {
    key: Arc<[u8]>,
    number: u64,
    numbers: Arc<Numbers>,
    is_spent: AtomicBool,
}

impl LockName {
    /// Returns a name whose key is that of a number.
    pub(crate) fn new(numbers: &Arc<Numbers>, key: impl FnOnce(u64) -> Vec<u8>) -> Arc<Self> {
        let mut free = lock(&numbers.0);
        let number = free.used.pop().unwrap_or_else(|| {
            free.greatest += 1;
            free.greatest
        });
        drop(free);
        Arc::new(Self {
            key: key(number).into(),
            number,
            numbers: Arc::clone(numbers),
            is_spent: AtomicBool::new(false),
        })
    }

    pub(crate) fn key(&self) -> &Arc<[u8]> {
        &self.key
    }

    /// Notes that a transaction with this name may still arrive.
    pub(crate) fn spend(&self) {
        self.is_spent.store(true, Ordering::Relaxed);
    }
}

impl Deref for LockName {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.key
    }
}

impl Drop for LockName {
    fn drop(&mut self) {
        if !*self.is_spent.get_mut() {
            lock(&self.numbers.0).used.push(self.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_used_again_once_it_has_no_user_unless_it_is_spent() {
        let numbers = Arc::new(Numbers::default());
        let take = || LockName::new(&numbers, |number| number.to_string().into_bytes());
        let (one, two) = (take(), take());
        assert_ne!(one.key(), two.key());
        let key = Arc::clone(one.key());
        let user = Arc::clone(&one);
        drop(one);
        assert_ne!(*take().key(), key);
        drop(user);
        let again = take();
        assert_eq!(*again.key(), key);
        again.spend();
        drop(again);
        let others: Vec<Arc<LockName>> = (0..9).map(|_| take()).collect();
        assert!(others.iter().all(|other| *other.key() != key));
    }
}
