//! Address space, and the mappings that divide it.

use crate::commands::doctor::case::{Case, size};
use crate::commands::doctor::finding::{Finding, Level};
use crate::commands::doctor::probe::Tried;
use crate::commands::doctor::wanted::REQUESTS;
use crate::machine::room::Room;

/// The number of mappings that a map takes, and an instance, if it cannot be tried.
const OF_A_MAP: u64 = 2;
const OF_AN_INSTANCE: u64 = 8;

/// The address space in bytes that an empty map takes without a pool, if it cannot be tried.
const SPACE_OF_A_MAP: u64 = 4 << 20;

/// The number of mappings of the program itself, and those of a pool for each of up to a thousand
/// stacks, if they cannot be counted.
const OF_THE_PROGRAM: u64 = 500;
const OF_A_STACK: u64 = 2;

/// Whether the maps have their pool.
pub(super) fn maps(case: &Case<'_>) -> Vec<Finding> {
    let Some(probe) = case.probe else {
        return untried(case);
    };
    let of = ("maps", case.wanted.max_maps);
    pool(case, &probe.maps, of, "lower --max-bytes, or --max-maps")
}

/// Whether the instances of guests have their pool.
pub(super) fn instances(case: &Case<'_>) -> Vec<Finding> {
    let Some(probe) = case.probe else {
        return Vec::new();
    };
    let of = ("instances of guests", REQUESTS);
    pool(case, &probe.instances, of, "lower -W max-memory-size")
}

fn pool(
    case: &Case<'_>,
    tried: &anyhow::Result<Tried>,
    (of, max): (&str, u32),
    less: &str,
) -> Vec<Finding> {
    let limit = case.machine.limits.address_space;
    let limit = limit.and_then(|limit| limit.soft);
    let (setting, mend) = match limit {
        Some(_) => ("ulimit -v", "ulimit -v unlimited"),
        None => ("address space", less),
    };
    let has = limit.map_or_else(String::new, |limit| {
        format!(" (it may have {} of address space)", size(limit))
    });
    let finding = match tried {
        Ok(tried) if tried.pooled => return Vec::new(),
        Ok(tried) => {
            let fit = maps_by_space(case).filter(|_| of == "maps");
            let fit = match tried.ran_out(max) {
                true => Some(tried.count as u64),
                false => fit.filter(|&fit| fit < max.into()),
            };
            let few = fit.map_or_else(String::new, |fit| {
                format!("; there is room for about {fit} at a time")
            });
            let text = format!(
                "there is no room for a pool of {of}{has}: each takes its memory from the \
                 operating system, and its accesses are checked, which takes longer{few}"
            );
            Finding::new(Level::Less, setting, text)
        }
        Err(error) => Finding::new(
            Level::Fails,
            setting,
            format!("{of} cannot be created{has}: {error:#}"),
        ),
    };
    let mend = match limit {
        Some(_) => format!("{mend}; or {less}"),
        None => mend.to_owned(),
    };
    vec![finding.mend(mend)]
}

/// Whether guests of WASI 0.3 have an engine.
pub(super) fn concurrency(case: &Case<'_>) -> Vec<Finding> {
    let tried = case.probe.map(|probe| &probe.concurrency);
    let failed = tried.and_then(|tried| tried.as_ref().err());
    let finding = failed.map(|error| {
        let text = format!("guests of WASI 0.3 cannot run here: {error:#}");
        Finding::new(Level::Less, "wasmtime", text)
    });
    finding.into_iter().collect()
}

/// If nothing can be tried, a limit is all that is known.
fn untried(case: &Case<'_>) -> Vec<Finding> {
    let (limits, process) = (&case.machine.limits, &case.machine.process);
    let Some(limit) = limits.address_space.and_then(|limit| limit.soft) else {
        return Vec::new();
    };
    let room = Room::of(limits, process);
    let missing = room.and_then(|room| room.missing_to_serve(case.wanted.workers(case.machine)));
    let has = size(limit);
    let (level, text) = match missing {
        Some(needed) => (
            Level::Fails,
            format!(
                "it may have {has} of address space, and needs at least {}",
                size(needed)
            ),
        ),
        None => (
            Level::Less,
            format!("it may have {has} of address space, which may be too little for the pools"),
        ),
    };
    vec![Finding::new(level, "ulimit -v", text).mend("ulimit -v unlimited")]
}

