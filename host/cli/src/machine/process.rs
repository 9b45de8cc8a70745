//! What this process may use and already uses, from `/proc/self`.

use super::tree::Tree;

/// The state of this process. What is missing is unknown.
#[derive(Default)]
pub(crate) struct Process {
    /// The number of processors on which it may run (`taskset`, cpusets).
    pub(crate) processors: Option<u64>,
    /// Its address space in bytes.
    pub(crate) address_space: Option<u64>,
    /// Its memory in bytes, as far as it is resident.
    pub(crate) resident: Option<u64>,
    /// The number of its mappings.
    pub(crate) mappings: Option<u64>,
    /// The namespaces that it does not share with the first process of the machine, of those where
    /// this can be told.
    pub(crate) namespaces: Vec<&'static str>,
    /// Whether its user is root, whom some limits do not bind.
    pub(crate) is_root: bool,
    /// Whether it is in a cgroup namespace of its own, which hides the parents of its root.
    pub(crate) cgroup_namespace: bool,
}

/// The namespaces whose first one has a fixed number (`include/uapi/linux/nsfs.h` of the kernel).
const FIRST: [(&str, u64); 6] = [
    ("cgroup", 4_026_531_835),
    ("ipc", 4_026_531_839),
    ("pid", 4_026_531_836),
    ("time", 4_026_531_834),
    ("user", 4_026_531_837),
    ("uts", 4_026_531_838),
];

impl Process {
    pub(crate) fn read(tree: &Tree) -> Self {
        let status = tree.text("/proc/self/status").unwrap_or_default();
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
        let namespaces: Vec<&str> = FIRST
            .iter()
            .filter(|(name, first)| namespace(tree, name).is_some_and(|own| own != *first))
            .map(|(name, _)| *name)
            .collect();
        Self {
            processors: field("Cpus_allowed_list:").and_then(count),
            address_space: field("VmSize:").and_then(super::kernel::kib),
            resident: field("VmRSS:").and_then(super::kernel::kib),
            mappings: mappings(tree),
            is_root: field("Uid:").and_then(effective) == Some(0),
            cgroup_namespace: namespaces.contains(&"cgroup"),
            namespaces,
        }
    }
}

/// Returns the number of mappings of this process.
pub(crate) fn mappings(tree: &Tree) -> Option<u64> {
    let maps = tree.text("/proc/self/maps")?;
    u64::try_from(maps.lines().count()).ok()
}

/// Returns the number of a namespace.
fn namespace(tree: &Tree, name: &str) -> Option<u64> {
    let link = tree.link(&format!("/proc/self/ns/{name}"))?;
    let (_, number) = link.split_once('[')?;
    number.strip_suffix(']')?.parse().ok()
}

/// Returns the second of the real, effective, saved and file system users.
fn effective(users: &str) -> Option<u64> {
    users.split_whitespace().nth(1)?.parse().ok()
}

/// Counts the numbers in a list such as `0-3,8`.
fn count(list: &str) -> Option<u64> {
    let mut sum = 0_u64;
    for part in list.trim().split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
        sum = sum.checked_add(last.checked_sub(first)?.checked_add(1)?)?;
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_counted_in_a_list() {
        for (list, sum) in [
            ("0", Some(1)),
            ("\t0-3,8\n", Some(5)),
            ("0-1,4-5,63", Some(5)),
            ("", None),
            ("3-1", None),
            ("x", None),
            ("0-18446744073709551615", None),
        ] {
            assert_eq!(count(list), sum, "{list:?}");
        }
    }
}
