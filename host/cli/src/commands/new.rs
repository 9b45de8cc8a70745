//! `localmap new`: a guest crate to begin with.

mod client;
mod files;
mod name;

use crate::guest::source::add_target;
use crate::terminal::stdio::{note, unless_closed};
use anyhow::{Context, anyhow};
use client::Client;
use files::Made;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

/// The manifest, without what is to be filled in.
const MANIFEST: &str = include_str!("new/template/manifest.toml");
/// What a guest has that answers requests, beside the client.
const WSTD: &str = "\
# HTTP for components: makes an async `main` the handler of requests.
wstd = { version = \"0.6.8\", default-features = false }
";
/// What makes a crate a workspace of its own.
const WORKSPACE: &str = "
# Apart from the workspace around it. To join that one, take this out and name this folder
# among its members.
[workspace]
";

/// Makes a guest crate that builds at once, with a test that needs no host.
///
/// The folder is made, and may be there if it is empty. Where something fails, nothing is
/// left of it. Inside of a cargo workspace which does not know it, the crate is a workspace
/// of its own.
///
/// The crate localmap-client comes from the repository that this program was built from,
/// while that is there; else from the registry, in the version of this program.
#[derive(clap::Args)]
pub(crate) struct NewCommand {
    /// The folder to make; its last part is the name of the crate
    #[arg(value_name = "NAME")]
    folder: PathBuf,

    /// The name of the crate, if it is to be another than that of the folder
    #[arg(long, value_name = "CRATE")]
    name: Option<String>,

    /// Make a guest that answers HTTP requests, for `localmap serve`
    #[arg(long)]
    http: bool,

    /// Take the crate localmap-client from this folder: guest/client of a clone of the
    /// repository
    #[arg(long, value_name = "FOLDER")]
    client: Option<PathBuf>,
}

impl NewCommand {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let (made, client) = self
            .make()
            .with_context(|| format!("cannot make a guest in `{}`", self.folder.display()))?;
        // People may build it later, and with another toolchain: this is no reason to fail.
        if let Err(error) = add_target(&self.folder) {
            note(format_args!("Warning: {error:#}"));
        }
        made.keep();
        unless_closed(self.tell(&client).context("cannot write"))
    }

    fn make(&self) -> anyhow::Result<(Made, Client)> {
        let folder = std::path::absolute(&self.folder)?;
        let name = match &self.name {
            Some(name) => name.clone(),
            None => folder
                .file_name()
                .ok_or_else(|| anyhow!("that is no name for a folder"))?
                .to_string_lossy()
                .into_owned(),
        };
        name::check(&name)?;
        let client = Client::find(self.client.as_deref())?;
        let fill_in = |text: &str| -> anyhow::Result<String> {
            Ok(text
                .replace("{{name}}", &name)
                .replace("{{package}}", &name::package(&name))
                .replace("{{more}}", if self.http { WSTD } else { "" })
                .replace("{{client}}", &client.dependency()?))
        };

        let mut made = Made::in_folder(&folder)?;
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
        made.add("src/main.rs", main)?;
        made.add("src/seen.rs", include_str!("new/template/seen.rs"))?;
        made.add("README.md", &fill_in(readme)?)?;
        made.add(".gitignore", include_str!("new/template/gitignore"))?;
        made.add("Cargo.toml", &manifest)?;
        if !stands(&folder) {
            made.replace("Cargo.toml", &format!("{manifest}{WORKSPACE}"))?;
        }
        Ok((made, client))
    }

    fn tell(&self, client: &Client) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        let folder = for_shell(&self.folder);
        writeln!(out, "Made a guest in {folder}")?;
        writeln!(out, "Its localmap-client is {client}\n")?;
        writeln!(out, "To run it, and to test it:")?;
        if self.http {
            writeln!(out, "    localmap serve --map-per server {folder}")?;
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

/// Whether cargo takes the crate as it is. It does not where a workspace around it does not
/// know it. Without cargo there is nobody to ask.
fn stands(folder: &Path) -> bool {
    Command::new("cargo")
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_or(true, |status| status.success())
}

/// A path, as a word of a shell.
fn for_shell(path: &Path) -> String {
    let path = path.display().to_string();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+@%".contains(&byte);
    if path.bytes().all(plain) && !path.starts_with('-') {
        return path;
    }
    let dashed = if path.starts_with('-') { "./" } else { "" };
    format!("'{dashed}{}'", path.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_of_a_shell() {
        for (path, word) in [
            ("guests/hits", "guests/hits"),
            ("my guests", "'my guests'"),
            ("it's", r"'it'\''s'"),
            ("-x", "'./-x'"),
        ] {
            assert_eq!(for_shell(Path::new(path)), word);
        }
    }
}
