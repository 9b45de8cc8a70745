//! `localmap schema`: writes a schema into a folder, checks it there, and shows it.

mod check;
mod output;
mod preload;
mod show;

use clap::Subcommand;
use std::process::ExitCode;

/// Writes a schema for keys and values into a folder, checks it there, or shows it.
///
/// A schema is a file in TOML or JSON: the versions that it serves, rules for the keys with each
/// prefix, the limits of each map, and its first entries. `preload` runs before everything else, for
/// example in an init container, and `check`, `run --schema` and `serve --schema` read what it has
/// written. docs/schema.md describes the file.
#[derive(clap::Args)]
#[command(subcommand_value_name = "COMMAND", disable_help_subcommand = true)]
pub(crate) struct SchemaCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Preload(preload::PreloadCommand),
    Check(check::CheckCommand),
    Show(show::ShowCommand),
}

impl SchemaCommand {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Preload(preload) => preload.run(),
            Command::Check(check) => check.run(),
            Command::Show(show) => show.run(),
        }
    }
}
