//! Memory that is used, and the limits on it.

use crate::commands::doctor::case::{Case, mib, size};
use crate::commands::doctor::finding::{Finding, Level};

/// The resident memory of the program without any map or guest, if it cannot be measured.
const PROGRAM: u64 = 64 << 20;

/// Whether one map and one instance fit into the limit on memory.
pub(super) fn limit(case: &Case<'_>) -> Vec<Finding> {
    let Some((limit, source)) = bound(case) else {
        return Vec::new();
    };
    let (program, map) = (program(case), case.wanted.limits.max_bytes);
    let instance = case.wanted.max_instance as u64;
    let needed = program.saturating_add(map).saturating_add(instance);
    if limit >= needed {
        return Vec::new();
    }
    let level = match limit < program {
        true => Level::Fails,
        false => Level::Less,
    };
    let text = format!(
        "the limit on memory is {} ({source}); one map ({}) and one instance ({}) that use all that \
         they may do not fit, and the kernel then kills the process",
        size(limit),
        size(map),
        size(instance)
    );
    let raise = format!(
        "raise it to {} (Kubernetes: resources.limits.memory; Docker: --memory; systemd: MemoryMax=)",
        mib(needed)
    );
    let rest = limit.saturating_sub(program.saturating_add(map)) >> 20;
    let mend = match rest {
        // Guests in most languages start with more.
        0..16 => raise,
        rest => format!("{raise}; or -W max-memory-size={rest}MiB"),
    };
    vec![Finding::new(level, "memory limit", text).mend(mend)]
}

/// Returns the number of full maps that fit into memory next to one instance, and into address space.
pub(crate) fn full_maps(case: &Case<'_>) -> Option<u64> {
    let both = [by_memory(case), super::space::full_maps(case)];
    both.into_iter().flatten().min()
}

fn by_memory(case: &Case<'_>) -> Option<u64> {
    let (limit, _) = bound(case)?;
    let instance = case.wanted.max_instance as u64;
    let rest = limit.saturating_sub(program(case).saturating_add(instance));
    Some(rest / case.wanted.limits.max_bytes.max(1))
}

/// Returns the memory that this process can have, and what limits it.
fn bound(case: &Case<'_>) -> Option<(u64, String)> {
    let group = case.machine.cgroups.memory.as_ref();
    let group = group.map(|limit| (limit.value, limit.file.clone()));
    let all = case.machine.kernel.memory;
    let all = all.map(|memory| (memory, "all memory of the machine".to_owned()));
    group.into_iter().chain(all).min_by_key(|(limit, _)| *limit)
}

fn program(case: &Case<'_>) -> u64 {
    // Of another machine's files, it is the memory of another program.
    let own = case.machine.process.resident;
    own.filter(|_| case.probe.is_some())
        .unwrap_or(0)
        .max(PROGRAM)
}

/// A process above it is slowed down, which looks like a server that hangs.
pub(super) fn high(case: &Case<'_>) -> Vec<Finding> {
    let cgroups = &case.machine.cgroups;
    let Some(high) = &cgroups.memory_high else {
        return Vec::new();
    };
    let text = format!(
        "from {} on ({}), the kernel slows the process down to reclaim memory",
        size(high.value),
        high.file
    );
    vec![Finding::note("memory.high", text)]
}

/// The memory of maps and guests counts as data.
pub(super) fn data(case: &Case<'_>) -> Vec<Finding> {
    let limit = case.machine.limits.data.and_then(|limit| limit.soft);
    let Some(limit) = limit else {
        return Vec::new();
    };
    let text = format!(
        "maps and guests may use {} of memory together with the program; growth beyond it fails",
        size(limit)
    );
    vec![Finding::new(Level::Less, "ulimit -d", text).mend("ulimit -d unlimited")]
}

/// With 2, memory that is granted must be there.
pub(super) fn overcommit(case: &Case<'_>) -> Vec<Finding> {
    let kernel = &case.machine.kernel;
    if kernel.overcommit != Some(2) {
        return Vec::new();
    }
    let rest = kernel.commit_limit.zip(kernel.committed);
    let rest = rest.map(|(limit, taken)| limit.saturating_sub(taken));
    let needed = case.wanted.limits.max_bytes + case.wanted.max_instance as u64;
    let level = match rest {
        Some(rest) if rest >= needed => Level::Note,
        _ => Level::Less,
    };
    let left = rest.map_or_else(String::new, |rest| {
        format!(", of which {} are left", size(rest))
    });
    let text = format!(
        "the kernel grants only memory that is there{left}: maps and guests may fail to grow"
    );
    let finding = Finding::new(level, "vm.overcommit_memory", text);
    vec![finding.mend("sysctl -w vm.overcommit_memory=0")]
}

/// Huge pages that nobody asked for make small maps large, and reserved ones are lost to all.
pub(super) fn huge_pages(case: &Case<'_>) -> Vec<Finding> {
    let kernel = &case.machine.kernel;
    let always = kernel.transparent_huge_pages.as_deref() == Some("always");
    let always = always.then(|| {
        let text = "a map or guest that grows beyond 2 MiB may be given huge pages, and then takes \
                    more memory than it uses";
        Finding::note("transparent_hugepage", text)
            .mend("echo madvise > /sys/kernel/mm/transparent_hugepage/enabled")
    });
    let reserved = kernel.huge_pages.filter(|&bytes| bytes > 0);
    let reserved = reserved.map(|bytes| {
        let text = format!(
            "{} are set aside for huge pages, which localmap does not use",
            size(bytes)
        );
        Finding::note("vm.nr_hugepages", text)
    });
    always.into_iter().chain(reserved).collect()
}
