//! The guest that the command line names: a component file, or a folder with a crate
//! that is built first.

use crate::terminal::stdio::note;
use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Reads a component file.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| {
        let hint = if path.is_dir() {
            ": expected a component file; build the crate first, or let `localmap run` do so"
        } else {
            ": expected a component file"
        };
        format!("cannot read `{}`{hint}", path.display())
    })
}

/// How a folder is built.
#[derive(Clone, Copy)]
pub(crate) struct Build<'a> {
    /// `cargo component build` in place of `cargo build --target wasm32-wasip2`.
    pub(crate) with_cargo_component: bool,
    pub(crate) profile: &'a str,
}

/// The component that `guest` names.
pub(crate) fn load(guest: &Path, build: Build<'_>) -> anyhow::Result<Vec<u8>> {
    if guest.is_dir() {
        let built = build_crate(guest, build)
            .with_context(|| format!("cannot build the guest in `{}`", guest.display()))?;
        read(&built)
    } else {
        read(guest)
    }
}

/// Builds the crate in `folder` and tells which file came out.
fn build_crate(folder: &Path, build: Build<'_>) -> anyhow::Result<PathBuf> {
    if !folder.join("Cargo.toml").is_file() {
        bail!(
            "there is no Cargo.toml in it; expected a guest crate, or the path of a component file"
        );
    }
    let mut cargo = Command::new("cargo");
    if build.with_cargo_component {
        cargo.args(["component", "build"]);
    } else {
        add_target(folder)?;
        cargo.args(["build", "--target", TARGET]);
    }
    // Cargo tells people on stderr what it does, and us on stdout what it made.
    let output = cargo
        .args(["--profile", build.profile])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start `cargo`; install Rust from https://rustup.rs")?;
    if !output.status.success() {
        let hint = if build.with_cargo_component {
            "; is cargo-component installed (`cargo install --locked cargo-component@0.21.1`), \
             and has Cargo.toml a section [package.metadata.component]?"
        } else {
            ""
        };
        bail!("`cargo` failed ({}){hint}", output.status);
    }
    let made: Vec<PathBuf> = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .filter_map(|message| component_in(&message, folder))
        .collect();
    match made.as_slice() {
        [one] => Ok(one.clone()),
        [] => bail!("it has no binary; expected a crate with one, which is the guest"),
        several => bail!(
            "it has {} binaries; name the component file itself: {}",
            several.len(),
            several
                .iter()
                .map(|path| path.display().to_string())
                .collect::<Vec<_>>()
                .join(", ")
        ),
    }
}

const TARGET: &str = "wasm32-wasip2";

/// The component of the folder's own crate, if that is what cargo tells of.
fn component_in(message: &serde_json::Value, folder: &Path) -> Option<PathBuf> {
    let manifest = Path::new(message.get("manifest_path")?.as_str()?);
    let own = manifest.canonicalize().ok()? == folder.join("Cargo.toml").canonicalize().ok()?;
    let kinds = message.get("target")?.get("kind")?.as_array()?;
    let guest = kinds.iter().any(|kind| kind == "bin" || kind == "cdylib");
    if !own || !guest {
        return None;
    }
    let files = message.get("filenames")?.as_array()?;
    let file = files
        .iter()
        .filter_map(|file| file.as_str())
        .find(|file| file.ends_with(".wasm"))?;
    Some(PathBuf::from(file))
}

/// Adds the wasm target to the toolchain in use, where it is not there: rustup does so by
/// itself only where nobody has switched that off.
pub(crate) fn add_target(folder: &Path) -> anyhow::Result<()> {
    let rustup = |args: &[&str]| {
        Command::new("rustup")
            .args(args)
            .current_dir(folder)
            .stdin(Stdio::null())
            .output()
    };
    // Rust or a toolchain that was not installed by rustup: cargo will tell if the target
    // is missing.
    let Ok(installed) = rustup(&["target", "list", "--installed"]) else {
        return Ok(());
    };
    if !installed.status.success() {
        return Ok(());
    }
    let installed = String::from_utf8_lossy(&installed.stdout);
    if installed.lines().any(|target| target == TARGET) {
        return Ok(());
    }
    note(format_args!("Adding the target {TARGET} with rustup"));
    let added = rustup(&["target", "add", TARGET]).context("cannot start `rustup`")?;
    if !added.status.success() {
        bail!(
            "`rustup target add {TARGET}` failed: {}",
            String::from_utf8_lossy(&added.stderr).trim()
        );
    }
    Ok(())
}
