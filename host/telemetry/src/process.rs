//! What the operating system says about this process.

use std::fs;
use std::str::FromStr;

/// The ticks of the processor's time in a second, as Linux reports it to programs.
const TICKS_PER_SECOND: f64 = 100.0;

/// The use of the processor, of memory and of files.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Process {
    pub(crate) cpu_seconds: f64,
    pub(crate) resident_bytes: u64,
    pub(crate) virtual_bytes: u64,
    pub(crate) open_fds: u64,
    /// `None` if there is no limit.
    pub(crate) max_fds: Option<u64>,
    /// Unix time.
    pub(crate) start_time_seconds: f64,
    pub(crate) threads: u64,
}

impl Process {
    /// Reads it from `/proc`; `None` if the system has none, as only Linux has it.
    pub(crate) fn read() -> Option<Self> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let limits = fs::read_to_string("/proc/self/limits").ok()?;
        let system = fs::read_to_string("/proc/stat").ok()?;
        Some(Self {
            cpu_seconds: cpu_seconds(&stat)?,
            resident_bytes: kilobytes(&status, "VmRSS:")?,
            virtual_bytes: kilobytes(&status, "VmSize:")?,
            // The directory itself is open while it is read.
            open_fds: (fs::read_dir("/proc/self/fd").ok()?.count() as u64).saturating_sub(1),
            max_fds: field(&limits, "Max open files"),
            start_time_seconds: field::<f64>(&system, "btime")?
                + nth::<f64>(&stat, 21)? / TICKS_PER_SECOND,
            threads: field(&status, "Threads:")?,
        })
    }
}

/// Returns the time in programs and in the system.
fn cpu_seconds(stat: &str) -> Option<f64> {
    Some((nth::<f64>(stat, 13)? + nth::<f64>(stat, 14)?) / TICKS_PER_SECOND)
}

/// Returns a field of `/proc/self/stat`, counted from 0. The second one, a name in parentheses, can
/// contain spaces.
fn nth<T: FromStr>(stat: &str, index: usize) -> Option<T> {
    let (_, fields) = stat.rsplit_once(')')?;
    let field = fields.split_whitespace().nth(index.checked_sub(2)?)?;
    field.parse().ok()
}

/// Returns the first word after `name` at the beginning of a line.
fn field<T: FromStr>(text: &str, name: &str) -> Option<T> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// Returns a field in kilobytes as bytes.
fn kilobytes(status: &str, name: &str) -> Option<u64> {
    Some(field::<u64>(status, name)? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_move_fields() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 0 0 0 0 0 150 50 0 0 20 0 3 0 4000";
        assert_eq!(cpu_seconds(stat), Some(2.0));
        assert_eq!(nth::<u64>(stat, 21), Some(4_000));
        assert_eq!(nth::<u64>(stat, 99), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_threads_memory_and_files() {
        let process = Process::read().expect("Linux has /proc");
        assert!(process.threads >= 1 && process.open_fds >= 3);
        assert!(process.resident_bytes > 0 && process.resident_bytes < process.virtual_bytes);
        assert!(process.start_time_seconds > 1.5e9);
    }
}
