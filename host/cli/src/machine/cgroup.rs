//! The limits of the cgroups of this process: its own and those of all parents that it can see.
//!
//! Sources: cgroups(7), and the documents "Control Group v2" and "CFS Bandwidth Control" of the
//! Linux kernel.

use super::mounts::{self, Mount};
use super::tree::Tree;

/// Limits from here on are the kernel's word for "none" in version 1.
const UNLIMITED: u64 = 1 << 62;

/// The version of the cgroups that limit processor and memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V1,
    V2,
    /// Version 2 is mounted too, but a controller belongs to version 1.
    Hybrid,
}

/// The limits of the cgroups of this process.
#[derive(Default)]
pub(crate) struct Cgroups {
    /// The version, or `None` if no cgroups are mounted.
    pub(crate) version: Option<Version>,
    /// The quota of processor time.
    pub(crate) cpu: Option<Bound<Quota>>,
    /// The limit on memory in bytes, at which processes are killed.
    pub(crate) memory: Option<Bound<u64>>,
    /// The memory in bytes at which processes are slowed down; only in version 2.
    pub(crate) memory_high: Option<Bound<u64>>,
    /// The maximum number of threads.
    pub(crate) threads: Option<Bound<u64>>,
    /// The controllers whose mount does not contain the cgroup of this process, so that only the
    /// limits of the mount's own root could be read.
    pub(crate) elsewhere: Vec<&'static str>,
}

/// A limit, and the file that sets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bound<T> {
    pub(crate) value: T,
    pub(crate) file: String,
}

/// Processor time: `quota` microseconds of all processors together in each `period`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quota {
    pub(crate) quota: u64,
    pub(crate) period: u64,
}

impl Quota {
    fn new(quota: u64, period: u64) -> Option<Self> {
        (quota > 0 && period > 0).then_some(Self { quota, period })
    }

    /// Returns the number of processors to which the quota amounts, such as 1.5.
    #[allow(clippy::cast_precision_loss, reason = "it is printed with two digits")]
    pub(crate) fn processors(self) -> f64 {
        self.quota as f64 / self.period as f64
    }

    /// Returns the number of processors, rounded up.
    pub(crate) fn ceil(self) -> u64 {
        self.quota.div_ceil(self.period)
    }

    fn is_less_than(self, other: Self) -> bool {
        u128::from(self.quota) * u128::from(other.period)
            < u128::from(other.quota) * u128::from(self.period)
    }
}

/// A line of `/proc/self/cgroup`.
struct Group {
    controllers: Vec<String>,
    path: String,
}

/// The folders of a controller, from that of this process to the root of the mount.
struct Folders {
    v2: bool,
    paths: Vec<String>,
    exact: bool,
}

impl Cgroups {
    pub(crate) fn read(tree: &Tree) -> Self {
        let groups = groups(&tree.text("/proc/self/cgroup").unwrap_or_default());
        let mounts = tree.text("/proc/self/mountinfo").unwrap_or_default();
        let mounts = mounts::parse(&mounts);
        let mut found = Self::default();
        let cpu = found.folders(&groups, &mounts, "cpu");
        let memory = found.folders(&groups, &mounts, "memory");
        let pids = found.folders(&groups, &mounts, "pids");
        let v1 = [&cpu, &memory]
            .iter()
            .any(|folders| is_version(folders, false));
        let v2 = mounts.iter().any(|mount| mount.kind == "cgroup2");
        found.version = match (v1, v2) {
            (true, true) => Some(Version::Hybrid),
            (true, false) => Some(Version::V1),
            (false, true) => Some(Version::V2),
            (false, false) => None,
        };
        found.cpu = least(
            &cpu,
            |folder, v2| quota(tree, folder, v2),
            Quota::is_less_than,
        );
        let least_bytes = |folders: &Option<Folders>, v1: Option<&str>, v2: &str| {
            least(
                folders,
                |folder, is_v2| bytes(tree, folder, if is_v2 { Some(v2) } else { v1 }),
                |one, other| one < other,
            )
        };
        found.memory = least_bytes(&memory, Some("memory.limit_in_bytes"), "memory.max");
        found.memory_high = least_bytes(&memory, None, "memory.high");
        found.threads = least_bytes(&pids, Some("pids.max"), "pids.max");
        found
    }

