//! The output of the commands.

use crate::terminal::stdio::unless_closed;
use anyhow::Context;
use localmap_schema::Preloaded;
use std::io::{self, Write};
use std::process::ExitCode;

/// Describes a schema on one line: the versions, the numbers of prefixes and entries, and the digest.
pub(super) fn summary(preloaded: &Preloaded) -> String {
    let count = |count: usize, one: &str, several: &str| match count {
        1 => format!("1 {one}"),
        count => format!("{count} {several}"),
    };
    let schema = preloaded.schema();
    format!(
        "version {}, {}, {}, sha256 {}",
        schema.version(),
        count(schema.prefixes().len(), "prefix", "prefixes"),
        count(schema.entries().len(), "entry", "entries"),
        preloaded.digest()
    )
}

/// Writes all of the output.
pub(super) fn print(text: &[u8]) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text).and_then(|()| out.flush());
    unless_closed(written.context("cannot write to standard output"))
}