/// Whether there are mappings for all maps and instances.
pub(super) fn mappings(case: &Case<'_>) -> Vec<Finding> {
    let (Some(max), Some(fit)) = (case.machine.kernel.max_mappings, maps_by_mappings(case)) else {
        return Vec::new();
    };
    let wanted = u64::from(case.wanted.max_maps);
    if fit >= wanted {
        return Vec::new();
    }
    let missing = of_maps(case, wanted).saturating_sub(of_maps(case, fit));
    let needed = max.saturating_add(missing).next_multiple_of(1 << 10);
    let text = format!(
        "{max} mappings are enough for {fit} maps next to {REQUESTS} requests, not for {wanted}"
    );
    let finding = Finding::new(Level::Less, "vm.max_map_count", text);
    vec![finding.mend(format!(
        "sysctl -w vm.max_map_count={needed}; or --max-maps {}",
        fit.max(1)
    ))]
}

/// Returns the number of maps for which there are mappings and address space.
pub(crate) fn max_maps(case: &Case<'_>) -> Option<u64> {
    let both = [maps_by_mappings(case), maps_by_space(case)];
    both.into_iter().flatten().min()
}

/// Returns the number of maps for which there is address space, if it is limited.
fn maps_by_space(case: &Case<'_>) -> Option<u64> {
    let left = left(case)?;
    let tried = case.probe.and_then(|probe| probe.maps.as_ref().ok());
    match tried {
        // Their address space is reserved already.
        Some(tried) if tried.pooled => Some(case.wanted.max_maps.into()),
        Some(tried) if tried.ran_out(case.wanted.max_maps) => Some(tried.count as u64),
        tried => {
            let used = tried.and_then(|tried| Some(tried.space_used? / tried.count.max(1) as u64));
            Some(left / used.filter(|&used| used > 0).unwrap_or(SPACE_OF_A_MAP))
        }
    }
}

/// Returns the number of full maps for which there is address space, if it is limited.
pub(super) fn full_maps(case: &Case<'_>) -> Option<u64> {
    let fit = maps_by_space(case)?;
    let tried = case.probe.and_then(|probe| probe.maps.as_ref().ok());
    match tried.is_some_and(|tried| tried.pooled) {
        true => Some(fit),
        false => Some(fit.min(left(case)? / case.wanted.limits.max_bytes.max(1))),
    }
}

/// Returns the address space that is left for maps, if it is limited.
fn left(case: &Case<'_>) -> Option<u64> {
    let room = Room::of(&case.machine.limits, &case.machine.process)?;
    let instances = case.probe.and_then(|probe| probe.instances.as_ref().ok());
    let instances = match instances {
        Some(tried) if tried.pooled => tried.address_space.unwrap_or(0),
        _ => 0,
    };
    let left = room.left_to_serve(case.wanted.workers(case.machine));
    Some(left.saturating_sub(instances))
}

/// Returns the number of maps for which there are mappings, next to all instances.
pub(crate) fn maps_by_mappings(case: &Case<'_>) -> Option<u64> {
    let max = case.machine.kernel.max_mappings?;
    let probe = case.probe;
    let maps = probe.and_then(|probe| probe.maps.as_ref().ok());
    let instances = probe.and_then(|probe| probe.instances.as_ref().ok());
    let stacks = u64::from(case.wanted.max_maps.min(REQUESTS)) * OF_A_STACK;
    let pools = maps.and_then(|tried| tried.mappings).unwrap_or(stacks)
        + instances
            .and_then(|tried| tried.mappings)
            .unwrap_or(u64::from(REQUESTS) * OF_A_STACK);
    let requests = u64::from(REQUESTS);
    let all_instances = instances.and_then(|tried| tried.mappings_of(requests));
    let taken = OF_THE_PROGRAM + pools + all_instances.unwrap_or(OF_AN_INSTANCE * requests);
    let left = max.saturating_sub(taken);
    // Of a thousand, since a map may take a fraction of one.
    Some(left.saturating_mul(1_000) / of_maps(case, 1_000).max(1))
}

/// Returns the number of mappings of this many maps.
fn of_maps(case: &Case<'_>, count: u64) -> u64 {
    let tried = case.probe.and_then(|probe| probe.maps.as_ref().ok());
    let tried = tried.and_then(|tried| tried.mappings_of(count));
    tried.unwrap_or(OF_A_MAP.saturating_mul(count))
}
