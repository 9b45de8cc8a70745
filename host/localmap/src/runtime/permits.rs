//! How many maps of a host are alive, and how many may be.

use crate::cancel::CancelHandle;
use crate::cancel::ticker::TICK;
use crate::runtime::create_error::CreateError;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The places for the live maps of a host.
pub(crate) struct Permits {
    max: u32,
    taken: Mutex<u32>,
    freed: Condvar,
}

/// One of them, taken until it is dropped.
pub(crate) struct Permit(Arc<Permits>);

impl Permits {
    pub(crate) fn new(max: u32) -> Self {
        Self {
            max,
            taken: Mutex::new(0),
            freed: Condvar::new(),
        }
    }

    fn count(&self) -> MutexGuard<'_, u32> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn taken(&self) -> u32 {
        *self.count()
    }

    /// Takes a place, and waits for one as long as that.
    pub(crate) fn take(
        self: &Arc<Self>,
        wait: Duration,
        handle: &CancelHandle,
    ) -> Result<Permit, CreateError> {
        let mut taken = self.count();
        let mut began = None;
        while *taken >= self.max {
            if handle.is_cancelled() {
                return Err(CreateError::Cancelled);
            }
            let began = *began.get_or_insert_with(Instant::now);
            let left = wait.saturating_sub(began.elapsed());
            if left.is_zero() {
                return Err(CreateError::TooManyMaps { max: self.max });
            }
            // In short naps, as who cancels does not know of them.
            let nap = self.freed.wait_timeout(taken, left.min(TICK));
            taken = nap.unwrap_or_else(PoisonError::into_inner).0;
        }
        *taken += 1;
        Ok(Permit(Arc::clone(self)))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        *self.0.count() -= 1;
        self.0.freed.notify_one();
    }
}
