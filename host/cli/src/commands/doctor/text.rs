//! The report as text.

use super::case::size;
use super::finding::{Finding, Level};
use super::probe::Tried;
use super::report::Report;
use super::rules;
use crate::machine::cgroup::Version;
use crate::machine::limits::Limit;
use std::env::consts::{ARCH, OS};
use std::io::{self, Write};

pub(super) fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    writeln!(out, "Machine")?;
    machine(out, report)?;
    writeln!(out, "\nLimits of the cgroup")?;
    cgroups(out, report)?;
    writeln!(out, "\nLimits of the process")?;
    limits(out, report)?;
    writeln!(out, "\nlocalmap serve")?;
    serve(out, report)?;
    writeln!(out, "\nFindings")?;
    for finding in &report.findings {
        write_finding(out, finding)?;
    }
    let verdict = match report.level() {
        Level::Note => "It fits.",
        Level::Unknown => "Whether it fits cannot be told.",
        Level::Less => "It works with less than the options ask for.",
        Level::Fails => "It will not work.",
    };
    writeln!(out, "  {verdict}")
}

fn row(out: &mut dyn Write, name: &str, value: &str) -> io::Result<()> {
    writeln!(out, "  {name:20} {value}")
}

fn machine(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let (kernel, process) = (&report.machine.kernel, &report.machine.process);
    let release = kernel.release.as_deref().unwrap_or("of unknown version");
    match report.probe {
        Some(_) => row(out, "system", &format!("{OS} {release}, {ARCH}"))?,
        None => row(out, "system", &format!("linux {release}"))?,
    }
    row(
        out,
        "processors",
        &known(process.processors, |n| n.to_string()),
    )?;
    let memory = match (kernel.memory, kernel.available) {
        (Some(all), Some(available)) => format!("{}, {} available", size(all), size(available)),
        (all, _) => known(all, size),
    };
    row(out, "memory", &memory)?;
    row(
        out,
        "vm.max_map_count",
        &known(kernel.max_mappings, |n| n.to_string()),
    )?;
    let overcommit = known(kernel.overcommit, |mode| match mode {
        0 => "0, guesses".to_owned(),
        1 => "1, always".to_owned(),
        2 => "2, never".to_owned(),
        other => other.to_string(),
    });
    row(out, "vm.overcommit_memory", &overcommit)?;
    let pages = kernel.transparent_huge_pages.as_deref();
    row(out, "transparent_hugepage", pages.unwrap_or("unknown"))?;
    let namespaces = match process.namespaces.as_slice() {
        [] => "those of the machine, as far as this can be told".to_owned(),
        own => format!("its own: {}", own.join(", ")),
    };
    row(out, "namespaces", &namespaces)
}

fn cgroups(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let cgroups = &report.machine.cgroups;
    let version = match cgroups.version {
        None => "none",
        Some(Version::V1) => "1",
        Some(Version::V2) => "2",
        Some(Version::Hybrid) => "1 and 2",
    };
    row(out, "version", version)?;
    let cpu = cgroups.cpu.as_ref();
    let cpu = cpu.map(|cpu| {
        (
            format!("{:.2} processors", cpu.value.processors()),
            &cpu.file,
        )
    });
    let memory = cgroups
        .memory
        .as_ref()
        .map(|limit| (size(limit.value), &limit.file));
    let threads = cgroups
        .threads
        .as_ref()
        .map(|limit| (limit.value.to_string(), &limit.file));
    for (name, bound) in [("cpu", cpu), ("memory", memory), ("threads", threads)] {
        match bound {
            Some((value, file)) => row(out, name, &format!("{value} ({file})"))?,
            None => row(out, name, "no limit")?,
        }
    }
    Ok(())
}

fn limits(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let limits = &report.machine.limits;
    let bytes = |limit: Option<Limit>| amount(limit, size);
    let number = |limit: Option<Limit>| amount(limit, |n| n.to_string());
    row(out, "ulimit -v", &bytes(limits.address_space))?;
    row(out, "ulimit -d", &bytes(limits.data))?;
    row(out, "ulimit -n", &number(limits.open_files))?;
    row(out, "ulimit -u", &number(limits.threads))?;
    row(out, "ulimit -s", &bytes(limits.stack))?;
    row(out, "ulimit -l", &bytes(limits.locked_memory))
}

fn serve(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let case = report.case();
    row(
        out,
        "--workers",
        &report.wanted.workers(&report.machine).to_string(),
    )?;
    let mappings = rules::maps_by_mappings(&case);
    let fit = rules::max_maps(&case).map(|fit| match mappings == Some(fit) {
        true => format!("there are mappings for {fit} maps"),
        false => format!("there is address space for {fit} maps"),
    });
    let full = rules::full_maps(&case);
    let full = full.map(|full| format!("room for {full} full ones"));
    let fit: Vec<String> = fit.into_iter().chain(full).collect();
    let fit = match fit.as_slice() {
        [] => "how many fit is unknown".to_owned(),
        fit => fit.join(", "),
    };
    row(
        out,
        "--max-maps",
        &format!("{}; {}", report.wanted.max_maps, fit),
    )?;
    let probe = report.probe.as_ref();
    for (name, tried) in [
        ("maps", probe.map(|probe| &probe.maps)),
        ("instances", probe.map(|probe| &probe.instances)),
    ] {
        row(out, name, &allocation(tried))?;
    }
    let concurrency = match probe.map(|probe| &probe.concurrency) {
        None => "not tried",
        Some(Ok(())) => "have an engine with concurrency",
        Some(Err(_)) => "cannot run",
    };
    row(out, "guests of WASI 0.3", concurrency)
}

fn allocation(tried: Option<&anyhow::Result<Tried>>) -> String {
    match tried {
        None => "not tried".to_owned(),
        Some(Err(_)) => "cannot be created".to_owned(),
        Some(Ok(tried)) if !tried.pooled => "without a pool".to_owned(),
        Some(Ok(tried)) => {
            let space = tried.address_space.map(size);
            let space = space.map_or_else(String::new, |size| format!(" of {size} of addresses"));
            format!("from a pool{space}")
        }
    }
}

fn write_finding(out: &mut dyn Write, finding: &Finding) -> io::Result<()> {
    let level = match finding.level {
        Level::Note => "note",
        Level::Unknown => "?",
        Level::Less => "less",
        Level::Fails => "FAILS",
    };
    writeln!(out, "  {level:5} {}: {}", finding.setting, finding.text)?;
    match &finding.mend {
        Some(mend) => writeln!(out, "        -> {mend}"),
        None => Ok(()),
    }
}

fn amount(limit: Option<Limit>, format: impl Fn(u64) -> String) -> String {
    let Some(limit) = limit else {
        return "unknown".to_owned();
    };
    let one = |amount: Option<u64>| amount.map_or_else(|| "unlimited".to_owned(), &format);
    match limit.soft == limit.hard {
        true => one(limit.soft),
        false => format!("{}, at most {}", one(limit.soft), one(limit.hard)),
    }
}

fn known<T>(value: Option<T>, format: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "unknown".to_owned(), format)
}
