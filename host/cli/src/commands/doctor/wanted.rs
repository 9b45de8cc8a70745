//! What `serve` is to do on this machine.

use crate::machine::Machine;
use crate::machine::workers::workers;
use localmap::Limits;
use std::thread;

/// The maximum number of requests that `serve` answers at a time.
pub(super) const REQUESTS: u32 = 1_000;

/// The options that the machine must fit.
pub(super) struct Wanted {
    /// The number of threads, if one was given.
    pub(super) workers: Option<usize>,
    pub(super) max_maps: u32,
    pub(super) limits: Limits,
    /// The maximum memory of an instance in bytes.
    pub(super) max_instance: usize,
}

impl Wanted {
    /// Returns the number of threads that `serve` starts.
    pub(super) fn workers(&self, machine: &Machine) -> usize {
        let known = || workers(&machine.process, &machine.cgroups);
        let others = || thread::available_parallelism().map_or(1, Into::into);
        self.workers.or_else(known).unwrap_or_else(others)
    }
}
