//! The guest in JavaScript that `localmap new --javascript` creates.

use super::contract;
use super::quoted::shell_quoted;
use super::scaffold::Scaffold;
use std::io::{self, Write};
use std::path::Path;

/// Creates the files of the guest in `folder`.
pub(super) fn create(folder: &Path) -> anyhow::Result<Scaffold> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let mut scaffold = Scaffold::in_folder(folder)?;
    for (file, text) in [
        ("app.js", include_str!("template/javascript/app.js")),
        (
            "localmap.js",
            include_str!("template/javascript/localmap.js"),
        ),
        (
            "localmap.d.ts",
            include_str!("template/javascript/localmap.d.ts"),
        ),
        (
            "package.json",
            include_str!("template/javascript/package.json"),
        ),
        (".gitignore", include_str!("template/javascript/gitignore")),
        (
            "wit/world.wit",
            include_str!("template/javascript/world.wit"),
        ),
    ] {
        scaffold.add(file, text)?;
    }
    let readme = include_str!("template/javascript/README.md");
    scaffold.add("README.md", &readme.replace("{{name}}", &name))?;
    contract::add_map(&mut scaffold)?;
    contract::add_command(&mut scaffold)?;
    for (file, text) in [
        (
            "cli/stdin.wit",
            include_str!("template/javascript/stdin.wit"),
        ),
        (
            "io/error.wit",
            include_str!("template/javascript/io-error.wit"),
        ),
        (
            "io/poll.wit",
            include_str!("template/javascript/io-poll.wit"),
        ),
        (
            "io/streams.wit",
            include_str!("template/javascript/io-streams.wit"),
        ),
    ] {
        scaffold.add(&format!("wit/deps/{file}"), text)?;
    }
    Ok(scaffold)
}

pub(super) fn print_next_steps(folder: &Path) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let folder = shell_quoted(folder);
    writeln!(out, "Created a guest in JavaScript in {folder}\n")?;
    writeln!(out, "To install jco, which builds it, and to run it:")?;
    writeln!(out, "    cd {folder}")?;
    writeln!(out, "    npm install")?;
    writeln!(out, "    printf 'tea\\ntea\\nmilk\\n' | localmap run .")?;
    out.flush()
}
