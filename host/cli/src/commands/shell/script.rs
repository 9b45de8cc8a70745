//! Runs commands from a pipe or a file: one per line, up to the first error.

use super::failure::Failure;
use super::session::Session;
use anyhow::{Context, bail};
use localmap::Limits;
use std::io::{BufRead, BufReader, Read, Write};

/// The byte order mark in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Returns the maximum length of a line in bytes: enough for a value of the maximum size
/// and a few hundred keys, all in escapes.
pub(super) fn max_line_len(limits: &Limits) -> u64 {
    const ESCAPE: u64 = 4;
    let value = limits.max_value.min(limits.max_bytes);
    let keys = 256 * (u64::from(limits.max_key) + 1);
    value.saturating_add(keys).saturating_mul(ESCAPE)
}

/// Executes the lines of `input`. Flushes `out` before it returns an error, so that the
/// results before it are printed first.
pub(super) fn run(
    session: &mut Session,
    max_line_len: u64,
    input: impl Read,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let result = run_lines(session, max_line_len, BufReader::new(input), out);
    out.flush().map_err(Failure::Output)?;
    result
}

fn run_lines(
    session: &mut Session,
    max_line_len: u64,
    mut input: BufReader<impl Read>,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let mut line = Vec::new();
    for number in 1_u64.. {
        // A program that waits for the answer before it writes the next line must receive it.
        if input.buffer().is_empty() {
            out.flush().map_err(Failure::Output)?;
        }
        line.clear();
        let read = input
            .by_ref()
            .take(max_line_len.saturating_add(1))
            .read_until(b'\n', &mut line)
            .context("cannot read standard input")?;
        if read == 0 {
            break;
        }
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        if text.len() as u64 > max_line_len {
            bail!("line {number}: longer than {max_line_len} bytes, the maximum for these limits");
        }
        // Windows' editors write one at the beginning of a file.
        let text = match number {
            1 => text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text),
            _ => text,
        };
        match session.execute_line(text, out) {
            Ok(flow) if flow.is_break() => break,
            Ok(_) => {}
            Err(failure @ Failure::Output(_)) => return Err(failure.into()),
            Err(failure) => bail!("line {number}: {:#}", anyhow::Error::from(failure)),
        }
    }
    Ok(())
}
