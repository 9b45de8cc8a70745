//! `localmap new`: creates the folder of a guest.

mod client;
mod contract;
mod javascript;
mod name;
mod python;
mod quoted;
mod rust;
mod scaffold;
mod wasi;

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
use wasi::Wasi;

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
/// A guest for WASI 0.2 is also a guest of hosts for WASI 0.3. One for WASI 0.3 can do several things
/// at a time, such as reading and waiting. In Python, the template for it answers HTTP requests.
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

    /// Version of WASI that the guest is for
    #[arg(long, value_name = "VERSION", default_value_t)]
    wasi: Wasi,

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
            return match (self.wasi, self.http) {
                (Wasi::V0_2, false) => self.create_other(python::create, python::print_next_steps),
                (Wasi::V0_3, true) => {
                    self.create_other(python::create_handler, python::print_next_steps_of_handler)
                }
                (Wasi::V0_2, true) => {
                    bail!("--python --http creates a guest for WASI 0.3: add --wasi 0.3")
                }
                (Wasi::V0_3, false) => bail!(
                    "--python --wasi 0.3 has a template only for a guest that answers HTTP requests: \
                     add --http, or leave out --wasi for a command of WASI 0.2"
                ),
            };
        }
        if self.javascript {
            if self.wasi == Wasi::V0_3 {
                bail!(
                    "--wasi 0.3 creates a guest in Rust, or with --python --http in Python; the \
                     engine that jco uses by default has no async functions"
                );
            }
            if self.http {
                bail!(
                    "--http creates a guest in Rust, or with --python --wasi 0.3 in Python; to \
                     answer requests in JavaScript, let the world export \
                     wasi:http/incoming-handler@0.2.0, and copy its WIT to wit/deps"
                );
            }
            return self.create_other(javascript::create, javascript::print_next_steps);
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
        create: fn(&Path) -> anyhow::Result<Scaffold>,
        print_next_steps: fn(&Path) -> io::Result<()>,
    ) -> anyhow::Result<ExitCode> {
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
        let template = rust::template(self.wasi, self.http);
        let fill_in = |text: &str| -> anyhow::Result<String> {
            Ok(text
                .replace("{{name}}", &name)
                .replace("{{lib}}", &name.replace('-', "_"))
                .replace("{{package}}", &name::package(&name))
                .replace("{{more}}", template.more)
                .replace("{{client}}", &client.dependency()?))
        };

        let mut scaffold = Scaffold::in_folder(&folder)?;
        let manifest = fill_in(template.manifest)?;
        for (file, text) in template.sources {
            scaffold.add(file, text)?;
        }
        scaffold.add("README.md", &fill_in(template.readme)?)?;
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
