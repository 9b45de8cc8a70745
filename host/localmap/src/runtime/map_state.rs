//! The state of a map, which its owner shares with the cancel handles. A lock protects the instance
//! while the map is live, and the cause after its termination. The owner holds the lock during a
//! call; a cancellation only tries to lock it.

use crate::cancel::handle::CancelHandle;
use crate::cancel::target::CancelTarget;
use crate::contract::error::{MapTerminated, TerminationCause};
use crate::sync::{AtomicBool, Mutex, MutexGuard, Ordering, lock};
use std::sync::{Arc, TryLockError};

/// The instance of a live map.
pub(crate) trait Instance: Send + 'static {
    /// Prepares a call.
    fn begin_call(&mut self) -> wasmtime::Result<()>;

    /// Returns the memory limit in bytes, if the last call was denied more memory.
    fn denied_memory_over(&self) -> Option<usize>;

    /// Reports the termination to those who read from the map without calling it. The instance is
    /// dropped next.
    fn terminate(&mut self, terminated: &MapTerminated);

    /// Reports the end of the map, by termination or because its owner has dropped it.
    fn ended(&mut self, cause: &TerminationCause);
}

/// The state of a map.
enum MapState<I> {
    Live(Box<I>),
    Terminated(MapTerminated),
    /// The owner has dropped the map. Its state is no longer read.
    Dropped,
}

impl<I: Instance> MapState<I> {
    /// Drops the instance while the lock is held, so that the next holder of the lock finds it
    /// dropped. A map that has already terminated keeps its cause.
    fn terminate(&mut self, cause: TerminationCause) -> MapTerminated {
        if let Self::Terminated(terminated) = self {
            return terminated.clone();
        }
        let terminated = MapTerminated::now(cause);
        if let Self::Live(instance) = self {
            instance.terminate(&terminated);
            instance.ended(terminated.cause());
        }
        *self = Self::Terminated(terminated.clone());
        terminated
    }
}

/// The state of a map behind its lock, and the handle that cancels it.
pub(crate) struct MapCell<I> {
    state: Mutex<MapState<I>>,
    /// Whether the map is no longer live, for those who do not wait for a call.
    ended: AtomicBool,
    handle: CancelHandle,
}

impl<I: Instance> MapCell<I> {
    /// Registers a live map with its handle. Returns `None` if the handle has already been
    /// cancelled.
    pub(crate) fn new(instance: I, handle: CancelHandle) -> Option<Arc<Self>> {
        let cell = Arc::new(Self {
            state: Mutex::new(MapState::Live(Box::new(instance))),
            ended: AtomicBool::new(false),
            handle,
        });
        let target: Arc<dyn CancelTarget> = cell.clone();
        cell.handle.set_target(Arc::downgrade(&target));
        // A cancellation before the registration did not find the map.
        if cell.handle.is_cancelled() {
            cell.release();
            return None;
        }
        Some(cell)
    }

    /// Returns the handle that cancels the map.
    pub(crate) fn handle(&self) -> &CancelHandle {
        &self.handle
    }

    /// Locks the state. A call that panicked has terminated the map.
    fn state(&self) -> MutexGuard<'_, MapState<I>> {
        self.state.lock().unwrap_or_else(|poisoned| {
            let mut state = poisoned.into_inner();
            self.terminate(&mut state, TerminationCause::Panicked);
            self.state.clear_poison();
            state
        })
    }

    /// Calls into the instance. A call that fails terminates the map and drops the instance.
    pub(crate) fn enter<R>(
        &self,
        call: impl FnOnce(&mut I) -> wasmtime::Result<R>,
    ) -> Result<R, MapTerminated> {
        let mut state = self.state();
        let instance = match &mut *state {
            MapState::Live(instance) if !self.handle.is_cancelled() => instance,
            other => return Err(self.terminate(other, TerminationCause::Cancelled)),
        };
        match instance.begin_call().and_then(|()| call(instance)) {
            Ok(answer) => {
                drop(state);
                // A cancellation during the call found the lock taken. If this check comes too
                // early to see it, the ticker retries the cancellation.
                if self.handle.is_cancelled() {
                    self.try_cancel();
                }
                Ok(answer)
            }
            Err(error) => {
                let cause = TerminationCause::of(error, instance.denied_memory_over());
                Err(self.terminate(&mut state, cause))
            }
        }
    }

    /// Reads from the instance without a call. Returns `None` if the map has terminated.
    pub(crate) fn peek<R>(&self, read: impl FnOnce(&I) -> R) -> Option<R> {
        match &*self.state() {
            MapState::Live(instance) => Some(read(instance)),
            MapState::Terminated(_) | MapState::Dropped => None,
        }
    }

    /// Drops the instance, as the owner has dropped the map.
    pub(crate) fn release(&self) {
        self.ended.store(true, Ordering::Relaxed);
        let mut state = lock(&self.state);
        if let MapState::Live(instance) = &mut *state {
            instance.ended(&TerminationCause::Dropped);
        }
        *state = MapState::Dropped;
    }

    /// Ends the map before its owner drops it. Does nothing if it has already ended.
    pub(crate) fn end(&self, cause: TerminationCause) {
        let mut state = self.state();
        if let MapState::Live(_) = *state {
            self.terminate(&mut state, cause);
        }
    }

    /// Returns `true` unless the map has ended. Does not wait for a call.
    pub(crate) fn is_live(&self) -> bool {
        !self.ended.load(Ordering::Relaxed)
    }

    fn terminate(&self, state: &mut MapState<I>, cause: TerminationCause) -> MapTerminated {
        self.ended.store(true, Ordering::Relaxed);
        state.terminate(cause)
    }
}

