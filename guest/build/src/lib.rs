//! Builds guests in a build script: for tests and benchmarks, which run the same kind of
//! guest and share what they compile.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "wasm32-wasip2";

/// The guests of the package whose build script this is.
#[derive(Debug)]
pub struct Guests {
    root: PathBuf,
    target: PathBuf,
}

impl Guests {
    /// Guests whose sources are in `folder`, a path below the root of the repository. Cargo
    /// runs the build script again when one of them, or what all guests are made of, changes.
    ///
    /// # Panics
    ///
    /// Outside of a build script.
    pub fn new(folder: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for watched in ["Cargo.toml", "Cargo.lock", "guest", "wit", folder] {
            println!("cargo::rerun-if-changed={}", root.join(watched).display());
        }
        // A target folder of their own, as cargo holds the lock of ours: below the folder of
        // the profile, out of `build/PACKAGE/out`.
        let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
        let profile = out.ancestors().nth(3).expect("it is deep enough");
        let target = profile.join("guests");
        Self { root, target }
    }

    /// Builds packages as components. Returns the folder that they are in, each as
    /// `NAME.wasm`.
    ///
    /// # Panics
    ///
    /// If they do not build.
    pub fn components(&self, packages: &[&str]) -> PathBuf {
        add_target();
        self.build(&["--target", TARGET], packages);
        self.target.join(TARGET).join("guest")
    }

    /// Builds packages for this machine. Returns the folder that they are in.
    ///
    /// # Panics
    ///
    /// If they do not build.
    pub fn natives(&self, packages: &[&str]) -> PathBuf {
        self.build(&[], packages);
        self.target.join("guest")
    }

    /// Builds packages as guests are built: each optimised as a whole.
    fn build(&self, options: &[&str], packages: &[&str]) {
        let mut cargo = Command::new(env::var_os("CARGO").expect("cargo sets CARGO"));
        cargo
            .current_dir(&self.root)
            .args(["build", "--locked", "--profile", "guest"])
            .args(options)
            .arg("--target-dir")
            .arg(&self.target)
            // What clippy and cargo set for us is not meant for another target.
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env_remove("RUSTC_WORKSPACE_WRAPPER")
            .env_remove("RUSTC_WRAPPER");
        for package in packages {
            cargo.args(["-p", package]);
        }
        let status = cargo.status().expect("cargo can be started");
        assert!(status.success(), "the guests do not build: {packages:?}");
    }
}

/// Adds the target, as rustup does it only where nobody has switched that off. Without rustup
/// the build names what is missing.
fn add_target() {
    let installed = Command::new("rustup")
        .args(["target", "list", "--installed"])
        .output();
    let Ok(installed) = installed else { return };
    if !installed.status.success() {
        return;
    }
    if !String::from_utf8_lossy(&installed.stdout)
        .lines()
        .any(|line| line == TARGET)
    {
        let added = Command::new("rustup")
            .args(["target", "add", TARGET])
            .status();
        assert!(
            added.is_ok_and(|status| status.success()),
            "rustup cannot add {TARGET}"
        );
    }
}
