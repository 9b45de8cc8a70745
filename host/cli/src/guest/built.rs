//! The component that a toolchain has built in a guest's folder, and what it was built from.

use crate::terminal::stdio::note;
use anyhow::Context;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// The folder of what is built, in the folder of the guest.
const BUILT: &str = "build";

/// Returns the component of `folder`. Runs `build`, which writes it into a file, unless that has been
/// done with the same inputs.
pub(super) fn component(
    folder: &Path,
    tool: &str,
    inputs: &Inputs,
    build: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<PathBuf> {
    let component = folder.join(BUILT).join("app.wasm");
    let record = component.with_extension("inputs");
    let same = fs::read_to_string(&record).is_ok_and(|last| last == inputs.text);
    if same && component.is_file() {
        return Ok(component);
    }
    note(format_args!("Building `{}` with {tool}", folder.display()));
    fs::create_dir_all(folder.join(BUILT))
        .with_context(|| format!("cannot create its folder {BUILT}"))?;
    // The component replaces the last one only when it is whole, and the record follows.
    let part = component.with_extension(format!("{}.part", std::process::id()));
    let result = build(&part).and_then(|()| {
        let write = || {
            fs::rename(&part, &component)?;
            fs::write(&record, &inputs.text)
        };
        write().with_context(|| format!("cannot write `{}`", component.display()))
    });
    if result.is_err() {
        let _ = fs::remove_file(&part);
    }
    result.map(|()| component)
}

/// Describes the files that a component is built from, by size and time of modification.
#[derive(Default)]
pub(super) struct Inputs {
    text: String,
    /// The folders that have been visited, since links may form a circle.
    visited: BTreeSet<PathBuf>,
}

impl Inputs {
    pub(super) fn add(&mut self, path: &Path) {
        // The folder of the guest may be named in several ways, such as `.`.
        let name = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let metadata = fs::metadata(path);
        let len = metadata.as_ref().map_or(0, fs::Metadata::len);
        let modified = metadata.and_then(|metadata| metadata.modified()).ok();
        let modified = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "{name:?} {len} {modified:?}");
    }

    /// Adds the files of these kinds in the folder of a guest and in those below it, except for
    /// hidden folders, for what is built, and for folders that are `skipped`.
    pub(super) fn add_sources(
        &mut self,
        folder: &Path,
        kinds: &[&str],
        skipped: &dyn Fn(&Path) -> bool,
    ) {
        let built = folder.join(BUILT);
        self.add_below(folder, kinds, &|path| path == built || skipped(path));
    }

    fn add_below(&mut self, folder: &Path, kinds: &[&str], skipped: &dyn Fn(&Path) -> bool) {
        let first = fs::canonicalize(folder).is_ok_and(|folder| self.visited.insert(folder));
        if !first {
            return;
        }
        for path in entries(folder) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir() {
                if !name.starts_with('.') && !skipped(&path) {
                    self.add_below(&path, kinds, skipped);
                }
            } else if path
                .extension()
                .is_some_and(|kind| kinds.iter().any(|known| kind == *known))
            {
                self.add(&path);
            }
        }
    }
}

/// Returns the paths in a folder, sorted; none if it cannot be read.
pub(super) fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}
