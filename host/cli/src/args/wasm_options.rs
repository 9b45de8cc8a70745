//! `-W`: the bounds of the sandbox, spelled as in the `wasmtime` CLI.

use crate::args::values::{parse_duration, parse_size};
use std::time::Duration;

#[derive(Clone, Copy)]
pub(crate) enum WasmOption {
    Timeout(Duration),
    MaxMemorySize(u64),
}

pub(crate) fn parse(text: &str) -> Result<WasmOption, String> {
    match text.split_once('=') {
        Some(("timeout", value)) => parse_duration(value).map(WasmOption::Timeout),
        Some(("max-memory-size", value)) => parse_size(value).map(WasmOption::MaxMemorySize),
        _ => Err("expected timeout=TIME or max-memory-size=SIZE".to_owned()),
    }
}

/// Returns the last timeout given.
pub(crate) fn timeout(options: &[WasmOption]) -> Option<Duration> {
    options.iter().rev().find_map(|option| match option {
        WasmOption::Timeout(after) => Some(*after),
        WasmOption::MaxMemorySize(_) => None,
    })
}

/// Returns the last memory limit given. Default: 256 MiB, or twice `max_bytes` if that is more,
/// since the guest, calls and the allocator need room next to the map.
pub(crate) fn max_memory(options: &[WasmOption], max_bytes: u64) -> usize {
    let given = options.iter().rev().find_map(|option| match option {
        WasmOption::MaxMemorySize(bytes) => Some(*bytes),
        WasmOption::Timeout(_) => None,
    });
    let default = max_bytes.saturating_mul(2).max(256 << 20);
    usize::try_from(given.unwrap_or(default)).unwrap_or(usize::MAX)
}
