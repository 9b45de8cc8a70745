//! `--guest`: the guests of the sidecar, their sandbox and their threads.

use crate::args::common;
use crate::args::grants::{GrantArgs, explain_http};
use crate::args::wasm_options::{self, WasmOption};
use crate::args::workers;
use crate::commands::instance;
use crate::commands::serve::log::Logs;
use crate::guest::build::Build;
use crate::guest::source::load;
use crate::machine::workers::default_workers;
use anyhow::{Context, Error, anyhow};
use localmap::Host;
use localmap_serve::SandboxConfig;
use localmap_sidecar::{GuestError, Guests, GuestsOptions};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};

/// The number of polls after which a thread checks its timers and other tasks. A poll of a guest that
/// computes takes up to 10 ms.
const POLLS: u32 = 4;

/// The guests of a sidecar.
#[derive(clap::Args)]
#[command(next_help_heading = "Guests")]
#[command(mut_arg("dirs", |arg| arg.requires("guests")))]
#[command(mut_arg("envs", |arg| arg.requires("guests")))]
#[command(mut_arg("configs", |arg| arg.requires("guests")))]
#[command(mut_arg("allow_http", |arg| arg.requires("guests")))]
pub(super) struct GuestArgs {
    /// Host a guest, which peers call by its name with the map of a tenant; may be repeated
    ///
    /// GUEST is a component file that exports localmap:core/handler, or a folder that is built first: a
    /// guest crate, a guest in Python (app.py), or one in JavaScript (package.json). Each call has an
    /// instance of its own. NAME is 1 to 63 of the characters A-Z a-z 0-9 - _ . and each guest has
    /// another one.
    #[arg(long = "guest", value_name = "NAME=GUEST", value_parser = parse)]
    guests: Vec<(String, PathBuf)>,

    /// Set a limit for each call of a guest: timeout=TIME (30s by default), max-memory-size=SIZE (256MiB
    /// by default) of its instance; may be repeated, or list several with commas between them
    #[arg(short = 'W', value_name = "OPTION=VALUE", value_delimiter = ',', requires = "guests", value_parser = wasm_options::parse)]
    wasm: Vec<WasmOption>,

    /// Maximum number of calls of all guests at a time; one more is answered with RESOURCE_EXHAUSTED
    #[arg(long, value_name = "N", default_value_t = 64, requires = "guests", value_parser = clap::value_parser!(u32).range(1..))]
    max_guest_calls: u32,

    /// Number of threads that run guests, 1 to 1024, in addition to --workers [default: one for each
    /// processor that the process may use, or the quota of its cgroup, rounded up, if that is less]
    #[arg(long, value_name = "N", requires = "guests", value_parser = workers::parse)]
    guest_workers: Option<usize>,

    /// Do not begin each line that a guest prints with the number of its call, as in `[17]`
    #[arg(long, requires = "guests")]
    no_logging_prefix: bool,

    /// When a guest traps, write its backtrace to standard error
    ///
    /// The names of functions are those of the name section of the component, if it has one.
    #[arg(long, requires = "guests")]
    backtrace: bool,

    #[command(flatten)]
    granted: GrantArgs,
}

/// Compiled guests, and the threads that run them.
pub(super) struct HostedGuests {
    pub(super) guests: Guests,
    pub(super) runtime: Runtime,
}

/// Parses `NAME=GUEST`. The library checks the name.
fn parse(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, guest)) if !name.is_empty() && !guest.is_empty() => {
            Ok((name.to_owned(), guest.into()))
        }
        _ => Err("expected NAME=GUEST".to_owned()),
    }
}

impl GuestArgs {
    /// Returns the number of threads that run guests.
    pub(super) fn workers(&self) -> usize {
        match self.guests.is_empty() {
            true => 0,
            false => self.guest_workers.unwrap_or_else(default_workers),
        }
    }

    /// Builds and compiles the guests, and starts their threads. Returns `None` if there are none.
    pub(super) fn host(&self, logs: &Logs, cache: bool) -> anyhow::Result<Option<HostedGuests>> {
        if self.guests.is_empty() {
            return Ok(None);
        }
        let runtime = runtime(self.workers())?;
        let options = GuestsOptions::new()
            .sandbox(self.sandbox(logs, cache)?)
            .max_calls(self.max_guest_calls)
            .output(Arc::new(logs.guest_streams(!self.no_logging_prefix)))
            .backtraces(self.backtrace)
            .runtime(runtime.handle().clone());
        let mut guests = Guests::new(options);
        for (name, path) in &self.guests {
            let added = load(path, Build::default()).and_then(|component| {
                let added = guests.add(name, &component);
                added.map_err(|error| refused(error, &component))
            });
            added.with_context(|| format!("--guest {name}={}", path.display()))?;
        }
        Ok(Some(HostedGuests { guests, runtime }))
    }

    fn sandbox(&self, logs: &Logs, cache: bool) -> anyhow::Result<SandboxConfig> {
        let log = logs.log().clone();
        let sandbox = SandboxConfig::new()
            .max_memory(wasm_options::max_memory(&self.wasm, None))
            .timeout(wasm_options::timeout(&self.wasm))
            .cache(cache)
            .on_http_failure(move |failure| {
                log.line(format!(
                    "a request of a guest failed: {}",
                    explain_http(failure)
                ));
            });
        self.granted.grant(sandbox)
    }
}

impl HostedGuests {
    /// Creates an instance of each guest, so that those that cannot start are found now.
    pub(super) fn check(&self, host: &Host) -> anyhow::Result<()> {
        let tried = self.runtime.block_on(self.guests.try_instances(host));
        tried.map_err(|(name, error)| explain(error).context(format!("--guest {name}")))
    }
}

/// Says which command takes a component that is no guest of a sidecar.
fn refused(error: GuestError, component: &[u8]) -> Error {
    if !matches!(error, GuestError::NoHandler) {
        return explain(error);
    }
    match localmap::inspect_declarations(component) {
        Ok(found) if found.command.is_some() => anyhow!("it is a command: use `localmap run`"),
        Ok(found) if found.handler.is_some() => {
            anyhow!("it answers HTTP requests: use `localmap serve`")
        }
        _ => error.into(),
    }
}

/// Names the cause, and the option that helps if one does.
fn explain(error: GuestError) -> Error {
    match error {
        GuestError::Sandbox(error) => common::explain(error),
        GuestError::Instance(error) => instance::explain(&error, None),
        error @ GuestError::TimedOut { .. } => anyhow!("{error}; raise -W timeout=TIME"),
        error => error.into(),
    }
}

/// Starts the threads of guests.
fn runtime(workers: usize) -> anyhow::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(workers)
        .thread_name("localmap-guest")
        .enable_all()
        .event_interval(POLLS)
        .global_queue_interval(POLLS)
        .build()
        .context("cannot start threads")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_has_a_name_and_a_path() {
        let parsed = parse("quota=a/b=c.wasm").expect("both are there");
        assert_eq!(parsed, ("quota".to_owned(), PathBuf::from("a/b=c.wasm")));
        for bad in ["", "quota", "=a.wasm", "quota="] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
