//! The guest in Python that `localmap new --python` creates.

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
        ("app.py", include_str!("template/python/app.py")),
        ("localmap.py", include_str!("template/python/localmap.py")),
        (
            "requirements.txt",
            include_str!("template/python/requirements.txt"),
        ),
        (".gitignore", include_str!("template/python/gitignore")),
        ("wit/world.wit", include_str!("template/python/world.wit")),
    ] {
        scaffold.add(file, text)?;
    }
    let readme = include_str!("template/python/README.md");
    scaffold.add("README.md", &readme.replace("{{name}}", &name))?;
    contract::add(&mut scaffold)?;
    Ok(scaffold)
}

pub(super) fn print_next_steps(folder: &Path) -> io::Result<()> {
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
    writeln!(out, "    printf 'tea\\ntea\\nmilk\\n' | localmap run .")?;
    out.flush()
}
