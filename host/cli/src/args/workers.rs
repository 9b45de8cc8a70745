//! The option for the number of threads of a server.

use crate::machine::workers::default_workers;

/// The maximum number of threads: more would only wait for each other.
const MAX: usize = 1_024;

/// The number of threads of a server.
#[derive(clap::Args)]
pub(crate) struct WorkerArgs {
    /// Number of threads that answer requests, 1 to 1024 [default: one for each processor that the
    /// process may use, or the quota of its cgroup, rounded up, if that is less]
    #[arg(long, value_name = "N", value_parser = parse)]
    workers: Option<usize>,
}

impl WorkerArgs {
    /// Returns the number that was given.
    pub(crate) fn given(&self) -> Option<usize> {
        self.workers
    }

    /// Returns the number of threads to start.
    pub(crate) fn count(&self) -> usize {
        self.given().unwrap_or_else(default_workers).min(MAX)
    }
}

/// Parses a number of threads.
pub(crate) fn parse(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(workers @ 1..=MAX) => Ok(workers),
        _ => Err(format!("expected a number from 1 to {MAX}")),
    }
}
