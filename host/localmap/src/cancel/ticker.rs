//! The thread that advances the epochs of all engines, so that running calls check for
//! cancellation and time limits every [`TICK`].

use super::engines::{Engines, Epochs};
use super::target::CancelTarget;
use crate::sync::{Mutex, lock, thread};
use std::sync::Weak;
use std::time::Duration;
use wasmtime::Engine;

/// The time between two advances of the epochs.
const TICK: Duration = Duration::from_millis(10);

/// The ticker of this process.
#[cfg(not(test))]
pub(crate) static TICKER: Ticker<Engine> = Ticker::new();

// One for each schedule that a unit test explores.
#[cfg(test)]
shuttle::lazy_static! {
    pub(crate) static ref TICKER: Ticker<Engine> = Ticker::new();
}

/// Advances the epoch of one of your own engines every 10 ms, as long as it is alive, so that the
/// guests in its stores yield or end as [their stores](wasmtime::Store::epoch_deadline_callback) say.
/// The engine needs [epoch interruption](wasmtime::Config::epoch_interruption). A
/// [`CancelHandle`](crate::CancelHandle) that guards a store does this too, each time.
///
/// ```
/// use localmap::wasmtime::{Config, Engine};
///
/// let mut config = Config::new();
/// config.epoch_interruption(true);
/// localmap::advance_epochs(&Engine::new(&config)?)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Returns an error if the operating system cannot create the thread that measures time.
pub fn advance_epochs(engine: &Engine) -> std::io::Result<()> {
    TICKER.watch(engine)
}

/// Advances the epochs of engines, and cancels targets that were busy at their cancellation.
///
/// Its thread runs while at least one of the engines is alive.
pub(crate) struct Ticker<E: Epochs> {
    state: Mutex<State<E>>,
}

struct State<E: Epochs> {
    engines: Engines<E>,
    /// Targets that were busy when they were cancelled. Each of them usually ends itself, unless
    /// it checked for a cancellation just before it happened.
    busy: Vec<Weak<dyn CancelTarget>>,
    running: bool,
}

impl<E: Epochs> Ticker<E> {
    /// Creates a ticker without a thread.
    pub(crate) const fn new() -> Self {
        Self {
            state: Mutex::new(State {
                engines: Engines::new(),
                busy: Vec::new(),
                running: false,
            }),
        }
    }

    /// Advances the epoch of `engine` from now on, as long as it is alive. Does nothing for an
    /// engine that is already watched.
    ///
    /// # Errors
    ///
    /// Returns an error if the operating system cannot create the thread.
    pub(crate) fn watch(&'static self, engine: &E) -> std::io::Result<()> {
        let mut state = lock(&self.state);
        if !state.running {
            thread::Builder::new()
                .name("localmap-ticker".to_owned())
                .spawn(|| {
                    loop {
                        thread::sleep(TICK);
                        if !self.tick() {
                            return;
                        }
                    }
                })?;
            state.running = true;
        }
        state.engines.insert(engine);
        Ok(())
    }

    /// Cancels a busy target at one of the next ticks, unless it ends itself.
    pub(crate) fn cancel_later(&self, target: Weak<dyn CancelTarget>) {
        lock(&self.state).busy.push(target);
    }

    /// Advances the epochs and retries the busy targets. Returns `false` if no engine is left,
    /// which ends the thread.
    pub(crate) fn tick(&self) -> bool {
        let (engines, mut busy) = {
            let mut state = lock(&self.state);
            let engines = state.engines.alive();
            state.running = !engines.is_empty();
            (engines, std::mem::take(&mut state.busy))
        };
        // Nothing is dropped while the lock is held.
        for engine in &engines {
            engine.increment_epoch();
        }
        busy.retain(|target| target.upgrade().is_some_and(|target| !target.try_cancel()));
        let running = !engines.is_empty();
        // A target that is still busy runs in a live engine.
        if running && !busy.is_empty() {
            lock(&self.state).busy.append(&mut busy);
        }
        running
    }
}

#[cfg(test)]
mod tests {
    use super::super::engines::tests::Epoch;
    use super::super::target::tests::Lockable;
    use super::*;
    use std::sync::Arc;

    const SCHEDULES: usize = 1_000;

    fn ticker() -> &'static Ticker<Epoch> {
        Box::leak(Box::new(Ticker::new()))
    }

    fn wait_until(condition: impl Fn() -> bool) {
        while !condition() {
            thread::yield_now();
        }
    }

    #[test]
    fn a_target_that_was_busy_is_cancelled_at_last() {
        let explore = || {
            let ticker = ticker();
            let engine = Epoch::default();
            ticker.watch(&engine).expect("a thread");
            let target = Arc::new(Lockable::new());
            let busy = lock(&target.0);
            let weak: Weak<dyn CancelTarget> = {
                let target: Arc<dyn CancelTarget> = target.clone();
                Arc::downgrade(&target)
            };
            let canceller = thread::spawn(move || ticker.cancel_later(weak));
            thread::yield_now();
            drop(busy);
            wait_until(|| target.is_cancelled());
            canceller.join().expect("no panic");
            drop(engine);
            wait_until(|| !lock(&ticker.state).running);
        };
        shuttle::check_random(explore, SCHEDULES);
    }

    /// An engine can be added just when the thread is about to end because no engine was left.
    #[test]
    fn every_engine_has_a_ticker_while_others_end() {
        let explore = || {
            let ticker = ticker();
            let use_one = move || {
                let engine = Epoch::default();
                ticker.watch(&engine).expect("a thread");
                wait_until(|| engine.now() > 0);
            };
            let threads = [(); 3].map(|()| thread::spawn(use_one));
            for thread in threads {
                thread.join().expect("no panic");
            }
            wait_until(|| !lock(&ticker.state).running);
            use_one();
        };
        shuttle::check_random(explore, SCHEDULES);
    }
}
