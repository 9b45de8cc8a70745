//! A lock that a panic does not close.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks `mutex`, whether or not a thread has panicked while it held the lock.
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
