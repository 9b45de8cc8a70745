//! The number of threads that a server starts.

use super::cgroup::Cgroups;
use super::process::Process;
use super::tree::Tree;
use std::thread;

/// Returns the number of threads for this process: one for each processor that it may use.
///
/// [`thread::available_parallelism`] looks for a quota of version 2 at `/sys/fs/cgroup` alone, below
/// the path that `/proc/self/cgroup` names. So it does not see the quota if version 2 is mounted
/// elsewhere, or if a container has only its own part of the tree there without a namespace. It also
/// rounds a quota of 1.5 processors down to one thread, which can never use it.
pub(crate) fn default_workers() -> usize {
    let tree = Tree::this_machine();
    let known = workers(&Process::read(&tree), &Cgroups::read(&tree));
    known.unwrap_or_else(|| thread::available_parallelism().map_or(1, Into::into))
}

/// Returns the number of processors that a process may run on, or its quota of their time, rounded
/// up, if that is less. `None` if the processors are unknown.
pub(crate) fn workers(process: &Process, cgroups: &Cgroups) -> Option<usize> {
    let processors = process.processors?;
    let quota = cgroups.cpu.as_ref().map(|cpu| cpu.value.ceil());
    let workers = quota.map_or(processors, |quota| quota.min(processors));
    usize::try_from(workers.max(1)).ok()
}
