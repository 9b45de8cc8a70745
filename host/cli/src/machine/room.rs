//! Whether there is address space for what a command does.

use super::limits::Limits;
use super::process::Process;
use super::tree::Tree;

/// The address space in bytes that a command needs, beyond that of the program itself: compiled code, the
/// heap, and the least that guests and maps take.
const NEEDED: u64 = 256 << 20;

/// The address space in bytes of a thread: its stack, and the 64 MiB that glibc reserves for its part of
/// the heap.
const OF_A_THREAD: u64 = 66 << 20;

/// The number of threads of a command that serves, besides its workers: the main thread, and those for
/// the log, for signals, for time, for names and for compiling.
pub(crate) const OTHERS: usize = 9;

/// The address space of this process, which is limited (`ulimit -v`).
pub(crate) struct Room {
    limit: u64,
    used: u64,
}

impl Room {
    /// Returns the room of this process with its limits, or `None` if it is not limited.
    pub(crate) fn now(limits: &Limits) -> Option<Self> {
        // Only if there is a limit: the rest takes longer.
        limits.address_space?.soft?;
        Self::of(limits, &Process::read(&Tree::this_machine()))
    }

    /// Returns the room of a process, or `None` if it is not limited, or what it uses is unknown.
    pub(crate) fn of(limits: &Limits, process: &Process) -> Option<Self> {
        Some(Self {
            limit: limits.address_space?.soft?,
            used: process.address_space?,
        })
    }

    /// Returns the least limit in bytes with which a command works that has this many threads, if the
    /// limit is less.
    pub(crate) fn missing(&self, threads: usize) -> Option<u64> {
        let needed = self.needed(OF_A_THREAD.saturating_mul(threads as u64));
        (self.limit < needed).then_some(needed)
    }

    /// Does the same for a server with this many workers.
    pub(crate) fn missing_to_serve(&self, workers: usize) -> Option<u64> {
        self.missing(workers.saturating_add(OTHERS))
    }

    /// Returns the address space in bytes that is left next to a server with this many workers.
    pub(crate) fn left_to_serve(&self, workers: usize) -> u64 {
        let threads = workers.saturating_add(OTHERS) as u64;
        let needed = self.needed(OF_A_THREAD.saturating_mul(threads));
        self.limit.saturating_sub(needed)
    }

    /// Returns the limit in bytes that leaves room for `more` bytes, next to what is used now.
    pub(crate) fn needed(&self, more: u64) -> u64 {
        self.used.saturating_add(NEEDED).saturating_add(more)
    }
}
