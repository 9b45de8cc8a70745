//! The report as JSON.

use super::finding::Finding;
use super::probe::Tried;
use super::report::Report;
use super::rules;
use crate::machine::cgroup::{Bound, Version};
use crate::machine::limits::Limit;
use serde_json::{Value, json};
use std::env::consts::{ARCH, OS};

pub(super) fn of(report: &Report) -> Value {
    json!({
        "verdict": match report.level().name() {
            "note" => "fits",
            level => level,
        },
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
        "serve": serve(report),
        "kernel": kernel(report),
        "cgroups": cgroups(report),
        "limits": limits(report),
        "process": process(report),
        "wasmtime": wasmtime(report),
    })
}

fn finding(finding: &Finding) -> Value {
    json!({
        "level": finding.level.name(),
        "setting": finding.setting,
        "text": finding.text,
        "mend": finding.mend,
    })
}

fn serve(report: &Report) -> Value {
    let case = report.case();
    json!({
        "workers": report.wanted.workers(&report.machine),
        "max_maps": rules::max_maps(&case),
        "full_maps": rules::full_maps(&case),
        "pool_of_maps": report.probe.as_ref().and_then(|probe| pooled(&probe.maps)),
        "pool_of_instances": report.probe.as_ref().and_then(|probe| pooled(&probe.instances)),
    })
}

fn pooled(tried: &anyhow::Result<Tried>) -> Option<bool> {
    tried.as_ref().ok().map(|tried| tried.pooled)
}

fn kernel(report: &Report) -> Value {
    let kernel = &report.machine.kernel;
    json!({
        "release": kernel.release,
        "memory": kernel.memory,
        "available": kernel.available,
        "max_map_count": kernel.max_mappings,
        "overcommit_memory": kernel.overcommit,
        "transparent_hugepage": kernel.transparent_huge_pages,
        "huge_pages": kernel.huge_pages,
    })
}

fn cgroups(report: &Report) -> Value {
    let cgroups = &report.machine.cgroups;
    let number = |bound: &Option<Bound<u64>>| {
        bound
            .as_ref()
            .map(|bound| json!({ "value": bound.value, "file": bound.file }))
    };
    let cpu = cgroups.cpu.as_ref().map(|cpu| {
        json!({
            "quota": cpu.value.quota,
            "period": cpu.value.period,
            "file": cpu.file,
        })
    });
    json!({
        "version": cgroups.version.map(|version| match version {
            Version::V1 => "1",
            Version::V2 => "2",
            Version::Hybrid => "1 and 2",
        }),
        "cpu": cpu,
        "memory": number(&cgroups.memory),
        "memory_high": number(&cgroups.memory_high),
        "threads": number(&cgroups.threads),
        "elsewhere": cgroups.elsewhere,
    })
}

fn limits(report: &Report) -> Value {
    let limits = &report.machine.limits;
    let limit =
        |limit: Option<Limit>| limit.map(|limit| json!({ "soft": limit.soft, "hard": limit.hard }));
    json!({
        "address_space": limit(limits.address_space),
        "data": limit(limits.data),
        "open_files": limit(limits.open_files),
        "threads": limit(limits.threads),
        "stack": limit(limits.stack),
        "locked_memory": limit(limits.locked_memory),
    })
}

fn process(report: &Report) -> Value {
    let process = &report.machine.process;
    json!({
        "processors": process.processors,
        "address_space": process.address_space,
        "resident": process.resident,
        "mappings": process.mappings,
        "namespaces": process.namespaces,
    })
}

/// What was tried of Wasmtime.
fn wasmtime(report: &Report) -> Value {
    let Some(probe) = &report.probe else {
        return Value::Null;
    };
    let tried = |tried: &anyhow::Result<Tried>| match tried {
        Ok(tried) => json!({
            "pooled": tried.pooled,
            "address_space": tried.address_space,
            "mappings": tried.mappings,
            "mappings_used": tried.mappings_used,
            "count": tried.count,
            "error": null,
        }),
        Err(error) => json!({ "error": format!("{error:#}") }),
    };
    json!({
        "system": OS,
        "architecture": ARCH,
        "maps": tried(&probe.maps),
        "instances": tried(&probe.instances),
        "concurrency": probe.concurrency.is_ok(),
    })
}
