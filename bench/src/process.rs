//! What the operating system tells about another process: its CPU time and its memory.

use std::fs;

/// Returns the CPU time of the threads of a process in nanoseconds, or not a number if the system does
/// not tell.
pub(crate) fn cpu_nanos(process: u32) -> f64 {
    let threads = fs::read_dir(format!("/proc/{process}/task"));
    let Ok(threads) = threads else {
        return f64::NAN;
    };
    let nanos = threads.flatten().filter_map(|thread| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<f64>().ok()
    });
    let nanos: Vec<f64> = nanos.collect();
    if nanos.is_empty() {
        return f64::NAN;
    }
    nanos.iter().sum()
}

/// Returns the resident memory of a process in bytes, or not a number if the system does not tell.
pub(crate) fn resident_bytes(process: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status"));
    let kib = status.ok().and_then(|status| {
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        line.split_whitespace().nth(1)?.parse::<f64>().ok()
    });
    kib.map_or(f64::NAN, |kib| kib * 1_024.0)
}
