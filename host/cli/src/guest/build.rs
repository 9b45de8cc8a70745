//! What every toolchain that builds a guest folder needs: the options, a clean environment, and the
//! end of a build that the user interrupts.

use anyhow::{Context, bail};
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, ExitStatus, Output, Stdio};

/// Options for building a folder.
#[derive(Clone, Copy, Default)]
pub(crate) struct Build<'a> {
    /// Use `cargo component build` instead of `cargo build --target wasm32-wasip2`.
    pub(crate) with_cargo_component: bool,
    /// The profile to build with, or `None` for `release`.
    pub(crate) profile: Option<&'a str>,
    /// The name of the binary to build, for a crate with several.
    pub(crate) bin: Option<&'a str>,
}

impl Build<'_> {
    /// Rejects all of these options for a guest that is not the folder of a crate: it is `what`.
    pub(super) fn check_unused(&self, what: &str) -> anyhow::Result<()> {
        let given = [
            ("--bin", self.bin.is_some()),
            ("--profile", self.profile.is_some()),
            ("--with-cargo-component", self.with_cargo_component),
        ];
        match given.into_iter().find(|(_, given)| *given) {
            Some((option, _)) => bail!("{option} is for crates, and this is {what}"),
            None => Ok(()),
        }
    }
}

/// The user has interrupted a build with Ctrl-C, which also ends the program.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub(crate) struct Interrupted;

/// Returns a command that runs `program` in the guest's folder: without input, and without the
/// variables that describe the program that started this one instead of the guest.
pub(crate) fn tool(program: &str, folder: &Path) -> Command {
    let mut tool = Command::new(program);
    tool.current_dir(folder).stdin(Stdio::null());
    let names: Vec<OsString> = env::vars_os().map(|(name, _)| name).collect();
    let by_cargo = names.iter().any(|name| name == "CARGO");
    let own_toolchain = has_toolchain_file(folder);
    for name in names {
        if by_cargo && is_set_by_cargo(&name) || own_toolchain && name == TOOLCHAIN {
            tool.env_remove(name);
        }
    }
    tool
}

/// Runs a command to its end and collects its standard output. Its standard error is the user's,
/// since toolchains report their progress there. `missing` completes the message if it cannot be
/// started.
pub(super) fn run(tool: &mut Command, missing: &str) -> anyhow::Result<Output> {
    let output = tool.stderr(Stdio::inherit()).output();
    let output = output.with_context(|| {
        let program = tool.get_program().to_string_lossy();
        format!("cannot start `{program}`{missing}")
    })?;
    check_interrupted(output.status)?;
    Ok(output)
}

/// Returns an error if Ctrl-C has ended a command with this status.
pub(super) fn check_interrupted(status: ExitStatus) -> Result<(), Interrupted> {
    match interrupted(status) {
        true => Err(Interrupted),
        false => Ok(()),
    }
}

/// The variable that makes rustup use a certain toolchain whatever the files of a folder say.
const TOOLCHAIN: &str = "RUSTUP_TOOLCHAIN";

/// Returns `true` for the variables that `cargo run` sets: they describe the crate of the program
/// that it starts, and name the toolchain that has built it. All other variables of Cargo and
/// rustup configure a build, so that they are the user's.
fn is_set_by_cargo(name: &OsStr) -> bool {
    const NAMES: [&str; 9] = [
        TOOLCHAIN,
        "CARGO",
        "CARGO_CRATE_NAME",
        "CARGO_MANIFEST_DIR",
        "CARGO_MANIFEST_LINKS",
        "CARGO_MANIFEST_PATH",
        "CARGO_PRIMARY_PACKAGE",
        "CARGO_TARGET_TMPDIR",
        "OUT_DIR",
    ];
    const PREFIXES: [&str; 4] = ["CARGO_BIN_", "CARGO_CFG_", "CARGO_FEATURE_", "CARGO_PKG_"];
    let name = name.to_string_lossy();
    NAMES.contains(&&*name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Returns `true` if a file names the toolchain of the folder, as rustup looks for it.
fn has_toolchain_file(folder: &Path) -> bool {
    let Ok(folder) = folder.canonicalize() else {
        return false;
    };
    folder.ancestors().any(|folder| {
        let mut files = ["rust-toolchain", "rust-toolchain.toml"].into_iter();
        files.any(|file| folder.join(file).is_file())
    })
}

/// Returns `true` if Ctrl-C has ended the command, or a child of it.
#[cfg(unix)]
fn interrupted(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt;
    const SIGINT: i32 = 2;
    status.signal() == Some(SIGINT) || status.code() == Some(128 + SIGINT)
}

#[cfg(not(unix))]
fn interrupted(_: ExitStatus) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_sets_what_describes_the_crate_of_the_program() {
        for name in [
            "RUSTUP_TOOLCHAIN",
            "CARGO",
            "CARGO_MANIFEST_DIR",
            "CARGO_PKG_VERSION",
            "CARGO_BIN_EXE_localmap",
        ] {
            assert!(is_set_by_cargo(OsStr::new(name)), "{name}");
        }
        for name in [
            "CARGO_HOME",
            "CARGO_TARGET_DIR",
            "CARGO_BUILD_JOBS",
            "CARGO_NET_OFFLINE",
            "CARGO_PROFILE_RELEASE_LTO",
            "RUSTUP_HOME",
            "RUSTFLAGS",
            "PATH",
        ] {
            assert!(!is_set_by_cargo(OsStr::new(name)), "{name}");
        }
    }
}
