//! The standard library's locks, condition variables, atomics and threads, or those of
//! `shuttle` in unit tests, which runs them under many schedules. And a lock that a panic does
//! not close.

#[cfg(not(test))]
use std as imp;

#[cfg(test)]
use shuttle as imp;

pub(crate) use imp::sync::atomic::{AtomicBool, Ordering};
pub(crate) use imp::sync::{Condvar, Mutex, MutexGuard};
pub(crate) use imp::thread;

use std::sync::PoisonError;
use std::time::Duration;

/// Locks `mutex`, even if a thread has panicked while it held the lock.
///
/// Suits values that are whole after each of their operations, such as a
/// [`LocalMap`](crate::LocalMap) that several threads [share](crate::LinkedMap::shared): a
/// panic in a clock or an observer leaves a map that still answers, or that returns
/// [`MapTerminated`](crate::MapTerminated) from its next call.
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

/// Waits for a notification for at most `timeout`, with the lock released meanwhile.
pub(crate) fn wait_timeout<'a, T>(
    condvar: &Condvar,
    guard: MutexGuard<'a, T>,
    timeout: Duration,
) -> MutexGuard<'a, T> {
    let woken = condvar.wait_timeout(guard, timeout);
    woken.unwrap_or_else(PoisonError::into_inner).0
}
