//! `localmap`: runs guests with a map of their own.

mod bridge;
mod buckets;
mod cache;
mod entry;
mod grants;
mod guest;
mod inspect;
mod limits;
mod map_args;
mod new;
mod plug;
mod replay;
mod run;
mod serve;
mod shell;
mod stats;
mod stdio;
mod values;
mod wasm_options;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Gives WebAssembly components a small, fast, bounded key-value map of their own.
///
/// The map lives inside the sandbox and ends with the instance. Keys are bytes, and
/// each may have a time to live.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(run::Run),
    Serve(serve::Serve),
    New(new::New),
    Shell(shell::Shell),
    Inspect(inspect::Inspect),
    Plug(plug::Plug),
}

fn main() -> ExitCode {
    stdio::keep_caught_panics_quiet();
    let done = match Cli::parse().command {
        Command::Run(run) => run.run(),
        Command::Serve(serve) => serve.run(),
        Command::New(new) => new.run(),
        Command::Shell(shell) => shell.run(),
        Command::Inspect(inspect) => inspect.run(),
        Command::Plug(plug) => plug.run(),
    };
    done.unwrap_or_else(|error| {
        stdio::complain(&error);
        ExitCode::FAILURE
    })
}
