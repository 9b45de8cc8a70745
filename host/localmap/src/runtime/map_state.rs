//! The life of a map: one lock holds its store while it lives, and what killed it after
//! that. The owner holds the lock during a call; whoever cancels tries it.

use crate::cancel::{CancelHandle, Ends};
use crate::contract::error::{MapTerminated, TerminationCause};
use crate::runtime::map_instance::MapInstance;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// What a map shares with those who may end it.
pub(crate) struct MapState {
    place: Mutex<Place>,
    handle: CancelHandle,
}

enum Place {
    Live(Box<MapInstance>),
    Terminated(MapTerminated),
    /// Its owner has dropped it: nobody asks any more.
    Gone,
}

impl Place {
    /// Drops the store there and then, with the lock held: who waits for the lock can rely
    /// on it.
    fn kill(&mut self, cause: TerminationCause) -> MapTerminated {
        match self {
            Self::Terminated(dead) => dead.clone(),
            Self::Live(_) | Self::Gone => {
                let dead = MapTerminated::of(cause);
                *self = Self::Terminated(dead.clone());
                dead
            }
        }
    }
}

impl MapState {
    pub(crate) fn new(live: MapInstance, handle: CancelHandle) -> Self {
        Self {
            place: Mutex::new(Place::Live(Box::new(live))),
            handle,
        }
    }

    pub(crate) fn handle(&self) -> &CancelHandle {
        &self.handle
    }

    /// The place, where no call has panicked: that ends a map too.
    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(|poisoned| {
            let mut place = poisoned.into_inner();
            place.kill(TerminationCause::Panicked);
            self.place.clear_poison();
            place
        })
    }

    /// Calls into the instance. A call that fails ends the map: its store, and with it all
    /// that it held, is dropped here.
    pub(crate) fn enter<R>(
        &self,
        call: impl FnOnce(&mut MapInstance) -> wasmtime::Result<R>,
    ) -> Result<R, MapTerminated> {
        let mut place = self.place();
        let live = match &mut *place {
            Place::Live(live) if !self.handle.is_cancelled() => live,
            other => return Err(other.kill(TerminationCause::Cancelled)),
        };
        match live.enter(call) {
            Ok(answer) => {
                drop(place);
                // Who cancelled during the call found the lock taken. Where this look
                // comes too early to see it, the ticker sees to the rest.
                if self.handle.is_cancelled() {
                    self.end();
                }
                Ok(answer)
            }
            Err(error) => {
                let cause = TerminationCause::of(error, live.refused_memory());
                Err(place.kill(cause))
            }
        }
    }

    /// Looks at the store without a call. `None`: it is dead.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&MapInstance) -> R) -> Option<R> {
        match &*self.place() {
            Place::Live(live) => Some(look(live)),
            Place::Terminated(_) | Place::Gone => None,
        }
    }

    /// Frees what is left, as its owner has no use for it any more.
    pub(crate) fn abandon(&self) {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        *place = Place::Gone;
    }
}

impl Ends for MapState {
    fn end(&self) -> bool {
        let mut place = match self.place.try_lock() {
            Ok(place) => place,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        if let Place::Live(_) = *place {
            place.kill(TerminationCause::Cancelled);
        }
        true
    }
}