    /// Finds the folders of a controller. Version 1 is looked for first, since its lines name the
    /// controllers that it has.
    fn folders(
        &mut self,
        groups: &[Group],
        mounts: &[Mount],
        controller: &'static str,
    ) -> Option<Folders> {
        let is_named = |group: &&Group| group.controllers.iter().any(|name| name == controller);
        let folders = match groups.iter().find(is_named) {
            Some(group) => {
                let has = |mount: &&Mount| {
                    mount.kind == "cgroup" && mount.options.iter().any(|name| name == controller)
                };
                let v1: Vec<&Mount> = mounts.iter().filter(has).collect();
                folders(&group.path, &v1, false)
            }
            None => {
                let group = groups.iter().find(|group| group.controllers.is_empty())?;
                let v2 = mounts.iter().filter(|mount| mount.kind == "cgroup2");
                folders(&group.path, &v2.collect::<Vec<_>>(), true)
            }
        }?;
        if !folders.exact {
            self.elsewhere.push(controller);
        }
        Some(folders)
    }
}

fn is_version(folders: &Option<Folders>, v2: bool) -> bool {
    folders.as_ref().is_some_and(|folders| folders.v2 == v2)
}

/// Parses lines such as `0::/user.slice` and `4:cpu,cpuacct:/a:b`.
fn groups(text: &str) -> Vec<Group> {
    let parse = |line: &str| {
        let mut fields = line.splitn(3, ':').skip(1);
        let controllers = fields.next()?.split(',').filter(|name| !name.is_empty());
        Some(Group {
            controllers: controllers.map(str::to_owned).collect(),
            path: fields.next()?.to_owned(),
        })
    };
    text.lines().filter_map(parse).collect()
}

/// Returns the folders of a cgroup in the mount that shows most of its parents. Both paths are
/// relative to the root of the cgroup namespace, and begin with `/..` outside of it.
fn folders(group: &str, mounts: &[&Mount], v2: bool) -> Option<Folders> {
    let group = parts(group);
    let exact = mounts
        .iter()
        .filter_map(|mount| Some((*mount, below(&group, &mount.root)?)))
        .max_by_key(|(_, below)| below.len());
    let (mount, below, exact) = match exact {
        Some((mount, below)) => (mount, below, true),
        None => (*mounts.first()?, Vec::new(), false),
    };
    let point = mount.point.trim_end_matches('/');
    let folder = |len: usize| {
        let names = below.iter().take(len);
        names.fold(point.to_owned(), |path, name| path + "/" + name)
    };
    Some(Folders {
        v2,
        paths: (0..=below.len()).rev().map(folder).collect(),
        exact,
    })
}

/// Returns the folders from the root of a mount down to a group, if that is in it.
fn below<'a>(group: &[&'a str], root: &str) -> Option<Vec<&'a str>> {
    let root = parts(root);
    let below = group.get(root.len()..)?;
    // Names of folders above the root of the namespace are unknown.
    let known = group.starts_with(&root) && !below.contains(&"..");
    known.then(|| below.to_vec())
}

fn parts(path: &str) -> Vec<&str> {
    let parts = path.split('/');
    parts
        .filter(|part| !part.is_empty() && *part != ".")
        .collect()
}

/// Returns the smallest limit of a cgroup and its parents.
fn least<T: Copy>(
    folders: &Option<Folders>,
    read: impl Fn(&str, bool) -> Option<Bound<T>>,
    is_less: impl Fn(T, T) -> bool,
) -> Option<Bound<T>> {
    let folders = folders.as_ref()?;
    let bounds = folders
        .paths
        .iter()
        .filter_map(|path| read(path, folders.v2));
    bounds.reduce(|least, next| match is_less(next.value, least.value) {
        true => next,
        false => least,
    })
}

fn quota(tree: &Tree, folder: &str, v2: bool) -> Option<Bound<Quota>> {
    if v2 {
        let file = format!("{folder}/cpu.max");
        let value = tree.parse(&file, parse_cpu_max)??;
        return Some(Bound { value, file });
    }
    let file = format!("{folder}/cpu.cfs_quota_us");
    let quota = tree.parse(&file, |text| text.parse::<i64>().ok())?;
    let period = tree.number(&format!("{folder}/cpu.cfs_period_us"))?;
    // -1 is none.
    let value = Quota::new(u64::try_from(quota).ok()?, period)?;
    Some(Bound { value, file })
}

/// Parses `150000 100000` or `max 100000`. The inner `None` is no quota.
fn parse_cpu_max(text: &str) -> Option<Option<Quota>> {
    let mut words = text.split_whitespace();
    let quota = words.next()?;
    let period = match words.next() {
        Some(period) => period.parse().ok()?,
        None => 100_000,
    };
    match quota {
        "max" => Some(None),
        quota => Quota::new(quota.parse().ok()?, period).map(Some),
    }
}

fn bytes(tree: &Tree, folder: &str, name: Option<&str>) -> Option<Bound<u64>> {
    let file = format!("{folder}/{}", name?);
    let value = tree.parse(&file, |text| match text {
        "max" => Some(None),
        text => text.parse().ok().map(Some),
    })??;
    (value < UNLIMITED).then_some(Bound { value, file })
}
