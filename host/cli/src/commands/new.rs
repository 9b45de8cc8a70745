//! `localmap new`: creates the folder of a guest.

mod client;
mod contract;
mod javascript;
mod name;
mod python;
mod quoted;
mod scaffold;

use crate::guest::build::tool;
use crate::guest::cargo::add_target;
use crate::terminal::stdio::{note, unless_closed};
use anyhow::{Context, anyhow, bail};
use client::ClientSource;
use quoted::shell_quoted;
use scaffold::Scaffold;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};

/// The manifest, with placeholders.
const MANIFEST: &str = include_str!("new/template/manifest.toml");
/// The additional dependency of a guest that answers HTTP requests.
const WSTD: &str = "\
# HTTP for components: turns an async `main` into the request handler.
wstd = { version = \"0.6.8\", default-features = false }
";
/// The end of the manifest if the crate is inside a workspace of which it is not a member.
const WORKSPACE: &str = "
# Keeps this crate out of the surrounding workspace. To make it a member, remove this table
# and add this folder to `members` there.
[workspace]
";

/// Creates a guest that builds immediately, in Rust, Python or JavaScript.
///
/// The folder must be empty or not exist yet. If the command fails, it removes everything
/// that it has created. Inside a Cargo workspace that does not include it, the crate becomes a
/// workspace of its own.
///
/// A guest in Python has the module localmap.py, which calls the map, and one in JavaScript
/// localmap.js. `localmap run FOLDER` builds it with componentize-py or jco.
///
/// The crate localmap-client comes from the repository that this program was built from, if
/// that still exists, and otherwise from the registry, in the version of this program.
#[derive(clap::Args)]
pub(crate) struct NewCommand {
    /// Folder to create; its last part is the name of the guest
    #[arg(value_name = "NAME")]
    folder: PathBuf,

    /// Name of the crate, if it differs from the name of the folder
    #[arg(long, value_name = "CRATE")]
    name: Option<String>,

    /// Create a guest that answers HTTP requests, for `localmap serve`
    #[arg(long)]
    http: bool,

    /// Folder of the crate localmap-client to use: guest/client in a clone of the repository
    #[arg(long, value_name = "FOLDER")]
    client: Option<PathBuf>,

    /// Create a guest in Python
    #[arg(long, conflicts_with_all = ["name", "client"])]
    python: bool,

    /// Create a guest in JavaScript
    #[arg(long, conflicts_with_all = ["name", "client", "python"])]
    javascript: bool,
}

impl NewCommand {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        if self.python {
            return self.create_other("Python", python::create, python::print_next_steps);
        }
        if self.javascript {
            return self.create_other(
                "JavaScript",
                javascript::create,
                javascript::print_next_steps,
            );
        }
        let (scaffold, client) = self.create().with_context(|| {
            format!("cannot create a guest crate in `{}`", self.folder.display())
        })?;
        // Only a warning: the crate may be built later, or with another toolchain.
        if let Err(error) = add_target(&self.folder) {
            note(format_args!("Warning: {error:#}"));
        }
        scaffold.keep();
        unless_closed(
            self.print_next_steps(&client)
                .context("cannot write to standard output"),
        )
    }

    /// Creates a guest in a language other than Rust.
    fn create_other(
        &self,
        language: &str,
        create: fn(&Path) -> anyhow::Result<Scaffold>,
        print_next_steps: fn(&Path) -> io::Result<()>,
    ) -> anyhow::Result<ExitCode> {
        if self.http {
            bail!(
                "--http creates a guest in Rust; to answer requests in {language}, let the world \
                 export wasi:http/incoming-handler@0.2.0, and copy its WIT to wit/deps"
            );
        }
        std::path::absolute(&self.folder)
            .map_err(anyhow::Error::from)
            .and_then(|folder| create(&folder))
            .with_context(|| format!("cannot create a guest in `{}`", self.folder.display()))?
            .keep();
        unless_closed(print_next_steps(&self.folder).context("cannot write to standard output"))
    }

    fn create(&self) -> anyhow::Result<(Scaffold, ClientSource)> {
        let folder = std::path::absolute(&self.folder)?;
        let name = match &self.name {
            Some(name) => name.clone(),
            None => folder
                .file_name()
                .ok_or_else(|| {
                    anyhow!("the path does not end in a name: name the crate with --name")
                })?
                .to_string_lossy()
                .into_owned(),
        };
        name::check(&name)?;
        let client = ClientSource::find(self.client.as_deref())?;
        let fill_in = |text: &str| -> anyhow::Result<String> {
            Ok(text
                .replace("{{name}}", &name)
                .replace("{{package}}", &name::package(&name))
                .replace("{{more}}", if self.http { WSTD } else { "" })
                .replace("{{client}}", &client.dependency()?))
        };

        let mut scaffold = Scaffold::in_folder(&folder)?;
        let manifest = fill_in(MANIFEST)?;
        let (main, readme) = if self.http {
            (
                include_str!("new/template/http/main.rs"),
                include_str!("new/template/http/README.md"),
            )
        } else {
            (
                include_str!("new/template/command/main.rs"),
                include_str!("new/template/command/README.md"),
            )
        };
        scaffold.add("src/main.rs", main)?;
        scaffold.add("src/seen.rs", include_str!("new/template/seen.rs"))?;
        scaffold.add("README.md", &fill_in(readme)?)?;
        scaffold.add(".gitignore", include_str!("new/template/gitignore"))?;
        scaffold.add("Cargo.toml", &manifest)?;
        if !cargo_accepts(&folder) {
            scaffold.replace("Cargo.toml", &format!("{manifest}{WORKSPACE}"))?;
        }
        Ok((scaffold, client))
    }

    fn print_next_steps(&self, client: &ClientSource) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        let folder = shell_quoted(&self.folder);
        writeln!(out, "Created a guest crate in {folder}")?;
        writeln!(out, "It uses localmap-client from {client}\n")?;
        writeln!(out, "To run and test it:")?;
        if self.http {
            writeln!(out, "    localmap serve --map-scope server {folder}")?;
        } else {
            writeln!(
                out,
                "    printf 'tea\\ntea\\nmilk\\n' | localmap run {folder}"
            )?;
        }
        writeln!(out, "    cd {folder} && cargo test")?;
        Ok(out.flush()?)
    }
}

/// Returns `false` if Cargo rejects the crate, because it is inside a workspace that does not
/// include it. Without Cargo, returns `true`.
fn cargo_accepts(folder: &Path) -> bool {
    tool("cargo", folder)
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_or(true, |status| status.success())
}
