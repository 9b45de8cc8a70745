//! Builds the guest in a folder that is a crate.

use super::build::{Build, run, tool};
use crate::terminal::stdio::note;
use anyhow::{Context, anyhow, bail};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// The file that makes a folder a crate.
pub(super) const MANIFEST: &str = "Cargo.toml";

const TARGET: &str = "wasm32-wasip2";
const NO_CARGO: &str = "; install Rust from https://rustup.rs";

/// Builds the crate in `folder`. Returns the path of the component.
pub(super) fn build(folder: &Path, build: Build<'_>) -> anyhow::Result<PathBuf> {
    let package = package(folder)?;
    let guest = package.guest(build.bin)?;
    let mut cargo = tool("cargo", folder);
    if build.with_cargo_component {
        cargo.args(["component", "build"]);
    } else {
        add_target(folder)?;
        cargo.args(["build", "--target", TARGET]);
    }
    if guest.is("bin") {
        cargo.args(["--bin", &guest.name]);
    } else {
        cargo.arg("--lib");
    }
    // Cargo reports the files that it has built on standard output.
    cargo
        .args(["--profile", build.profile.unwrap_or("release")])
        .args(["--message-format", "json-render-diagnostics"]);
    let output = run(&mut cargo, NO_CARGO)?;
    if !output.status.success() {
        let hint = if build.with_cargo_component {
            "; is cargo-component installed (`cargo install --locked cargo-component@0.21.1`), \
             and does Cargo.toml have a section [package.metadata.component]?"
        } else {
            ""
        };
        bail!("`cargo` failed ({}){hint}", output.status);
    }
    let mut messages = output.stdout.split(|byte| *byte == b'\n');
    messages
        .find_map(|line| {
            let artifact: Artifact = serde_json::from_slice(line).ok()?;
            let own = artifact.manifest_path == package.manifest_path;
            let own = own && artifact.target == *guest;
            let mut files = artifact.filenames.into_iter();
            files.find(|file| own && file.extension().is_some_and(|end| end == "wasm"))
        })
        .ok_or_else(|| anyhow!("`cargo` has built no component of `{}`", guest.name))
}

/// What `cargo metadata` says of the packages of a workspace.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

/// A package.
#[derive(Deserialize)]
struct Package {
    manifest_path: PathBuf,
    targets: Vec<Target>,
    default_run: Option<String>,
}

/// A library, binary, example, test or benchmark of a package.
#[derive(Deserialize, PartialEq)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// A message of `cargo build` about the files of a target.
#[derive(Deserialize)]
struct Artifact {
    manifest_path: PathBuf,
    target: Target,
    filenames: Vec<PathBuf>,
}

impl Target {
    fn is(&self, kind: &str) -> bool {
        self.kind.iter().any(|own| own == kind)
    }
}

impl Package {
    /// Returns the binary named `bin`, the binary that `default-run` names, or else the only
    /// target that can be a guest.
    fn guest(&self, bin: Option<&str>) -> anyhow::Result<&Target> {
        let bins = || self.targets.iter().filter(|target| target.is("bin"));
        let names = || {
            let names: Vec<&str> = bins().map(|target| target.name.as_str()).collect();
            names.join(", ")
        };
        if let Some(name) = bin.or(self.default_run.as_deref()) {
            return bins()
                .find(|target| target.name == name)
                .ok_or_else(|| match bins().next() {
                    None => anyhow!("it has no binary `{name}`, and no other"),
                    Some(_) => anyhow!("it has no binary `{name}`; expected one of: {}", names()),
                });
        }
        let mut guests = bins().chain(self.targets.iter().filter(|target| target.is("cdylib")));
        match (guests.next(), guests.next()) {
            (Some(one), None) => Ok(one),
            (None, _) => bail!("it has no binary; expected a crate with one binary, the guest"),
            (Some(one), Some(_)) if bins().count() == 1 => bail!(
                "it has a binary and a library of the kind cdylib; name the binary with --bin {}",
                one.name
            ),
            _ => bail!(
                "it has several binaries; name one with --bin NAME, or with `default-run` in its \
                 Cargo.toml: {}",
                names()
            ),
        }
    }
}

/// Returns the package whose manifest is in `folder`.
fn package(folder: &Path) -> anyhow::Result<Package> {
    let mut cargo = tool("cargo", folder);
    cargo.args(["metadata", "--format-version", "1", "--no-deps"]);
    let output = run(&mut cargo, NO_CARGO)?;
    if !output.status.success() {
        bail!("`cargo` cannot read its Cargo.toml");
    }
    let metadata: Metadata = serde_json::from_slice(&output.stdout)
        .context("cannot read the output of `cargo metadata`")?;
    let manifest = folder.join(MANIFEST).canonicalize()?;
    metadata
        .packages
        .into_iter()
        .find(|package| {
            let path = package.manifest_path.canonicalize();
            path.is_ok_and(|path| path == manifest)
        })
        .ok_or_else(|| {
            // In a workspace, Cargo would build all members.
            anyhow!(
                "its Cargo.toml has no [package]; expected the folder of a single guest, not a \
                 workspace"
            )
        })
}

/// Adds the wasm target to the current toolchain if it is missing. rustup may be configured not
/// to add it automatically.
pub(crate) fn add_target(folder: &Path) -> anyhow::Result<()> {
    let rustup = |args: &[&str]| {
        tool("rustup", folder)
            .args(args)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn package(targets: &[(&str, &str)], default_run: Option<&str>) -> Package {
        let target = |(name, kind): &(&str, &str)| Target {
            name: (*name).to_owned(),
            kind: vec![(*kind).to_owned()],
        };
        Package {
            manifest_path: PathBuf::from("/hits/Cargo.toml"),
            targets: targets.iter().map(target).collect(),
            default_run: default_run.map(str::to_owned),
        }
    }

    #[test]
    fn the_guest_is_the_binary_that_is_named_or_the_only_one() {
        let several = [("a", "bin"), ("b", "bin"), ("lib", "cdylib"), ("c", "test")];
        for (targets, default_run, bin, guest) in [
            (&several[..1], None, None, "a"),
            (&several[..1], None, Some("a"), "a"),
            (&several[..2], Some("b"), None, "b"),
            (&several[..2], Some("b"), Some("a"), "a"),
            (&several[2..], None, None, "lib"),
            (&several[..], Some("a"), None, "a"),
        ] {
            let package = package(targets, default_run);
            assert_eq!(package.guest(bin).unwrap().name, guest);
        }
    }

    #[test]
    fn a_crate_without_one_guest_is_refused_with_the_names_of_its_binaries() {
        let several = [("a", "bin"), ("lib", "cdylib"), ("b", "bin"), ("c", "test")];
        for (targets, bin, words) in [
            (&several[3..], None, "no binary"),
            (&several[3..], Some("c"), "no binary `c`"),
            (&several[..], None, "--bin NAME"),
            (&several[..], None, ": a, b"),
            (&several[..], Some("lib"), "expected one of: a, b"),
            (&several[..2], None, "--bin a"),
        ] {
            let error = package(targets, None).guest(bin).err().unwrap();
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}
