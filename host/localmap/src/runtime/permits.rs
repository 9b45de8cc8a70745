//! Permits for live maps, which limit the number of maps of a host.

use crate::cancel::handle::CancelHandle;
use crate::runtime::create_error::CreateError;
use crate::sync::{Condvar, Mutex, lock, wait_timeout};
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

/// The permits of a host: a counting semaphore.
pub(crate) struct Permits {
    max: u32,
    state: Mutex<State>,
    released: Condvar,
}

struct State {
    taken: u32,
    /// The number of threads that wait for a permit. Most permits are released while there is none,
    /// and then no system call is needed.
    waiting: u32,
}

/// One permit, which is released when it is dropped.
pub(crate) struct Permit(Arc<Permits>);

impl Permits {
    /// Creates `max` permits.
    pub(crate) fn new(max: u32) -> Self {
        Self {
            max,
            state: Mutex::new(State {
                taken: 0,
                waiting: 0,
            }),
            released: Condvar::new(),
        }
    }

    /// Returns the number of permits that are taken.
    pub(crate) fn taken(&self) -> u32 {
        lock(&self.state).taken
    }

    /// Returns the number of threads that wait for a permit.
    pub(crate) fn waiting(&self) -> u32 {
        lock(&self.state).waiting
    }

    /// Takes a permit. If none is available, waits for one until `timeout` has passed or `handle`
    /// is cancelled.
    pub(crate) fn acquire(
        self: &Arc<Self>,
        timeout: Duration,
        handle: &CancelHandle,
    ) -> Result<Permit, CreateError> {
        let mut state = lock(&self.state);
        if state.taken >= self.max {
            // Set the waker before reading the flag, so that a later cancellation wakes it.
            let mut slot = handle.waker_slot();
            slot.set(&Waker::from(Arc::clone(self)));
            let start = Instant::now();
            while state.taken >= self.max {
                if handle.is_cancelled() {
                    return Err(CreateError::Cancelled);
                }
                let left = timeout.saturating_sub(start.elapsed());
                if left.is_zero() {
                    return Err(CreateError::TooManyMaps { max: self.max });
                }
                state.waiting += 1;
                state = wait_timeout(&self.released, state, left);
                state.waiting -= 1;
            }
        }
        state.taken += 1;
        Ok(Permit(Arc::clone(self)))
    }
}

/// Wakes all threads that wait for a permit, because one of them was cancelled.
impl Wake for Permits {
    fn wake(self: Arc<Self>) {
        // Hold the lock, so that a thread that has seen the flag unset is already waiting.
        let _state = lock(&self.state);
        self.released.notify_all();
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.taken -= 1;
        if state.waiting > 0 {
            self.0.released.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::thread;

    const SCHEDULES: usize = 1_000;

    /// If a wake-up were lost, a thread would wait forever, which shuttle reports as a deadlock.
    #[test]
    fn there_are_never_too_many_and_everyone_gets_one() {
        let explore = || {
            let permits = Arc::new(Permits::new(2));
            let threads = [(); 4].map(|()| {
                let permits = Arc::clone(&permits);
                thread::spawn(move || {
                    let permit = permits.acquire(Duration::MAX, &CancelHandle::new());
                    assert!(permit.is_ok());
                    assert!(permits.taken() <= 2);
                })
            });
            for thread in threads {
                thread.join().expect("no panic");
            }
            assert_eq!(permits.taken(), 0);
        };
        shuttle::check_random(explore, SCHEDULES);
    }

    /// A released permit may wake the thread that is being cancelled. The other thread must still
    /// get the permit.
    #[test]
    fn a_cancellation_ends_one_wait_and_no_other() {
        let explore = || {
            let permits = Arc::new(Permits::new(1));
            let held = permits.acquire(Duration::ZERO, &CancelHandle::new());
            let wait = |handle: &CancelHandle| {
                let (permits, handle) = (Arc::clone(&permits), handle.clone());
                thread::spawn(move || permits.acquire(Duration::MAX, &handle).map(drop))
            };
            let handle = CancelHandle::new();
            let (cancelled, other) = (wait(&handle), wait(&CancelHandle::new()));
            let release = thread::spawn(move || drop(held));
            handle.cancel();
            let ended = cancelled.join().expect("no panic");
            assert!(matches!(ended, Ok(()) | Err(CreateError::Cancelled)));
            assert!(other.join().expect("no panic").is_ok());
            release.join().expect("no panic");
            assert_eq!(permits.taken(), 0);
        };
        shuttle::check_random(explore, SCHEDULES);
    }

    /// No permit is released here, so the cancellation itself must wake the thread.
    #[test]
    fn a_cancellation_ends_a_wait_without_a_permit() {
        let explore = || {
            let permits = Arc::new(Permits::new(0));
            let parent = CancelHandle::new();
            let handle = parent.child();
            let waits = thread::spawn(move || permits.acquire(Duration::MAX, &handle).map(drop));
            parent.cancel();
            let ended = waits.join().expect("no panic");
            assert!(matches!(ended, Err(CreateError::Cancelled)));
        };
        shuttle::check_random(explore, SCHEDULES);
    }

    #[test]
    fn without_a_time_to_wait_the_limit_is_an_error() {
        let explore = || {
            let permits = Arc::new(Permits::new(0));
            let error = permits.acquire(Duration::ZERO, &CancelHandle::new());
            assert!(matches!(error, Err(CreateError::TooManyMaps { max: 0 })));
        };
        shuttle::check_random(explore, 1);
    }
}
