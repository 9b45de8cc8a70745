//! Loads the guest named on the command line: a component file, or a folder with a crate, which is
//! built first.

use crate::terminal::stdio::note;
use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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

/// Options for building a folder.
#[derive(Clone, Copy)]
pub(crate) struct Build<'a> {
    /// Use `cargo component build` instead of `cargo build --target wasm32-wasip2`.
    pub(crate) with_cargo_component: bool,
    pub(crate) profile: &'a str,
}

/// Reads the component file `guest`, or builds the crate in the folder `guest`.
pub(crate) fn load(guest: &Path, build: Build<'_>) -> anyhow::Result<Vec<u8>> {
    if guest.is_dir() {
        let built = build_crate(guest, build)
            .with_context(|| format!("cannot build the guest in `{}`", guest.display()))?;
        read(&built)
    } else {
        read(guest)
    }
}

/// Builds the crate in `folder`. Returns the path of the component.
fn build_crate(folder: &Path, build: Build<'_>) -> anyhow::Result<PathBuf> {
    let manifest = folder.join("Cargo.toml");
    if !manifest.is_file() {
        bail!("it has no Cargo.toml; expected a guest crate, or the path of a component file");
    }
    // In a workspace, Cargo would build all members.
    let text = std::fs::read_to_string(&manifest).context("cannot read its Cargo.toml")?;
    if !text.lines().any(|line| line.trim_end() == "[package]") {
        bail!(
            "its Cargo.toml has no [package]; expected the folder of a single guest, not a workspace"
        );
    }
    let mut cargo = Command::new("cargo");
    if build.with_cargo_component {
        cargo.args(["component", "build"]);
    } else {
        add_target(folder)?;
        cargo.args(["build", "--target", TARGET]);
    }
    // Cargo reports its progress on standard error, and the files that it has built on standard
    // output.
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
             and does Cargo.toml have a section [package.metadata.component]?"
        } else {
            ""
        };
        bail!("`cargo` failed ({}){hint}", output.status);
    }
    let built: Vec<PathBuf> = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .filter_map(|message| component_in(&message, folder))
        .collect();
    match built.as_slice() {
        [one] => Ok(one.clone()),
        [] => bail!("it has no binary; expected a crate with one binary, the guest"),
        several => bail!(
            "it has {} binaries; give the path of one component file: {}",
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

/// Returns the path of the component if this message of cargo reports one from the folder's own
/// crate.
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

/// Adds the wasm target to the current toolchain if it is missing. rustup may be configured not
/// to add it automatically.
pub(crate) fn add_target(folder: &Path) -> anyhow::Result<()> {
    let rustup = |args: &[&str]| {
        Command::new("rustup")
            .args(args)
            .current_dir(folder)
            .stdin(Stdio::null())
            .output()
    };
    // Rust or its toolchain was not installed by rustup. If the target is missing, cargo reports
    // it.
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
