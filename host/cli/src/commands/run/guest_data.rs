//! The embedder's data in the store of a guest.

use crate::replay::{ReplayClock, ReplayInput};
use localmap::{Control, Stats};

/// The data of the guest's store.
pub(super) struct GuestData {
    /// The replay clock.
    pub(super) replay: ReplayClock,
    /// The input of a replay, for the streams of WASI 0.3.
    pub(super) input: Option<ReplayInput>,
    /// The map that is plugged into the guest.
    pub(super) control: Option<Control>,
    /// The statistics of that map, read when the guest exits, because no calls into its store are
    /// possible after that.
    pub(super) stats: Option<Stats>,
}
