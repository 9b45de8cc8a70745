//! Processors, threads, their stacks, and open files.

use crate::commands::doctor::case::{Case, size};
use crate::commands::doctor::finding::{Finding, Level};
use crate::commands::doctor::wanted::REQUESTS;
use crate::commands::preflight::{FILES, STACK};
use crate::machine::room::OTHERS;

/// The number of names that guests look up at a time, each in a thread.
const LOOKUPS: u64 = 64;

/// The stack of the main thread that `run` needs for a guest that uses all that it may: 512 KiB for the
/// guest, and as much for the host.
const ROOMY_STACK: u64 = 1 << 20;

/// A quota of less than one processor stops even one thread.
pub(super) fn quota(case: &Case<'_>) -> Vec<Finding> {
    let Some(cpu) = &case.machine.cgroups.cpu else {
        return Vec::new();
    };
    if cpu.value.quota >= cpu.value.period {
        return Vec::new();
    }
    let text = format!(
        "its quota is {:.2} of a processor ({}): a thread that has used it up stands still for the \
         rest of each {} ms",
        cpu.value.processors(),
        cpu.file,
        cpu.value.period / 1_000,
    );
    let mend = "give it at least one processor (Kubernetes: resources.limits.cpu; Docker: --cpus; \
                systemd: CPUQuota=)";
    vec![Finding::new(Level::Less, "cpu quota", text).mend(mend)]
}

/// More threads than processors only wait for each other.
pub(super) fn workers(case: &Case<'_>) -> Vec<Finding> {
    let (Some(given), Some(fit)) = (
        case.wanted.workers,
        crate::machine::workers::workers(&case.machine.process, &case.machine.cgroups),
    ) else {
        return Vec::new();
    };
    if given <= fit {
        return Vec::new();
    }
    let text = format!("{given} threads share the time of {fit} processors");
    vec![Finding::note("--workers", text).mend(format!("--workers {fit}"))]
}

/// Whether all threads can be started.
pub(super) fn count(case: &Case<'_>) -> Vec<Finding> {
    let machine = case.machine;
    let needed = case.wanted.workers(machine) as u64 + OTHERS as u64;
    let judge = |setting, limit: u64, mend: String| {
        let level = match limit {
            limit if limit < needed => Level::Fails,
            limit if limit < needed + LOOKUPS => Level::Less,
            _ => return None,
        };
        let text = format!(
            "{limit} threads are allowed; `serve` needs {needed}, and up to {LOOKUPS} more while \
             guests look up names"
        );
        Some(Finding::new(level, setting, text).mend(mend))
    };
    let enough = needed + LOOKUPS;
    // The limit counts all threads of the user, but not those of root.
    let user = machine.limits.threads.filter(|_| !machine.process.is_root);
    let user = user.and_then(|limit| limit.soft);
    let user = user.and_then(|limit| judge("ulimit -u", limit, format!("ulimit -u {enough}")));
    let group = machine.cgroups.threads.as_ref().and_then(|limit| {
        let mend = format!(
            "raise the limit in {} to at least {enough} (Docker: --pids-limit; systemd: TasksMax=)",
            limit.file
        );
        judge("pids.max", limit.value, mend)
    });
    user.into_iter().chain(group).collect()
}

/// Whether the main thread, on which `run` calls its guest, has enough stack.
pub(super) fn stack(case: &Case<'_>) -> Vec<Finding> {
    let limit = case.machine.limits.stack.and_then(|limit| limit.soft);
    match limit {
        Some(limit) if limit < ROOMY_STACK => {
            let (level, what) = match limit < STACK {
                true => (Level::Fails, "no command runs a guest"),
                false => (
                    Level::Less,
                    "a guest that uses its stack may end `run` in a crash",
                ),
            };
            let text = format!("the stack of the main thread is {}: {what}", size(limit));
            vec![Finding::new(level, "ulimit -s", text).mend("ulimit -s 8192")]
        }
        _ => Vec::new(),
    }
}

/// Whether all connections can be opened.
pub(super) fn files(case: &Case<'_>) -> Vec<Finding> {
    let Some(limit) = case.machine.limits.open_files else {
        return Vec::new();
    };
    let needed = u64::from(REQUESTS) + FILES;
    let soft = limit.soft.unwrap_or(u64::MAX);
    let level = match soft {
        soft if soft < FILES => Level::Fails,
        soft if soft < needed => Level::Less,
        _ => return Vec::new(),
    };
    let text = format!(
        "{soft} open files are allowed, and each connection of `serve` is one; it answers \
         {REQUESTS} requests at a time"
    );
    let wanted = needed.next_power_of_two();
    let mend = match limit.hard {
        Some(hard) if hard < wanted => format!(
            "raise the hard limit of {hard} first (Docker: --ulimit nofile={wanted}; systemd: \
             LimitNOFILE={wanted})"
        ),
        _ => format!("ulimit -n {wanted}"),
    };
    vec![Finding::new(level, "ulimit -n", text).mend(mend)]
}
