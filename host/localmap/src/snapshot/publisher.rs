//! The owner's side of a snapshot: it publishes the entries of a map to all readers, and ends their
//! snapshot with the map.

use crate::contract::error::{MapTerminated, TerminationCause};
use crate::snapshot::table::Table;
use crate::snapshot::time::SharedTime;
use arc_swap::ArcSwap;
use std::sync::{Arc, Weak};

/// What a map has published. Its readers keep it alive; the map does not.
pub(crate) struct Published {
    pub(crate) state: ArcSwap<State>,
    pub(crate) time: Arc<SharedTime>,
}

/// The state of a snapshot.
pub(crate) enum State {
    Entries(Table),
    /// The map has ended.
    Terminated(MapTerminated),
}

/// Publishes the entries of one map. Dropping it ends the snapshot, whose readers may live longer.
pub(crate) struct Publisher {
    published: Weak<Published>,
}

impl Publisher {
    /// Creates a publisher that has published nothing.
    pub(crate) fn new() -> Self {
        let published = Weak::new();
        Self { published }
    }

    /// Returns `true` if there are readers.
    pub(crate) fn has_readers(&self) -> bool {
        self.published.strong_count() > 0
    }

    /// Replaces the entries that all readers see.
    pub(crate) fn publish(&mut self, entries: Table, time: &Arc<SharedTime>) -> Arc<Published> {
        let state = Arc::new(State::Entries(entries));
        if let Some(published) = self.published.upgrade() {
            published.state.store(state);
            return published;
        }
        let published = Arc::new(Published {
            state: ArcSwap::new(state),
            time: Arc::clone(time),
        });
        self.published = Arc::downgrade(&published);
        published
    }

    /// Ends the snapshot and frees its entries.
    pub(crate) fn terminate(&mut self, terminated: MapTerminated) {
        if let Some(published) = std::mem::take(&mut self.published).upgrade() {
            published
                .state
                .store(Arc::new(State::Terminated(terminated)));
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.terminate(MapTerminated::now(TerminationCause::Dropped));
    }
}
