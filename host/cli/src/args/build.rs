//! The options for building a guest that is given as a folder.

use crate::guest::build::Build;
use crate::guest::source::load;
use std::path::Path;

#[derive(clap::Args)]
pub(crate) struct BuildArgs {
    /// Binary of a crate to build, if it has several [default: `default-run` in its Cargo.toml]
    #[arg(long, value_name = "NAME")]
    bin: Option<String>,

    /// Cargo profile for building a crate [default: release]
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,

    /// Build a crate with `cargo component build`
    #[arg(long)]
    with_cargo_component: bool,
}

impl BuildArgs {
    /// Reads the guest, or builds it first.
    pub(crate) fn load(&self, guest: &Path) -> anyhow::Result<Vec<u8>> {
        let build = Build {
            with_cargo_component: self.with_cargo_component,
            profile: self.profile.as_deref(),
            bin: self.bin.as_deref(),
        };
        load(guest, build)
    }
}
