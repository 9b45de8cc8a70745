//! The guest in Python that `localmap new --python` creates.

use super::contract;
use super::quoted::shell_quoted;
use super::scaffold::Scaffold;
use std::io::{self, Write};
use std::path::Path;

/// Creates the files of a command in `folder`.
pub(super) fn create(folder: &Path) -> anyhow::Result<Scaffold> {
    let mut scaffold = create_guest(
        folder,
        include_str!("template/python/app.py"),
        include_str!("template/python/world.wit"),
        include_str!("template/python/README.md"),
    )?;
    contract::add_command(&mut scaffold)?;
    Ok(scaffold)
}

/// Creates the files of an HTTP handler for WASI 0.3 in `folder`.
pub(super) fn create_handler(folder: &Path) -> anyhow::Result<Scaffold> {
    let mut scaffold = create_guest(
        folder,
        include_str!("template/wasi-0.3/python/app.py"),
        include_str!("template/wasi-0.3/python/world.wit"),
        include_str!("template/wasi-0.3/python/README.md"),
    )?;
    let http = include_str!("template/wasi-0.3/python/http.wit");
    scaffold.add("wit/deps/http/http.wit", http)?;
    Ok(scaffold)
}

/// Creates the files that each guest has, with the contract.
fn create_guest(folder: &Path, app: &str, world: &str, readme: &str) -> anyhow::Result<Scaffold> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let mut scaffold = Scaffold::in_folder(folder)?;
    for (file, text) in [
        ("app.py", app),
        ("localmap.py", include_str!("template/python/localmap.py")),
        (
            "requirements.txt",
            include_str!("template/python/requirements.txt"),
        ),
        (".gitignore", include_str!("template/python/gitignore")),
        ("wit/world.wit", world),
    ] {
        scaffold.add(file, text)?;
    }
    scaffold.add("README.md", &readme.replace("{{name}}", &name))?;
    contract::add_map(&mut scaffold)?;
    Ok(scaffold)
}

pub(super) fn print_next_steps(folder: &Path) -> io::Result<()> {
    print_steps(folder, "printf 'tea\\ntea\\nmilk\\n' | localmap run .")
}

pub(super) fn print_next_steps_of_handler(folder: &Path) -> io::Result<()> {
    print_steps(folder, "localmap serve --map-scope server .")
}

fn print_steps(folder: &Path, last: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let folder = shell_quoted(folder);
    writeln!(out, "Created a guest in Python in {folder}\n")?;
    writeln!(
        out,
        "To install componentize-py, which builds it, and to run it:"
    )?;
    writeln!(out, "    cd {folder}")?;
    writeln!(out, "    python3 -m venv .venv")?;
    writeln!(out, "    .venv/bin/pip install -r requirements.txt")?;
    writeln!(out, "    {last}")?;
    out.flush()
}
