//! Locks, condition variables, atomics and threads: those of the standard library or, in unit
//! tests, those of `shuttle`, which runs them under many schedules.

#[cfg(not(test))]
use std as imp;

#[cfg(test)]
use shuttle as imp;

pub(crate) use imp::sync::atomic::{AtomicBool, AtomicU64, Ordering};
pub(crate) use imp::sync::{Condvar, Mutex, MutexGuard};
pub(crate) use imp::thread;

use std::sync::PoisonError;
use std::time::Duration;

/// Locks `mutex`, even if a thread has panicked while it held the lock.
///
/// Use it for values that are consistent after each of their operations, such as a
/// [`LocalMap`](crate::LocalMap) that several threads [share](crate::LinkedMap::shared): after a
/// panic in a clock or an observer, the map still works, or its next call returns
/// [`MapTerminated`](crate::MapTerminated).
///
/// ```
/// use localmap::lock;
/// use std::sync::Mutex;
///
/// let count = Mutex::new(1);
/// let panicked = std::thread::scope(|scope| {
///     let panics = scope.spawn(|| {
///         let _held = count.lock();
///         panic!("while the lock is held");
///     });
///     panics.join()
/// });
/// assert!(panicked.is_err());
/// assert!(count.lock().is_err());
/// assert_eq!(*lock(&count), 1);
/// ```
pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Releases the lock and waits at most `timeout` for a notification, then locks again.
pub(crate) fn wait_timeout<'a, T>(
    condvar: &Condvar,
    guard: MutexGuard<'a, T>,
    timeout: Duration,
) -> MutexGuard<'a, T> {
    let woken = condvar.wait_timeout(guard, timeout);
    woken.unwrap_or_else(PoisonError::into_inner).0
}
