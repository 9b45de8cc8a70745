//! `-W`: the limits of the sandbox, with the same names as in the `wasmtime` CLI.

use crate::args::values::{parse_duration, parse_size};
use localmap::Limits;
use localmap_serve::SandboxConfig;
use std::time::Duration;

#[derive(Clone, Copy)]
pub(crate) enum WasmOption {
    Timeout(Duration),
    MaxMemorySize(u64),
}

pub(crate) fn parse(text: &str) -> Result<WasmOption, String> {
    match text.split_once('=') {
        Some(("timeout", value)) => parse_duration(value).map(WasmOption::Timeout),
        Some(("max-memory-size", value)) => match parse_size(value)? {
            0 => Err("must be greater than zero, for example 64MiB or 1GiB".to_owned()),
            size => Ok(WasmOption::MaxMemorySize(size)),
        },
        _ => Err("expected timeout=TIME or max-memory-size=SIZE".to_owned()),
    }
}

/// Returns the last timeout, if one was given.
pub(crate) fn timeout(options: &[WasmOption]) -> Option<Duration> {
    options.iter().rev().find_map(|option| match option {
        WasmOption::Timeout(after) => Some(*after),
        WasmOption::MaxMemorySize(_) => None,
    })
}

/// Returns the last memory limit. The default is that of [`SandboxConfig`], or the memory that a
/// map with the limits `map` needs in the guest's store if that is more.
pub(crate) fn max_memory(options: &[WasmOption], map: Option<&Limits>) -> usize {
    let given = options.iter().rev().find_map(|option| match option {
        WasmOption::MaxMemorySize(bytes) => Some(*bytes),
        WasmOption::Timeout(_) => None,
    });
    match given {
        Some(bytes) => usize::try_from(bytes).unwrap_or(usize::MAX),
        None => map
            .map_or(0, Limits::recommended_memory)
            .max(SandboxConfig::DEFAULT_MAX_MEMORY),
    }
}
