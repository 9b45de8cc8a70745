//! `localmap plug`: an app and its map in one file.

use crate::args::buckets::BucketArgs;
use crate::args::limits::LimitArgs;
use crate::guest::source::read;
use anyhow::Context;
use localmap::PlugOptions;
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode};
use std::{fs, io};

/// Makes one self-contained component out of an app and a map of its own.
///
/// The app is a component that imports localmap:core/local-map or wasi:keyvalue. What
/// comes out runs on any WASI 0.2 host; each instance of it has a map with the limits given here. It
/// exports localmap:core/control for its host, which the app cannot reach.
#[derive(clap::Args)]
pub(crate) struct PlugCommand {
    /// The app, a component file
    app: PathBuf,

    /// Where the component is written
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,

    #[command(flatten)]
    limits: LimitArgs,

    #[command(flatten)]
    buckets: BucketArgs,
}

impl PlugCommand {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let app = read(&self.app)?;
        let options = PlugOptions::new()
            .limits(self.limits.limits())
            .buckets(self.buckets.buckets());
        let plugged = localmap::plug_with(&app, &options)
            .with_context(|| format!("cannot plug `{}`", self.app.display()))?;
        write(&self.output, &plugged)
            .with_context(|| format!("cannot write `{}`", self.output.display()))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Writes all of a file or nothing: what is there, which may be the app itself, stays if
/// the disk is full. What is no file, such as /dev/stdout, is written to.
fn write(output: &Path, bytes: &[u8]) -> io::Result<()> {
    if output.exists() && !output.is_file() {
        return fs::write(output, bytes);
    }
    let mut part = output.as_os_str().to_owned();
    part.push(format!(".{}.part", process::id()));
    fs::write(&part, bytes)
        .and_then(|()| fs::rename(&part, output))
        .inspect_err(|_| {
            // It may not even be there.
            let _ = fs::remove_file(&part);
        })
}
