//! `localmap shell`: a map to try things on, by hand or from a pipe.

mod clock;
mod command;
mod help;
mod prompt;
mod script;
mod session;
mod words;

use crate::args::cache::CacheArgs;
use crate::args::limits::LimitArgs;
use crate::guest::source::read;
use crate::terminal::stdio::unless_closed;
use anyhow::{Context, bail};
use clock::ShellClock;
use localmap::{Host, HostOptions, MapOptions};
use session::Session;
use std::io::{self, BufWriter, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;

/// Opens a prompt on a fresh map, which ends with it.
///
/// `help` lists the commands, Tab completes commands and keys, Ctrl-C drops the line
/// and Ctrl-D ends the shell. A word is bare, or quoted with the escapes \\ \" \n \r
/// \t \0 \xNN where it has spaces, quotes, backslashes, `#` or bytes that cannot be
/// typed. Values are printed as they are written. A TTL is a time span (30s, 5m),
/// `never` or `default`; `sleep 5m` lets that much time pass for the map at once.
/// Lines are kept for the next shell, in localmap/history below XDG_STATE_HOME or
/// ~/.local/state, with the values that are in them.
///
/// Where standard input or output is not a terminal, commands are read one per line,
/// the results are printed without a prompt, and the first error ends the shell with
/// exit code 1 and the number of the line:
///
///     printf 'set greeting "hello, world" 30s\nget greeting\n' | localmap shell
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ShellCommand {
    /// A component that fits the world localmap:core/provider, to be tried instead of
    /// the map that is built in
    guest: Option<PathBuf>,

    #[command(flatten)]
    cache: CacheArgs,

    #[command(flatten)]
    limits: LimitArgs,
}

impl ShellCommand {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let limits = self.limits.limits();
        let options = HostOptions::new()
            .max_maps(1)
            .cache(self.cache.wanted())
            .max_memory_for(&limits);
        let host = match &self.guest {
            None => Host::with_options(&options)?,
            Some(guest) => provider(&read(guest)?, &options)
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
        let longest_line = script::longest_line(&limits);
        unless_closed(script::run(
            &mut session,
            longest_line,
            io::stdin().lock(),
            &mut out,
        ))
    }
}

/// Maps of a component that somebody else wrote.
fn provider(bytes: &[u8], options: &HostOptions) -> anyhow::Result<Host> {
    if let Some(misfit) = localmap::inspect(bytes)?.provider.first() {
        bail!(
            "expected a component of the world localmap:core/provider; {misfit}; \
             `localmap inspect` tells all that is missing"
        );
    }
    Ok(Host::with_component(bytes, options)?)
}