impl<I: Instance> CancelTarget for MapCell<I> {
    fn try_cancel(&self) -> bool {
        let mut state = match self.state.try_lock() {
            Ok(state) => state,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        if let MapState::Live(_) = *state {
            self.terminate(&mut state, TerminationCause::Cancelled);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cancel::ticker::TICKER;
    use crate::sync::thread;
    use std::sync::atomic::{AtomicU32, Ordering};

    const SCHEDULES: usize = 1_000;

    /// An instance that counts its calls and its drops.
    #[derive(Default)]
    struct Counts {
        calls: AtomicU32,
        drops: AtomicU32,
    }

    impl Counts {
        fn drops(&self) -> u32 {
            self.drops.load(Ordering::SeqCst)
        }
    }

    struct Fake(Arc<Counts>);

    impl Instance for Fake {
        fn begin_call(&mut self) -> wasmtime::Result<()> {
            assert_eq!(self.0.drops(), 0);
            Ok(())
        }

        fn denied_memory_over(&self) -> Option<usize> {
            None
        }

        fn terminate(&mut self, _terminated: &MapTerminated) {
            assert_eq!(self.0.drops(), 0);
        }

        fn ended(&mut self, _cause: &TerminationCause) {
            assert_eq!(self.0.drops(), 0);
        }
    }

    impl Drop for Fake {
        fn drop(&mut self) {
            thread::yield_now();
            self.0.drops.fetch_add(1, Ordering::SeqCst);
        }
    }

    type Cell = Arc<MapCell<Fake>>;

    fn cell(handle: &CancelHandle) -> (Option<Cell>, Arc<Counts>) {
        let counts = Arc::new(Counts::default());
        (MapCell::new(Fake(counts.clone()), handle.child()), counts)
    }

    fn call(cell: &Cell) -> Result<u32, MapTerminated> {
        cell.enter(|fake| {
            thread::yield_now();
            Ok(fake.0.calls.fetch_add(1, Ordering::SeqCst))
        })
    }

    /// A call that has begun may return its result, but the map ends with the call, even if it is
    /// never called again.
    #[test]
    fn a_cancellation_during_calls_ends_the_map() {
        let explore = || {
            let parent = CancelHandle::new();
            let (cell, counts) = cell(&parent);
            let cell = cell.expect("not cancelled");
            let calls = {
                let cell = cell.clone();
                thread::spawn(move || [call(&cell), call(&cell)])
            };
            parent.cancel();
            let [first, second] = calls.join().expect("no panic");
            assert!(first.is_ok() || second.is_err());
            assert_eq!(counts.drops(), 1);
            assert!(cell.peek(|_| ()).is_none());
            let terminated = call(&cell).expect_err("cancelled");
            assert!(matches!(terminated.cause(), TerminationCause::Cancelled));
        };
        shuttle::check_random(explore, SCHEDULES);
    }

    /// A thread that only reads the state also holds the lock, but does not check for a
    /// cancellation. The ticker checks instead.
    #[test]
    fn a_cancellation_during_a_look_ends_the_map_with_the_next_tick() {
        let explore = || {
            let parent = CancelHandle::new();
            let (cell, counts) = cell(&parent);
            let cell = cell.expect("not cancelled");
            let looks = {
                let cell = cell.clone();
                thread::spawn(move || cell.peek(|_| thread::yield_now()).is_some())
            };
            parent.cancel();
            looks.join().expect("no panic");
            TICKER.tick();
            assert_eq!(counts.drops(), 1);
        };
        shuttle::check_random(explore, SCHEDULES);
    }

    #[test]
    fn a_map_that_is_created_during_a_cancellation_is_ended() {
        let explore = || {
            let parent = CancelHandle::new();
            let creator = {
                let parent = parent.clone();
                thread::spawn(move || cell(&parent))
            };
            parent.cancel();
            let (cell, counts) = creator.join().expect("no panic");
            assert_eq!(counts.drops(), 1);
            if let Some(cell) = cell {
                assert!(call(&cell).is_err());
            }
        };
        shuttle::check_random(explore, SCHEDULES);
    }

    /// The owner frees the map even while another thread is about to cancel it.
    #[test]
    fn a_map_is_dropped_once_by_the_first_thread_that_ends_it() {
        let explore = || {
            let parent = CancelHandle::new();
            let (cell, counts) = cell(&parent);
            let cell = cell.expect("not cancelled");
            let cancels = [(); 2].map(|()| {
                let parent = parent.clone();
                thread::spawn(move || parent.cancel())
            });
            cell.release();
            assert_eq!(counts.drops(), 1);
            for thread in cancels {
                thread.join().expect("no panic");
            }
            assert_eq!(counts.drops(), 1);
        };
        shuttle::check_random(explore, SCHEDULES);
    }

    #[test]
    fn a_call_that_fails_ends_the_map_with_its_cause() {
        let explore = || {
            let (cell, counts) = cell(&CancelHandle::new());
            let cell = cell.expect("not cancelled");
            let failed = cell.enter(|_| wasmtime::Result::<()>::Err(wasmtime::Error::msg("no")));
            let terminated = failed.expect_err("it failed");
            assert!(matches!(terminated.cause(), TerminationCause::Fault { .. }));
            assert_eq!(counts.drops(), 1);
            cell.handle().cancel();
            let again = call(&cell).expect_err("it has ended");
            assert_eq!(again.at(), terminated.at());
        };
        shuttle::check_random(explore, 1);
    }
}
