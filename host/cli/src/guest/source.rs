//! Loads the guest named on the command line: a component file, or a folder, which the toolchain of
//! its language builds first.

use super::build::Build;
use super::{cargo, javascript, python};
use anyhow::{Context, bail};
use std::path::{Path, PathBuf};

/// Reads a component file.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| {
        let hint = if path.is_dir() {
            ": expected a component file; build the crate first, as `localmap run` does"
        } else {
            ": expected a component file"
        };
        format!("cannot read `{}`{hint}", path.display())
    })
}

/// Reads the component file `guest`, or builds the folder `guest`.
pub(crate) fn load(guest: &Path, build: Build<'_>) -> anyhow::Result<Vec<u8>> {
    if !guest.is_dir() {
        let guest = read(guest)?;
        build.check_unused("a component file")?;
        return Ok(guest);
    }
    let built = build_folder(guest, build)
        .with_context(|| format!("cannot build the guest in `{}`", guest.display()))?;
    read(&built)
}

/// Builds `folder` with the toolchain that its files call for. Returns the path of the component.
fn build_folder(folder: &Path, build: Build<'_>) -> anyhow::Result<PathBuf> {
    if folder.join(cargo::MANIFEST).is_file() {
        return cargo::build(folder, build);
    }
    if folder.join(python::APP).is_file() {
        return python::build(folder, build);
    }
    if folder.join(javascript::MANIFEST).is_file() {
        return javascript::build(folder, build);
    }
    bail!(
        "it has no Cargo.toml, app.py or package.json; expected a guest in Rust, Python or \
         JavaScript, or the path of a component file"
    );
}
