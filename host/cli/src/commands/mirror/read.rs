//! `--get` and `--dump`: what the copy has.

use super::text::{counted, span};
use crate::commands::shell::tokens::Quoted;
use crate::exit_code::FAILED;
use crate::terminal::stdio::{note, unless_closed};
use anyhow::{Context, Error, anyhow};
use localmap_mirror::{Freshness, MirrorReader, OmittedKey, Read, ReadError};
use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;
use std::process::ExitCode;

/// The most omitted keys that are named.
const MAX_NAMED: usize = 10;

/// Writes the value of a key. `prefix` is that of the mirror, which users may put in front of the key by
/// mistake.
pub(super) fn get(mirror: &MirrorReader, key: &[u8], prefix: &[u8]) -> anyhow::Result<ExitCode> {
    let read = match mirror.get(key) {
        Ok(read) => read,
        Err(ReadError::Omitted { reason, .. }) => {
            return Err(anyhow!("{} is not in the copy: {reason}", Quoted(key)));
        }
        Err(error) => return Err(error.into()),
    };
    warn_if_stale(&read);
    let Some(entry) = read.found else {
        let rest = key.strip_prefix(prefix).filter(|_| !prefix.is_empty());
        let hint = match rest {
            Some(rest) => format!("; without the prefix, the key is {}", Quoted(rest)),
            None => String::new(),
        };
        note(format_args!(
            "{} is absent at revision {}{hint}",
            Quoted(key),
            read.as_of
        ));
        return Ok(ExitCode::from(FAILED));
    };
    let mut out = io::stdout().lock();
    let written = out.write_all(&entry.value).and_then(|()| out.flush());
    unless_closed(written.context("cannot write to standard output"))
}

/// Writes all entries in the order of their keys.
pub(super) fn dump(mirror: &MirrorReader) -> anyhow::Result<ExitCode> {
    let mut entries = Vec::new();
    // The order of the copy is none, so all of it is needed before the first line.
    let read = mirror.visit(|key, entry| {
        entries.push((key.to_vec(), entry.to_entry()));
        ControlFlow::Continue(())
    })?;
    let omitted = mirror.omitted();
    entries.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    let mut out = BufWriter::new(io::stdout().lock());
    let written = entries.iter().try_for_each(|(key, entry)| {
        let (key, value) = (Quoted(key), Quoted(&entry.value));
        writeln!(out, "{key} {value} revision {}", entry.mod_revision)
    });
    let written = written.and_then(|()| out.flush());
    let code = unless_closed(written.context("cannot write to standard output"))?;
    if code != ExitCode::SUCCESS {
        return Ok(code);
    }
    warn_if_stale(&read);
    let count = counted(entries.len() as u64, "entry", "entries");
    note(format_args!("{count} at revision {}", read.as_of));
    note_omitted(omitted.map_err(Error::from)?.found);
    Ok(ExitCode::SUCCESS)
}

fn warn_if_stale<T>(read: &Read<T>) {
    if let Freshness::Stale { age } = read.freshness {
        note(format_args!("Warning: the copy may be {} old", span(age)));
    }
}

/// Names keys that the copy does not have, though etcd does.
fn note_omitted(mut omitted: Vec<OmittedKey>) {
    omitted.sort_unstable_by(|one, other| one.key.cmp(&other.key));
    for OmittedKey { key, reason, .. } in omitted.iter().take(MAX_NAMED) {
        note(format_args!("{} is omitted: {reason}", Quoted(key)));
    }
    if let Some(more) = omitted
        .len()
        .checked_sub(MAX_NAMED)
        .filter(|more| *more > 0)
    {
        note(format_args!(
            "and {}",
            counted(more as u64, "other key", "other keys")
        ));
    }
}
