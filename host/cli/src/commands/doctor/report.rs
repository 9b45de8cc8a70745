//! All that was found out.

use super::case::Case;
use super::finding::{Finding, Level};
use super::probe::Probe;
use super::wanted::Wanted;
use crate::machine::Machine;

/// What was asked for, what was found out, and what follows.
pub(super) struct Report {
    pub(super) wanted: Wanted,
    pub(super) machine: Machine,
    /// What was tried, unless the files are those of another machine.
    pub(super) probe: Option<Probe>,
    pub(super) findings: Vec<Finding>,
}

impl Report {
    /// Returns what the rules judge.
    pub(super) fn case(&self) -> Case<'_> {
        Case::new(&self.wanted, &self.machine, self.probe.as_ref())
    }

    /// Returns the worst level.
    pub(super) fn level(&self) -> Level {
        let levels = self.findings.iter().map(|finding| finding.level);
        levels.max().unwrap_or(Level::Note)
    }
}
