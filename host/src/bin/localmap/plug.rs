//! `localmap plug`: an app and its map in one file.

use crate::guest::read;
use crate::limits::LimitArgs;
use anyhow::Context;
use std::path::PathBuf;
use std::process::ExitCode;

/// Makes one self-contained component out of an app and a map of its own.
///
/// The app is a component that imports localmap:core/local-map. What comes out runs
/// on any WASI 0.2 host; each instance of it has a map with the limits given here. It
/// exports localmap:core/control for its host, which the app cannot reach.
#[derive(clap::Args)]
pub(crate) struct Plug {
    /// The app, a component file
    app: PathBuf,

    /// Where the component is written
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    #[command(flatten)]
    limits: LimitArgs,
}

impl Plug {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let app = read(&self.app)?;
        let plugged = localmap::plug(&app, &self.limits.limits())
            .with_context(|| format!("cannot plug `{}`", self.app.display()))?;
        std::fs::write(&self.output, plugged)
            .with_context(|| format!("cannot write `{}`", self.output.display()))?;
        Ok(ExitCode::SUCCESS)
    }
}
