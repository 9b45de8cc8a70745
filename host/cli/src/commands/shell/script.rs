//! Commands from a pipe or a file: one per line, up to the first error.

use super::session::{Failure, Session};
use anyhow::{Context, bail};
use localmap::Limits;
use std::io::{BufRead, BufReader, Read, Write};

/// The bytes of the longest line that a map with these limits can have a use for:
/// one with its largest value and a few hundred keys, all in escapes.
pub(super) fn longest_line(limits: &Limits) -> u64 {
    const ESCAPE: u64 = 4;
    let value = limits.max_value.min(limits.max_bytes);
    let keys = 256 * (u64::from(limits.max_key) + 1);
    value.saturating_add(keys).saturating_mul(ESCAPE)
}

/// Carries out the lines of `input`. What was printed before an error comes out
/// before it.
pub(super) fn run(
    session: &mut Session,
    longest_line: u64,
    input: impl Read,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let done = lines(session, longest_line, BufReader::new(input), out);
    out.flush().map_err(Failure::Output)?;
    done
}

fn lines(
    session: &mut Session,
    longest_line: u64,
    mut input: BufReader<impl Read>,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let mut line = Vec::new();
    for number in 1_u64.. {
        // Who waits for our answer before writing on must get it.
        if input.buffer().is_empty() {
            out.flush().map_err(Failure::Output)?;
        }
        line.clear();
        let read = input
            .by_ref()
            .take(longest_line.saturating_add(1))
            .read_until(b'\n', &mut line)
            .context("cannot read standard input")?;
        if read == 0 {
            break;
        }
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        if text.len() as u64 > longest_line {
            bail!("line {number}: it is longer than {longest_line} bytes");
        }
        match session.line(text, out) {
            Ok(flow) if flow.is_break() => break,
            Ok(_) => {}
            Err(failure @ Failure::Output(_)) => return Err(failure.into()),
            Err(failure) => bail!("line {number}: {:#}", anyhow::Error::from(failure)),
        }
    }
    Ok(())
}
