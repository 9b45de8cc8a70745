//! `localmap shell`: a prompt for a map, or commands from standard input.

mod clock;
mod command;
mod completion;
mod failure;
pub(crate) mod fit;
mod help;
mod history;
mod parser;
mod prompt;
mod script;
mod session;
pub(super) mod tokens;

use crate::args::cache::CacheArgs;
use crate::args::limits::LimitArgs;
use crate::commands::preflight;
use crate::guest::source::read;
use crate::terminal::stdio::unless_closed;
use anyhow::{Context, Error};
use clock::ShellClock;
use localmap::{Host, HostOptions, MapOptions};
use session::Session;
use std::io::{self, BufWriter, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;

const EXAMPLE: &str = "\
Example:
    printf 'set greeting \"hello, world\" 30s\\nget greeting\\n' | localmap shell";

/// Opens a prompt on an empty map, or runs commands from standard input.
///
/// The map ends with the shell. `help` lists all commands, Tab completes commands and keys,
/// Ctrl-C discards the line, and Ctrl-D ends the shell.
///
/// Write a key or a value as it is, or in double quotes with the escapes \\ \" \n \r \t \0
/// and \xNN: quotes are needed for spaces, quotes, backslashes, `#`, and bytes that cannot be
/// typed. The shell prints values in the same form. A TTL is a time span (30s, 5m), `never` or
/// `default`. `sleep 5m` moves the clock of the map forward by five minutes at once.
///
/// The prompt keeps the lines that you type, including the values in them, in
/// localmap/history in XDG_STATE_HOME or ~/.local/state.
///
/// If standard input or standard output is not a terminal, the shell reads one command per
/// line and prints the results without a prompt. The first error ends it with exit code 1 and
/// a message with the number of the line.
#[derive(clap::Args)]
#[command(after_long_help = EXAMPLE)]
pub(crate) struct ShellCommand {
    /// Component to use as the map instead of the built-in one; it must fit the world
    /// localmap:core/provider
    guest: Option<PathBuf>,

    #[command(flatten)]
    cache: CacheArgs,

    #[command(flatten)]
    limits: LimitArgs,
}

impl ShellCommand {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        preflight::check()?;
        let limits = self.limits.limits();
        let options = HostOptions::new()
            .max_maps(1)
            .cache(self.cache.wanted())
            .max_memory_for(&limits);
        let host = match &self.guest {
            None => Host::with_options(&options)?,
            Some(guest) => provider_host(&read(guest)?, &options)
                .with_context(|| format!("cannot use `{}` as a map", guest.display()))?,
        };
        let clock = ShellClock::default();
        let options = MapOptions::new()
            .limits(limits.clone())
            .clock(clock.clone());
        let mut session = Session::new(host.map(&options)?, clock);
        if io::stdin().is_terminal() && io::stdout().is_terminal() {
            prompt::run(session)?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut out = BufWriter::new(io::stdout().lock());
        let max_line_len = script::max_line_len(&limits);
        unless_closed(script::run(
            &mut session,
            max_line_len,
            io::stdin().lock(),
            &mut out,
        ))
    }
}

/// Creates a host for maps from another component.
fn provider_host(bytes: &[u8], options: &HostOptions) -> anyhow::Result<Host> {
    if let Some(incompatibility) = localmap::inspect(bytes)?.provider.first() {
        return Err(Error::new(incompatibility.clone()).context(
            "it does not fit the world localmap:core/provider; `localmap inspect` lists all reasons",
        ));
    }
    Ok(Host::with_component(bytes, options)?)
}
