//! Builds the guest in a folder that is a crate.

use super::build::Build;
use crate::terminal::stdio::note;
use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The file that makes a folder a crate.
pub(super) const MANIFEST: &str = "Cargo.toml";

/// Builds the crate in `folder`. Returns the path of the component.
pub(super) fn build(folder: &Path, build: Build<'_>) -> anyhow::Result<PathBuf> {
    let manifest = folder.join(MANIFEST);
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
    let own = manifest.canonicalize().ok()? == folder.join(MANIFEST).canonicalize().ok()?;
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
