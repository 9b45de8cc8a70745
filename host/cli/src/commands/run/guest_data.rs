//! What the store of a guest holds besides its sandbox.

use crate::replay::ReplayClock;
use localmap::{Control, Stats};

/// The data of the guest's store.
pub(super) struct GuestData {
    /// The clock under replay.
    pub(super) replay: ReplayClock,
    /// The map that is plugged into the guest.
    pub(super) control: Option<Control>,
    /// The statistics of that map, read when the guest exits: its store cannot be entered
    /// after that.
    pub(super) stats: Option<Stats>,
}
