//! The program `localmap`.

mod args;
mod commands;
mod exit_code;
mod guest;
mod machine;
mod replay;
mod terminal;

use clap::{Parser, Subcommand};
#[cfg(unix)]
use commands::sidecar;
use commands::{doctor, inspect, mirror, new, plug, preflight, run, schema, serve, shell, top};
use exit_code::INTERRUPTED;
use guest::build::Interrupted;
use std::process::ExitCode;
use terminal::{files, stdio};

/// Runs WebAssembly components with a small, fast, bounded key-value map of their own.
///
/// The map lives inside the sandbox and ends with its instance. Keys are bytes, and each
/// entry can have a time to live.
#[derive(Parser)]
#[command(name = "localmap", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(run::RunCommand),
    Serve(Box<serve::ServeCommand>),
    #[cfg(unix)]
    Sidecar(sidecar::SidecarCommand),
    Mirror(mirror::MirrorCommand),
    New(new::NewCommand),
    Shell(shell::ShellCommand),
    Inspect(inspect::InspectCommand),
    Plug(plug::PlugCommand),
    Schema(schema::SchemaCommand),
    Top(top::TopCommand),
    Doctor(doctor::DoctorCommand),
}

fn main() -> ExitCode {
    // Before the options, which need some of it.
    let started = match preflight::check_stack() {
        Ok(()) => return start(Ok(())),
        small => preflight::with_stack(move || start(small)),
    };
    started.unwrap_or_else(|error| {
        stdio::complain(&error);
        ExitCode::FAILURE
    })
}

/// Does what the options ask for. `stack` is an error if the main thread has too little for guests.
fn start(stack: anyhow::Result<()>) -> ExitCode {
    stdio::keep_caught_panics_quiet();
    #[cfg(unix)]
    files::report_oversized_files();
    let result = match Cli::parse().command {
        Command::Run(run) => stack.and_then(|()| run.run()),
        Command::Serve(serve) => stack.and_then(|()| serve.run()),
        #[cfg(unix)]
        Command::Sidecar(sidecar) => match sidecar.probe() {
            Some(probe) => probe.run(),
            None => stack.and_then(|()| sidecar.run()),
        },
        Command::Mirror(mirror) => stack.and_then(|()| mirror.run()),
        Command::New(new) => new.run(),
        Command::Shell(shell) => stack.and_then(|()| shell.run()),
        Command::Inspect(inspect) => inspect.run(),
        Command::Plug(plug) => plug.run(),
        Command::Schema(schema) => schema.run(),
        Command::Top(top) => top.run(),
        Command::Doctor(doctor) => doctor.run(),
    };
    result.unwrap_or_else(|error| {
        if error.is::<Interrupted>() {
            return ExitCode::from(INTERRUPTED);
        }
        stdio::complain(&preflight::explain(error));
        ExitCode::FAILURE
    })
}
