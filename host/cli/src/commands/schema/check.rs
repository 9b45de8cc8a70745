//! `localmap schema check`: checks a schema before it is used.

use super::output::{print, summary};
use crate::args::schema::VersionArg;
use anyhow::bail;
use localmap_schema::{Digest, PreloadOptions, Preloaded, Source, VersionRange, load, read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Checks the schema in a folder, as a program does that starts with it.
///
/// It says whether the schema is missing, newer or older than what --schema-version accepts, newer
/// than this program, damaged or unreadable, and what to do about it. A schema is damaged if it is not,
/// to the byte, what `localmap schema preload` has written.
///
/// The exit code is 0 if the schema can be used, 1 if it cannot, and 2 for a wrong option.
#[derive(clap::Args)]
pub(crate) struct CheckCommand {
    /// Folder of `localmap schema preload`, or a schema file that is still to be preloaded
    #[arg(value_name = "DIR")]
    path: PathBuf,

    #[command(flatten)]
    version: VersionArg,

    /// Refuse a schema with another digest: the 64 hexadecimal digits that `sha256sum SRC` prints
    #[arg(long, value_name = "DIGEST", value_parser = str::parse::<Digest>)]
    sha256: Option<Digest>,
}

impl CheckCommand {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let preloaded = open(&self.path, self.version.schema_version)?;
        if let Some(expected) = self.sha256
            && preloaded.digest() != expected
        {
            bail!(
                "the schema in {} has the sha256 {}, not {expected}: preload that one",
                self.path.display(),
                preloaded.digest()
            );
        }
        let summary = summary(&preloaded);
        print(format!("{}: {summary}\n", self.path.display()).as_bytes())
    }
}

/// Reads the schema in a folder, or one that is still to be preloaded.
pub(super) fn open(path: &Path, accepted: Option<VersionRange>) -> anyhow::Result<Preloaded> {
    if !path.is_file() {
        return Ok(load(path, accepted.as_ref())?);
    }
    let options = PreloadOptions::new().max_size(localmap_schema::MAX_SIZE);
    let options = match accepted {
        Some(accepted) => options.version(accepted),
        None => options,
    };
    Ok(read(Source::File(path), &options)?)
}
