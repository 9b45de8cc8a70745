//! The settings of the kernel, which all processes share.

use super::tree::Tree;

/// The settings of the kernel. What is missing is unknown.
#[derive(Default)]
pub(crate) struct Kernel {
    /// The version, such as `6.18.44`.
    pub(crate) release: Option<String>,
    /// The memory of the machine in bytes, and the part that can be had without swapping.
    pub(crate) memory: Option<u64>,
    pub(crate) available: Option<u64>,
    /// The maximum number of mappings of a process.
    pub(crate) max_mappings: Option<u64>,
    /// `vm.overcommit_memory`: 0 guesses, 1 always grants, 2 never grants more than there is.
    pub(crate) overcommit: Option<u64>,
    /// With overcommit 2, the memory in bytes that all processes may have and that they have.
    pub(crate) commit_limit: Option<u64>,
    pub(crate) committed: Option<u64>,
    /// Transparent huge pages: `always`, `madvise` or `never`.
    pub(crate) transparent_huge_pages: Option<String>,
    /// The memory in bytes that is set aside for huge pages, which localmap does not use.
    pub(crate) huge_pages: Option<u64>,
}

impl Kernel {
    pub(crate) fn read(tree: &Tree) -> Self {
        let meminfo = tree.text("/proc/meminfo").unwrap_or_default();
        let field = |name: &str| meminfo.lines().find_map(|line| line.strip_prefix(name));
        let bytes = |name: &str| field(name).and_then(kib);
        let reserved = field("HugePages_Total:").and_then(|pages| pages.trim().parse::<u64>().ok());
        Self {
            release: tree.text("/proc/sys/kernel/osrelease"),
            memory: bytes("MemTotal:"),
            available: bytes("MemAvailable:"),
            max_mappings: tree.number("/proc/sys/vm/max_map_count"),
            overcommit: tree.number("/proc/sys/vm/overcommit_memory"),
            commit_limit: bytes("CommitLimit:"),
            committed: bytes("Committed_AS:"),
            transparent_huge_pages: tree
                .parse("/sys/kernel/mm/transparent_hugepage/enabled", chosen),
            huge_pages: reserved
                .zip(bytes("Hugepagesize:"))
                .map(|(pages, size)| pages.saturating_mul(size)),
        }
    }
}

/// Parses a size such as `24684096 kB`, which is in KiB.
pub(super) fn kib(text: &str) -> Option<u64> {
    let number = text.trim().strip_suffix("kB")?.trim();
    number.parse::<u64>().ok()?.checked_mul(1 << 10)
}

/// Returns the word in brackets of a choice such as `always [madvise] never`.
fn chosen(text: &str) -> Option<String> {
    let (_, rest) = text.split_once('[')?;
    let (word, _) = rest.split_once(']')?;
    Some(word.to_owned())
}
