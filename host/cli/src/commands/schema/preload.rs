//! `localmap schema preload`: writes a schema into a folder.

use super::output::{print, summary};
use crate::args::schema::VersionArg;
use crate::args::values::parse_size;
use localmap_schema::{
    DEFAULT_MAX_SIZE, DEFAULT_MODE, Digest, FILE_NAME, MAX_SIZE, PreloadOptions, Source, preload,
};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Checks a schema and writes it into a folder.
///
/// A crash at any point leaves the file that was there, or the new one. If DEST_DIR has the same file
/// already, with the same mode, nothing is written. The checks are, in this order: SRC is a regular
/// file or the standard input, and not too large; it has the digest of --sha256; it is a schema; its
/// file of entries has the digest in the schema; it serves one of the versions of --schema-version.
///
/// Nothing is fetched; pipe it in: `curl -sSf URL | localmap schema preload --sha256 DIGEST - DEST_DIR`.
/// An answer that is cut has another digest. Without --sha256, use JSON: cut JSON is no JSON, but cut
/// TOML may still be TOML.
///
/// The exit code is 0 if DEST_DIR has the schema, whether or not it had it before, 1 if a check or a
/// step of the write fails, and 2 for a wrong option.
#[derive(clap::Args)]
pub(crate) struct PreloadCommand {
    /// Schema in TOML or JSON: a regular file, or `-` for standard input
    ///
    /// It may be a symbolic link to a file in the same folder, as those of a ConfigMap are.
    #[arg(value_name = "SRC")]
    source: PathBuf,

    /// Existing folder to write the file `localmap-schema` to; not a symbolic link, and without `..`
    #[arg(value_name = "DEST_DIR")]
    folder: PathBuf,

    /// Refuse a schema with another digest: the 64 hexadecimal digits that `sha256sum SRC` prints
    #[arg(long, value_name = "DIGEST", value_parser = str::parse::<Digest>)]
    sha256: Option<Digest>,

    #[command(flatten)]
    version: VersionArg,

    /// File of entries that the schema names [default: the file of that name next to SRC]
    #[arg(long, value_name = "FILE")]
    entries: Option<PathBuf>,

    /// Maximum size of the schema and of its file of entries, each, at most 64MiB [default: 1MiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_max_size)]
    max_size: Option<u64>,

    /// Mode of the file in octal digits, whatever the umask: 0640 if a group reads it (`fsGroup`), 0644
    /// if any user does [default: 0640]
    #[arg(long, value_name = "MODE", value_parser = parse_mode)]
    mode: Option<u32>,
}

impl PreloadCommand {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let options = PreloadOptions::new()
            .max_size(self.max_size.unwrap_or(DEFAULT_MAX_SIZE))
            .mode(self.mode.unwrap_or(DEFAULT_MODE));
        let options = match self.sha256 {
            Some(digest) => options.sha256(digest),
            None => options,
        };
        let options = match self.version.schema_version {
            Some(accepted) => options.version(accepted),
            None => options,
        };
        let options = match &self.entries {
            Some(path) => options.entries(path),
            None => options,
        };
        let mut stdin = io::stdin().lock();
        let source = match self.source == Path::new("-") {
            true => Source::Reader(&mut stdin),
            false => Source::File(&self.source),
        };
        let done = preload(source, &self.folder, &options)?;
        let what = match done.written {
            true => "written",
            false => "unchanged",
        };
        let file = self.folder.join(FILE_NAME);
        let summary = summary(&done.preloaded);
        print(format!("{}: {what}, {summary}\n", file.display()).as_bytes())
    }
}

fn parse_max_size(text: &str) -> Result<u64, String> {
    match parse_size(text)? {
        size if size > MAX_SIZE => Err("use at most 64MiB".to_owned()),
        size => Ok(size),
    }
}

/// Parses a mode. The owner must be able to read the file, and nobody gets more than read and write.
fn parse_mode(text: &str) -> Result<u32, String> {
    let digits = (3..=4).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_digit());
    let mode = digits.then(|| u32::from_str_radix(text, 8).ok()).flatten();
    match mode {
        Some(mode) if mode & !0o666 == 0 && mode & 0o400 != 0 => Ok(mode),
        _ => Err(
            "use octal digits such as 0640 or 0444: read and write alone, and read for the owner"
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_octal_and_give_neither_more_nor_less_than_they_should() {
        for (text, mode) in [("0640", 0o640), ("444", 0o444), ("0600", 0o600)] {
            assert_eq!(parse_mode(text), Ok(mode));
        }
        for bad in [
            "", "40", "0", "0o640", "0240", "0755", "4644", "00640", "0648", "-640", "+640",
        ] {
            assert!(parse_mode(bad).is_err(), "{bad}");
        }
    }
}
