//! What the rules judge, and how they write sizes.

use super::probe::Probe;
use super::wanted::Wanted;
use crate::machine::Machine;
use bytesize::ByteSize;

/// What the rules judge.
pub(super) struct Case<'a> {
    pub(super) wanted: &'a Wanted,
    pub(super) machine: &'a Machine,
    /// What was tried, unless the files are those of another machine.
    pub(super) probe: Option<&'a Probe>,
}

impl<'a> Case<'a> {
    pub(super) fn new(wanted: &'a Wanted, machine: &'a Machine, probe: Option<&'a Probe>) -> Self {
        Self {
            wanted,
            machine,
            probe,
        }
    }
}

/// Formats a number of bytes for people.
pub(super) fn size(bytes: u64) -> String {
    ByteSize(bytes).display().iec().to_string()
}

/// Rounds up to whole MiB.
pub(super) fn mib(bytes: u64) -> String {
    format!("{}MiB", bytes.div_ceil(1 << 20))
}
