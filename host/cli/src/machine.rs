//! What the operating system allows this process, read from the files of /proc and /sys.
//!
//! Each reader takes the folder below which these files are, so that tests give it others. A file
//! that is missing is a limit that is not set; one that cannot be understood is reported, and
//! limits nothing.

pub(crate) mod cgroup;
pub(crate) mod kernel;
pub(crate) mod limits;
mod mounts;
pub(crate) mod process;
pub(crate) mod room;
pub(crate) mod tree;
pub(crate) mod workers;

use cgroup::Cgroups;
use kernel::Kernel;
use limits::Limits;
use process::Process;
use tree::Tree;

/// The files of a machine, as far as localmap depends on them.
pub(crate) struct Machine {
    pub(crate) kernel: Kernel,
    pub(crate) cgroups: Cgroups,
    pub(crate) limits: Limits,
    pub(crate) process: Process,
    /// Those of the files on cgroups that cannot be read.
    pub(crate) missing: Vec<&'static str>,
    /// The files that could not be understood.
    pub(crate) garbled: Vec<String>,
}

impl Machine {
    /// Reads the files of a tree.
    pub(crate) fn read(tree: &Tree) -> Self {
        Self {
            kernel: Kernel::read(tree),
            cgroups: Cgroups::read(tree),
            limits: Limits::read(tree),
            process: Process::read(tree),
            missing: ["/proc/self/cgroup", "/proc/self/mountinfo"]
                .into_iter()
                .filter(|file| tree.text(file).is_none())
                .collect(),
            garbled: tree.garbled(),
        }
    }
}
