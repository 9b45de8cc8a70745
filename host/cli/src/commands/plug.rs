//! `localmap plug`: composes an app and a map into one component.

use crate::args::buckets::BucketArgs;
use crate::args::limits::LimitArgs;
use crate::guest::source::read;
use anyhow::Context;
use localmap::PlugOptions;
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode};
use std::{fs, io};

/// Composes an app and a map into one self-contained component.
///
/// APP is a component that imports localmap:core/local-map or wasi:keyvalue. The result runs
/// on any WASI 0.2 host, and each instance of it has its own map with the limits given here.
/// It exports localmap:core/control for its host; the app cannot reach that interface.
#[derive(clap::Args)]
pub(crate) struct PlugCommand {
    /// Component file of the app
    app: PathBuf,

    /// File to write the component to
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

/// Writes a file completely or not at all: if the disk is full, an existing file, which may be the
/// app itself, remains unchanged. Anything except a regular file, such as /dev/stdout, is written
/// directly.
fn write(output: &Path, bytes: &[u8]) -> io::Result<()> {
    if output.exists() && !output.is_file() {
        return fs::write(output, bytes);
    }
    let mut part = output.as_os_str().to_owned();
    part.push(format!(".{}.part", process::id()));
    fs::write(&part, bytes)
        .and_then(|()| fs::rename(&part, output))
        .inspect_err(|_| {
            // Reports only the first error. The temporary file may not exist.
            let _ = fs::remove_file(&part);
        })
}
