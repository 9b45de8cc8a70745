//! The one thread that moves the epochs of all engines on, so that what runs in them
//! looks up every [`TICK`] whether it may go on.

use super::ends::Ends;
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;
use wasmtime::{Engine, EngineWeak};

/// How often epochs move on.
pub(crate) const TICK: Duration = Duration::from_millis(10);

static TICKER: Mutex<Ticker> = Mutex::new(Ticker {
    engines: Vec::new(),
    pending: Vec::new(),
    running: false,
});

struct Ticker {
    engines: Vec<EngineWeak>,
    /// What was busy when it was cancelled: it ends itself, unless it missed that by a
    /// hair.
    pending: Vec<Weak<dyn Ends>>,
    running: bool,
}

impl Ticker {
    fn lock() -> MutexGuard<'static, Self> {
        TICKER.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn engines(&mut self) -> Vec<Engine> {
        let mut alive = Vec::with_capacity(self.engines.len());
        self.engines.retain(|engine| match engine.upgrade() {
            Some(engine) => {
                alive.push(engine);
                true
            }
            None => false,
        });
        alive
    }
}

/// Moves the epoch of `engine` on from now, for as long as it lives. Does nothing for one
/// that it knows.
///
/// # Errors
///
/// Where the operating system has no thread for it.
pub(crate) fn watch(engine: &Engine) -> std::io::Result<()> {
    let mut ticker = Ticker::lock();
    let known = ticker.engines();
    if known.iter().any(|known| Engine::same(known, engine)) {
        return Ok(());
    }
    if !ticker.running {
        thread::Builder::new()
            .name("localmap-ticker".to_owned())
            .spawn(run)?;
        ticker.running = true;
    }
    ticker.engines.push(engine.weak());
    // An engine that has ended meanwhile is dropped without the lock.
    drop(ticker);
    Ok(())
}

/// Ends it with one of the next ticks, if it does not end itself.
pub(crate) fn end_later(what: Weak<dyn Ends>) {
    Ticker::lock().pending.push(what);
}

fn run() {
    loop {
        thread::sleep(TICK);
        let mut ticker = Ticker::lock();
        let engines = ticker.engines();
        if engines.is_empty() {
            ticker.pending.clear();
            ticker.running = false;
            return;
        }
        let mut pending = std::mem::take(&mut ticker.pending);
        drop(ticker);
        // Whatever ends here, ends without the lock.
        for engine in engines {
            engine.increment_epoch();
        }
        pending.retain(|what| what.upgrade().is_some_and(|what| !what.end()));
        if !pending.is_empty() {
            Ticker::lock().pending.append(&mut pending);
        }
    }
}
